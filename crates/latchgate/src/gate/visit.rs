//! Visits: requests of the application's that carry a session cookie. Opened when somebody asks.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderValue, header};
use tokio::sync::OnceCell;
use tracing::Instrument;

use super::door::Found;
use super::{Gate, Kept, Premises};
use crate::cookie::Pieces;
use crate::error::Error;
use crate::head::RequestHead;
use crate::session::{AccessToken, Ended, Renewed, Session, Ticket, User};

/// One request with a session cookie, on its way through the application. Cheap to clone.
///
/// Nothing is decrypted and no store is asked until a handler, an extractor or a guard asks; then
/// it happens once, however many ask.
#[derive(Clone)]
pub struct Visit(Arc<Carried>);

struct Carried {
    gate: Gate,
    opened: OnceCell<Opened>,
    /// The session as it is now, after refreshes; and the suffixes of its cookies in this request.
    changes: Mutex<Changes>,
}

#[derive(Debug)]
enum Opened {
    Somebody { user: User },
    Nobody,
}

#[derive(Debug, Default)]
struct Changes {
    present: Vec<String>,
    kept: Option<Kept>,
    /// The cookies have to be written again, or, without a session, removed.
    write: bool,
    asked: bool,
}

/// The headers of a response, as far as a visit changes them.
pub trait ResponseHead {
    /// Whether a header is there.
    fn contains(&self, name: &str) -> bool;
    /// Adds a header, keeping others of the same name.
    fn append(&mut self, name: &'static str, value: &[u8]);
    /// Sets a header, replacing others of the same name.
    fn replace(&mut self, name: &'static str, value: &[u8]);
}

impl ResponseHead for http::HeaderMap {
    fn contains(&self, name: &str) -> bool {
        self.contains_key(name)
    }

    fn append(&mut self, name: &'static str, value: &[u8]) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            self.append(name, value);
        }
    }

    fn replace(&mut self, name: &'static str, value: &[u8]) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            self.insert(name, value);
        }
    }
}

/// What the session cookie of a request leads to, before a store is asked.
enum Lead {
    Done,
    /// What a sealed cookie holds, for other nodes to confirm.
    Found(Found),
    Ticket(Ticket),
}

/// How long a request waits for fresh tokens.
const PATIENCE: Duration = Duration::from_secs(12);

/// How long it waits while the old ones are still good.
const SHORT_PATIENCE: Duration = Duration::from_secs(3);

/// How often a request asks for newer tokens, when what it gets has changed in other ways only.
const ROUNDS: usize = 4;

impl Visit {
    pub(super) fn new(gate: Gate) -> Self {
        Self(Arc::new(Carried {
            gate,
            opened: OnceCell::new(),
            changes: Mutex::default(),
        }))
    }

    /// Who is signed in, if anybody.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the session lies in a store that does not answer.
    pub fn user(
        &self,
        head: &dyn RequestHead,
    ) -> impl Future<Output = Result<Option<User>, Error>> + Send + use<> {
        let lead = self.look(head.cookie_fields().into_iter());
        let visit = self.clone();
        async move {
            visit.follow(lead).await?;
            visit.changes().asked = true;
            Ok(match visit.0.opened.get() {
                Some(Opened::Somebody { user }) => Some(user.clone()),
                _ => None,
            })
        }
    }

    /// A fresh access token of the person who is signed in, if anybody is.
    ///
    /// # Errors
    ///
    /// [`Error::RefreshUnavailable`] when the token has expired and the provider cannot be asked
    /// for a new one; [`Error::Store`] when the session's store does not answer.
    pub fn access_token(
        &self,
        head: &dyn RequestHead,
    ) -> impl Future<Output = Result<Option<AccessToken>, Error>> + Send + use<> {
        let lead = self.look(head.cookie_fields().into_iter());
        let visit = self.clone();
        async move {
            visit.follow(lead).await?;
            visit.changes().asked = true;
            let now = visit.gate().0.clock.now();
            let Some(kept) = visit.kept() else {
                return Ok(None);
            };
            if !kept.session.refresh_due(now) {
                return Ok(Some(kept.access_token(now)));
            }
            if kept.session.tokens.refresh_token.is_none() {
                // Without a refresh token the rest of its life is all there is.
                return Ok(kept.is_good(now).then(|| kept.access_token(now)));
            }
            visit
                .refresh(kept, now, |session| !session.refresh_due(now))
                .await
        }
    }

