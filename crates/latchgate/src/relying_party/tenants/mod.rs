//! The relying parties of tenants, which the application finds by the tenant's name when they are needed.
//!
//! Names come from sessions and pending logins, which were sealed, and from strangers, who can invent as many as they like:
//!
//! * The application's answers are cached: a provider for some minutes (the oldest are dropped if there are too many), and
//!   that there is none for [`UNKNOWN`] seconds, in a separate cache, so that invented names displace nothing.
//! * There is one look-up for a name at a time, in a task that nobody can interrupt. Others that need the name wait for its
//!   answer.
//! * Strangers who ask for names that do not exist use up a [`Budget`]. When it is spent, names that this process does not
//!   know are not looked up for strangers; sessions, pending logins and names that it does know are not affected.
//! * If the application cannot answer, it is asked about the same name again after [`PAUSE`] seconds, and its previous
//!   answer is used for an hour at most.

mod budget;
mod resolution;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::{RelyingParty, RelyingPartyConfig};
use crate::authorization::LoginOptions;
use crate::background::Background;
use crate::client::{Registration, is_tenant_name};
use crate::error::{Error, TenantError};
use crate::expiring_map::ExpiringMap;
use crate::hook::Hook;
use crate::io::{Clock, HttpClient, Random};
use budget::Budget;
use resolution::Resolution;

/// The application's resolver: from the name of a tenant to the registration at its provider.
pub(crate) type TenantResolver = Hook<String, Option<TenantProvider>>;

/// The registration at a tenant's provider, the options of logins there, and the client that calls it.
pub(crate) type TenantProvider = (Registration, LoginOptions, Arc<dyn HttpClient>);

/// How long it is remembered that there is no tenant of a name, in seconds.
const UNKNOWN: u64 = 30;

/// How many such names are remembered.
const UNKNOWN_NAMES: usize = 4_096;

/// How long the application is not asked again about a name after it could not answer, in seconds.
const PAUSE: u64 = 5;

/// How long an answer is used beyond its age while the application cannot give another, in seconds.
const STALE: u64 = 3_600;

/// How many names of strangers are looked up at once, and how many of sessions; others wait.
const STRANGERS: usize = 16;
const SESSIONS: usize = 64;

/// How long a request waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Who asks for a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// Anybody, by whatever name.
    Stranger,
    /// A session or a pending login, which was sealed, so that there was a tenant of this name; or the application itself.
    Session,
}

/// The relying parties of the tenants of one application.
pub(crate) struct TenantParties {
    config: TenantConfig,
    /// By the hash of the name.
    known: ExpiringMap<NameKey, Arc<KnownTenant>>,
    unanswered: ExpiringMap<NameKey, Unanswered>,
    under_way: Mutex<UnderWay>,
    budget: Mutex<Budget>,
    for_strangers: Semaphore,
    for_sessions: Semaphore,
}

/// What the relying parties of tenants are made of.
pub(crate) struct TenantConfig {
    pub(crate) resolver: TenantResolver,
    /// How many tenants are kept.
    pub(crate) capacity: usize,
    /// How long an answer is used, in seconds.
    pub(crate) max_age: u64,
    /// Whether the domain of an address is the name of a tenant.
    pub(crate) by_email_domain: bool,
    pub(crate) leeway: u64,
    pub(crate) background: Arc<Background>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

type NameKey = [u8; 32];

#[derive(Debug)]
struct KnownTenant {
    party: Arc<RelyingParty>,
    good_until: u64,
}

/// Why there is no provider for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unanswered {
    /// There is no such tenant.
    Unknown,
    /// The application could not say.
    Unavailable,
}

/// What became of a look-up, for all who wait for it.
type TenantAnswer = Result<Arc<RelyingParty>, Unanswered>;

/// The names that the application is being asked about.
#[derive(Default)]
struct UnderWay {
    /// Those whose answer will still count, with the number of their look-up.
    answers: HashMap<NameKey, (u64, watch::Receiver<Option<TenantAnswer>>)>,
    last: u64,
}

impl UnderWay {
    /// Ends this look-up. `false` if its answer does not count any more.
    fn end(&mut self, key: &NameKey, number: u64) -> bool {
        let own = self.answers.get(key);
        let counts = own.is_some_and(|(current, _)| *current == number);
        if counts {
            self.answers.remove(key);
        }
        counts
    }
}

impl TenantParties {
    pub(crate) fn new(config: TenantConfig) -> Self {
        let now = config.clock.now();
        Self {
            known: ExpiringMap::bounded(config.capacity),
            unanswered: ExpiringMap::bounded(UNKNOWN_NAMES),
            under_way: Mutex::default(),
            budget: Mutex::new(Budget::full(now)),
            for_strangers: Semaphore::new(STRANGERS),
            for_sessions: Semaphore::new(SESSIONS),
            config,
        }
    }

