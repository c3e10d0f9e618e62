//! Visits: requests of the application's that carry a session cookie. Opened when somebody asks.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderValue, header};
use tokio::sync::OnceCell;

use super::door::Found;
use super::{Gate, Kept};
use crate::cookie::Pieces;
use crate::error::Error;
use crate::head::RequestHead;
use crate::session::{Ended, Renewed, Ticket, User};

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
    /// Why the session is over that the request brought.
    over: Option<Ended>,
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
    /// Calls `each` with every name (lower case) and value.
    fn each(&self, each: &mut dyn FnMut(&str, &[u8]));
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

    fn each(&self, each: &mut dyn FnMut(&str, &[u8])) {
        for (name, value) in self {
            each(name.as_str(), value.as_bytes());
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
        let opened = self.ask(head);
        let visit = self.clone();
        async move {
            opened.await?;
            Ok(match visit.0.opened.get() {
                Some(Opened::Somebody { user }) => Some(user.clone()),
                _ => None,
            })
        }
    }

    /// Writes what the visit changed into the head of the application's response, whatever kind of
    /// response it is.
    pub(super) fn leave(&self, response: &mut dyn ResponseHead) {
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
            .and_then(|kept| premises.renewals.since(&kept.session))
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

    /// Why the session is over, as far as the visit has found out.
    pub(super) fn over(&self) -> Option<Ended> {
        self.changes().over
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
        self.opening(fields).await
    }

    /// The same, for somebody who lets go of the request meanwhile.
    pub(super) fn opening<'a>(
        &self,
        fields: impl Iterator<Item = &'a [u8]>,
    ) -> impl Future<Output = Result<Option<Kept>, Error>> + Send + 'static {
        let lead = self.look(fields);
        let visit = self.clone();
        async move {
            visit.follow(lead).await?;
            Ok(visit.kept())
        }
    }

    pub(super) fn kept(&self) -> Option<Kept> {
        self.changes().kept.clone()
    }

    /// The session, opened because the application asks.
    pub(super) fn ask(
        &self,
        head: &dyn RequestHead,
    ) -> impl Future<Output = Result<Option<Kept>, Error>> + Send + use<> {
        let lead = self.look(head.cookie_fields().into_iter());
        let visit = self.clone();
        async move {
            visit.changes().asked = true;
            visit.follow(lead).await?;
            Ok(visit.kept())
        }
    }

    /// Goes on without the session, which is over.
    pub(super) fn lose(&self, why: Ended) {
        let mut changes = self.changes();
        changes.kept = None;
        changes.over = Some(why);
        changes.write = true;
    }

    /// Goes on with a session that has changed; the response will carry it.
    pub(super) fn keep(&self, changed: Kept) {
        let mut changes = self.changes();
        changes.kept = Some(changed);
        changes.write = true;
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
            None => match premises.ticket(&pieces) {
                Some(ticket) => Lead::Ticket(ticket),
                None => {
                    premises.tell_unopened(&pieces, premises.clock.now());
                    Lead::Done
                }
            },
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
                let user = User::new(Arc::clone(&kept.session), Arc::clone(&premises.claim_paths))
                    .stored_under(kept.ticket.as_ref().map(Ticket::key));
                changes.kept = Some(kept);
                changes.write = due;
                Opened::Somebody { user }
            }
            Found::Over { why, .. } => {
                tracing::debug!(event = "session_over", code = why.code(), %why, "the session is over");
                changes.over = Some(why);
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

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::builder::Provider;
    use crate::outside::scripted::{ScriptedHttp, StoppedClock};
    use crate::session::Session;

    impl Visit {
        /// A visit at 1001 of somebody who has this session, sealed.
        pub(in crate::gate) fn example(session: &Arc<Session>) -> Self {
            let gate = Gate::builder(
                "http://localhost:3000",
                Provider::new("https://op.example", "my-app").client_secret("s3cret"),
            )
            .http_client(ScriptedHttp::default())
            .clock(StoppedClock(1_001))
            .build()
            .unwrap();
            let visit = Self::new(gate);
            visit.keep(Kept {
                session: Arc::clone(session),
                ticket: None,
            });
            visit
        }
    }

    /// A visit that has something to write, the suffix of a cookie that its request had, and its session.
    fn visit() -> (Visit, Arc<Session>) {
        let session = Arc::new(Session::example());
        let visit = Visit::example(&session);
        visit.changes().present = vec![String::new()];
        (visit, session)
    }

    /// What the response does with the session cookie: its values, `""` where it is removed.
    fn left(visit: &Visit) -> Vec<String> {
        let mut response = HeaderMap::new();
        visit.leave(&mut response);
        let name = visit.gate().0.session_cookie.name();
        let lines = response.get_all(header::SET_COOKIE).into_iter();
        let value = |line: &HeaderValue| {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            let (found, value) = pair.split_once('=').unwrap();
            assert_eq!(found, name);
            value.to_owned()
        };
        lines.map(value).collect()
    }

    #[test]
    fn a_response_writes_no_session_that_has_ended_meanwhile() {
        for why in [Ended::EndedByProvider, Ended::Revoked, Ended::Ceiling] {
            let (visit, session) = visit();
            visit.gate().0.renewals.end(&session, why, 1_001);
            assert_eq!(left(&visit), [""], "{why:?}");
        }
        // Who signed out had it removed then. The cookie there by now may be a newer session's.
        let (visit, session) = visit();
        visit
            .gate()
            .0
            .renewals
            .end(&session, Ended::SignedOut, 1_001);
        assert_eq!(left(&visit), [""; 0]);
    }

    #[test]
    fn a_response_writes_the_newest_generation() {
        let (visit, session) = visit();
        let mut newer = (*session).clone();
        newer.generation = 7;
        assert!(visit.gate().0.renewals.advance(&Arc::new(newer), 1_001));
        let cookies = left(&visit);
        let premises = &visit.gate().0;
        let name = premises.session_cookie.name();
        let field = format!("{name}={}", cookies[0]);
        let pieces = Pieces::collect([field.as_bytes()].into_iter(), name);
        let Some(Found::Live {
            found_generation, ..
        }) = premises.unseal(&pieces, 1_001)
        else {
            panic!("no session in {cookies:?}")
        };
        assert_eq!((cookies.len(), found_generation), (1, 7));
    }
}