    /// Refreshes the tokens now, whether due or not.
    ///
    /// # Errors
    ///
    /// As [`Visit::access_token`]. `None` when nobody is signed in, the session has no refresh
    /// token, or the provider has revoked it.
    pub fn force_refresh(
        &self,
        head: &dyn RequestHead,
    ) -> impl Future<Output = Result<Option<AccessToken>, Error>> + Send + use<> {
        let lead = self.look(head.cookie_fields().into_iter());
        let visit = self.clone();
        async move {
            visit.follow(lead).await?;
            visit.changes().asked = true;
            let now = visit.gate().0.clock.now();
            match visit
                .kept()
                .filter(|kept| kept.session.tokens.refresh_token.is_some())
            {
                Some(kept) => {
                    let before = Arc::clone(&kept.session);
                    visit
                        .refresh(kept, now, |session| session.tokens != before.tokens)
                        .await
                }
                None => Ok(None),
            }
        }
    }

    /// Refreshes until the session is what is wanted: the newest generation may be somebody's change
    /// that left the tokens as they were.
    async fn refresh(
        &self,
        mut kept: Kept,
        now: u64,
        wanted: impl Fn(&Session) -> bool,
    ) -> Result<Option<AccessToken>, Error> {
        for _ in 0..ROUNDS {
            match self.refreshed(&kept, now).await {
                Renewed::Fresh(session) => {
                    kept.session = session;
                    let mut changes = self.changes();
                    changes.kept = Some(kept.clone());
                    changes.write = true;
                    if wanted(&kept.session) {
                        return Ok(Some(kept.access_token(now)));
                    }
                }
                Renewed::Over(_) => {
                    let mut changes = self.changes();
                    changes.kept = None;
                    changes.write = true;
                    return Ok(None);
                }
                Renewed::Undecided => break,
            }
        }
        if kept.is_good(now) {
            Ok(Some(kept.access_token(now)))
        } else {
            Err(Error::RefreshUnavailable)
        }
    }

    /// Waits for a refresh of the session, but not for ever. The refresh itself goes on.
    async fn refreshed(&self, kept: &Kept, now: u64) -> Renewed {
        let premises = &self.gate().0;
        let refresh = premises.renewals.once(&kept.session, now, || {
            let refresh = self.gate().clone().refresh(kept.clone());
            refresh.instrument(tracing::info_span!("refresh"))
        });
        // A sealed session is kept by nobody but the browser, which should get the newest one.
        let patience = if kept.ticket.is_some() && kept.is_good(now) {
            SHORT_PATIENCE
        } else {
            PATIENCE
        };
        tokio::time::timeout(patience, refresh)
            .await
            .unwrap_or(Renewed::Undecided)
    }

    /// Writes what the visit changed into the head of the application's response, whatever kind of
    /// response it is.
    pub fn leave(&self, response: &mut dyn ResponseHead) {
        let premises = &self.gate().0;
        let now = premises.clock.now();
        let mut changes = self.changes();
        if changes.asked {
            response.append(header::VARY.as_str(), b"cookie");
            if !response.contains(header::CACHE_CONTROL.as_str()) {
                response.replace(header::CACHE_CONTROL.as_str(), b"private, no-store");
            }
        }
        if !changes.write {
            return;
        }
        // What happened to the session while the handler ran counts, not what it was before.
        match changes
            .kept
            .as_ref()
            .and_then(|kept| premises.renewals.since(&kept.session, now))
        {
            Some(Renewed::Over(Ended::SignedOut)) => return,
            Some(Renewed::Over(_)) => changes.kept = None,
            Some(Renewed::Fresh(session)) => {
                changes.kept = changes.kept.take().map(|kept| Kept { session, ..kept });
            }
            _ => {}
        }
        let cookies = match &changes.kept {
            Some(kept) => {
                premises.cookies(&kept.session, kept.ticket.as_ref(), &changes.present, now)
            }
            None => Ok(premises.clear(&changes.present)),
        };
        match cookies {
            Ok(cookies) => {
                for cookie in cookies {
                    response.append(header::SET_COOKIE.as_str(), cookie.as_bytes());
                }
                response.replace(header::CACHE_CONTROL.as_str(), b"private, no-store");
            }
            Err(error) => {
                tracing::error!(event = "session_not_written", code = error.code(), cause = %error.chain(), "the session could not be written");
            }
        }
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.0.gate
    }