    /// Whether the domain of an address is the name of a tenant.
    pub(crate) fn are_named_by_email_domain(&self) -> bool {
        self.config.by_email_domain
    }

    /// The one of a tenant, if there is such a tenant.
    ///
    /// # Errors
    ///
    /// [`TenantError::Unavailable`] when the application cannot say, or is not asked.
    pub(crate) async fn find(
        self: &Arc<Self>,
        name: &str,
        asker: Asker,
    ) -> Result<Option<Arc<RelyingParty>>, Error> {
        if !is_tenant_name(name) {
            return Ok(None);
        }
        let key = key(name);
        let answer = match self.remembered(&key) {
            Some(answer) => answer,
            None => {
                let mut answer = self.look_up(name, key, asker)?;
                let answer = timeout(PATIENCE, answer.wait_for(Option::is_some)).await;
                // Or it was dropped unfinished: the server stops.
                let answer = answer.ok().and_then(Result::ok);
                answer
                    .and_then(|answer| answer.clone())
                    .unwrap_or(Err(Unanswered::Unavailable))
            }
        };
        match answer {
            Ok(party) => Ok(Some(party)),
            Err(Unanswered::Unknown) => Ok(None),
            Err(Unanswered::Unavailable) => Err(TenantError::Unavailable.into()),
        }
    }

    /// The one of a tenant, if it is known and not too old: for callers that do not wait.
    pub(crate) fn good(&self, name: &str) -> Option<Arc<RelyingParty>> {
        let now = self.now();
        let known = self.known.get(&key(name), now)?;
        (known.good_until > now).then(|| Arc::clone(&known.party))
    }

    /// The one of a tenant as it was found last.
    pub(crate) fn last(&self, name: &str) -> Option<Arc<RelyingParty>> {
        let known = self.known.get(&key(name), self.now())?;
        Some(Arc::clone(&known.party))
    }

    /// Forgets a tenant: the application is asked again when the tenant is next needed. An answer that is on its way is used
    /// by those who wait for it, and by nobody after them.
    pub(crate) fn forget(&self, name: &str) {
        let (key, now) = (key(name), self.now());
        let mut under_way = self.under_way();
        under_way.answers.remove(&key);
        self.known.entry(key, now).remove();
        self.unanswered.entry(key, now).remove();
    }

    /// The answer, unless the application has to be asked.
    fn remembered(&self, key: &NameKey) -> Option<TenantAnswer> {
        let now = self.now();
        let known = self.known.get(key, now);
        if let Some(known) = known.as_ref().filter(|known| known.good_until > now) {
            return Some(Ok(Arc::clone(&known.party)));
        }
        match (self.unanswered.get(key, now)?, known) {
            (Unanswered::Unavailable, Some(stale)) => Some(Ok(Arc::clone(&stale.party))),
            (unanswered, _) => Some(Err(unanswered)),
        }
    }

    /// The answer to come: of a look-up that is under way, or of a new one.
    fn look_up(
        self: &Arc<Self>,
        name: &str,
        key: NameKey,
        asker: Asker,
    ) -> Result<watch::Receiver<Option<TenantAnswer>>, Error> {
        let now = self.now();
        let mut under_way = self.under_way();
        if let Some((_, answer)) = under_way.answers.get(&key) {
            return Ok(answer.clone());
        }
        // One that has ended just now.
        if let Some(answer) = self.remembered(&key) {
            return Ok(watch::channel(Some(answer)).1);
        }
        let charged = asker == Asker::Stranger && self.known.get(&key, now).is_none();
        if charged && !self.budget().take(now) {
            return Err(TenantError::Unavailable.into());
        }
        let (tell, answer) = watch::channel(None);
        under_way.last += 1;
        let number = under_way.last;
        under_way.answers.insert(key, (number, answer.clone()));
        drop(under_way);
        let resolution = Resolution {
            tenants: Arc::clone(self),
            key,
            number,
            charged,
            tell,
        };
        let background = Arc::clone(&self.config.background);
        background.spawn(resolution.run(name.to_owned(), asker));
        Ok(answer)
    }

    /// A relying party with this registration, which keeps the connection of the previous one.
    fn party(
        &self,
        (registration, login_options, http): TenantProvider,
        before: Option<&KnownTenant>,
    ) -> Arc<RelyingParty> {
        let config = &self.config;
        let party = RelyingParty::new(RelyingPartyConfig {
            registration,
            login_options,
            http,
            leeway: config.leeway,
            background: Arc::clone(&config.background),
            clock: Arc::clone(&config.clock),
            random: Arc::clone(&config.random),
        });
        Arc::new(match before {
            Some(before) => party.continuing(&before.party),
            None => party,
        })
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.config.clock.now()
    }
}

fn key(name: &str) -> NameKey {
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, name.as_bytes()).as_ref());
    key
}

debug_fields!(TenantParties { known });

#[cfg(test)]
mod tests;