    /// The suffixes of the session cookies in the request.
    pub(super) fn present(&self) -> Vec<String> {
        self.changes().present.clone()
    }

    /// The session, opened for one of the gate's own routes.
    pub(super) async fn open<'a>(
        &self,
        fields: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Option<Kept>, Error> {
        let lead = self.look(fields);
        self.follow(lead).await?;
        Ok(self.kept())
    }

    fn kept(&self) -> Option<Kept> {
        self.changes().kept.clone()
    }

    /// Opens a sealed session at once, or finds the ticket of a stored one.
    fn look<'a>(&self, fields: impl Iterator<Item = &'a [u8]>) -> Lead {
        if self.0.opened.initialized() {
            return Lead::Done;
        }
        let premises = &self.gate().0;
        let pieces = Pieces::collect(fields, premises.session_cookie.name());
        self.changes().present = pieces.present();
        match premises.unseal(&pieces, premises.clock.now()) {
            Some(found) if premises.shared_revocations.is_some() => Lead::Found(found),
            Some(found) => {
                let opened = self.settle(found);
                // Somebody else may have been faster; theirs is the same.
                let _ = self.0.opened.set(opened);
                Lead::Done
            }
            None => Premises::ticket(&pieces).map_or(Lead::Done, Lead::Ticket),
        }
    }

    async fn follow(&self, lead: Lead) -> Result<(), Error> {
        let open = || async {
            let premises = &self.gate().0;
            let now = premises.clock.now();
            let found = match lead {
                Lead::Ticket(ticket) => premises.load_renewed(ticket, now).await?,
                Lead::Found(found) => found,
                Lead::Done => Found::Nothing,
            };
            Ok(self.settle(premises.confirm(found, now).await?))
        };
        self.0.opened.get_or_try_init(open).await.map(|_| ())
    }

    /// Takes note of what was found.
    fn settle(&self, found: Found) -> Opened {
        let premises = &self.gate().0;
        let mut changes = self.changes();
        match found {
            Found::Live { kept, due, .. } => {
                let kept = if due {
                    kept.renewed(premises.lifetimes, premises.clock.now())
                } else {
                    kept
                };
                let user = User::new(Arc::clone(&kept.session), Arc::clone(&premises.claim_paths));
                changes.kept = Some(kept);
                changes.write = due;
                Opened::Somebody { user }
            }
            Found::Over { why, .. } => {
                tracing::debug!(event = "session_over", %why, "the session is over");
                // Who signed out had the cookies removed then; there may be newer ones by now.
                changes.write = why != Ended::SignedOut;
                Opened::Nobody
            }
            // The cookie of a session that was begun meanwhile has the same name: an answer that is
            // late must not remove it.
            Found::Gone => Opened::Nobody,
            Found::Nothing => {
                changes.write = true;
                Opened::Nobody
            }
        }
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.0
            .changes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Whether the access token has not expired, as far as known.
    fn is_good(&self, now: u64) -> bool {
        self.session.tokens.expires_in(now) != Some(0)
    }

    fn access_token(&self, now: u64) -> AccessToken {
        let tokens = &self.session.tokens;
        AccessToken::new(
            tokens.access_token.text(),
            tokens.expires_in(now),
            tokens.scope.clone(),
        )
    }

    pub(super) fn renewed(&self, lifetimes: crate::session::Lifetimes, now: u64) -> Self {
        let mut session = (*self.session).clone();
        session.times.renew(now, lifetimes);
        Self {
            session: Arc::new(session),
            ticket: self.ticket.clone(),
        }
    }
}

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visit")
            .field("opened", &self.0.opened.get())
            .finish_non_exhaustive()
    }
}
