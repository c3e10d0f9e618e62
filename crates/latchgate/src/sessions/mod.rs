//! All sessions of the application: found, begun, updated, ended and refreshed, over sealed cookies or a store, in one
//! process or on many nodes. Nothing here knows a provider: what a refresh does comes as a [`Refresher`].

mod begin;
mod check;
mod cookies;
mod end;
mod end_by_name;
mod loaded;
mod lookup;
mod marks;
mod pending_ends;
mod processed_tokens;
mod refresh;
mod registrations;
mod revocations;
mod sealed;
mod shared_marks;
mod stored;
mod timing;
mod unopened;
mod update;

use std::sync::Arc;

use crate::background::Background;
use crate::cookie::CookieKind;
use crate::io::{Clock, Random};
use crate::seal::KeyRing;
use crate::session::Lifetimes;
use crate::store::SessionStore;

pub(crate) use begin::Beginning;
pub(crate) use loaded::LoadedSession;
pub(crate) use lookup::{Lookup, SessionCookie};
pub(crate) use pending_ends::SignedOut;
pub(crate) use refresh::{RefreshOutcome, Refresher};
pub(crate) use registrations::Registrations;
pub(crate) use stored::Ticket;
pub(crate) use timing::TIMING;

use pending_ends::PendingEnds;
use refresh::Refreshes;
use revocations::Revocations;
use sealed::SealedSessions;
use stored::StoredSessions;
use unopened::Unopened;

/// The sessions of one application.
pub(crate) struct Sessions {
    backend: Backend,
    keys: Arc<KeyRing>,
    cookie: CookieKind,
    lifetimes: Lifetimes,
    refreshes: Arc<Refreshes>,
    revocations: Revocations,
    pending_ends: PendingEnds,
    unopened: Unopened,
    background: Arc<Background>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// Where sessions are kept.
#[expect(clippy::large_enum_variant, reason = "an application has one of these")]
#[derive(Debug)]
enum Backend {
    /// In the cookie itself, sealed.
    Sealed(SealedSessions),
    /// In a store; the cookie has a ticket.
    Stored(StoredSessions),
}

/// What [`Sessions::new`] needs.
pub(crate) struct SessionsConfig {
    /// `None` for sessions in cookies.
    pub(crate) store: Option<Arc<dyn SessionStore>>,
    /// Where nodes share revocations.
    pub(crate) revocations: Option<Arc<dyn SessionStore>>,
    pub(crate) keys: Arc<KeyRing>,
    /// Whose sessions these are.
    pub(crate) registrations: Registrations,
    pub(crate) cookie: CookieKind,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) background: Arc<Background>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

impl Sessions {
    pub(crate) fn new(config: SessionsConfig) -> Self {
        let common_store = config.revocations.as_ref().or(config.store.as_ref());
        let revocations = Revocations::new(
            Arc::clone(&config.keys),
            config.lifetimes.absolute,
            config.revocations.clone(),
            common_store.cloned(),
        );
        let backend = match config.store {
            Some(store) => Backend::Stored(StoredSessions::new(store, config.registrations)),
            None => Backend::Sealed(SealedSessions::new(
                config.cookie.clone(),
                config.registrations,
            )),
        };
        Self {
            backend,
            keys: config.keys,
            cookie: config.cookie,
            lifetimes: config.lifetimes,
            refreshes: Arc::default(),
            revocations,
            pending_ends: PendingEnds::default(),
            unopened: Unopened::default(),
            background: config.background,
            clock: config.clock,
            random: config.random,
        }
    }

    /// The time, in seconds since the epoch.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// How long sessions last.
    pub(crate) fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }
}

debug_fields!(Sessions { backend });

#[cfg(test)]
pub(crate) mod example {
    //! Sessions as tests have them.

    use super::*;
    use crate::cookie::{SameSite, Transport};
    use crate::io::scripted::{CountingRandom, StoppedClock};
    use crate::seal::SessionKey;
    use crate::session::Session;

    /// The key that has sealed for years.
    pub(crate) const KEY: [u8; 32] = *b"a key that has sealed for years.";

    /// Sessions at `https://app.example` of a client of `https://op.example`, sealed.
    pub(crate) fn config(clock: impl Clock + 'static) -> SessionsConfig {
        let keys = [SessionKey::from_bytes(KEY)];
        let keys = KeyRing::new(&keys, &["https://app.example"]);
        SessionsConfig {
            store: None,
            revocations: None,
            keys: Arc::new(keys.unwrap()),
            registrations: Registrations::example(),
            cookie: CookieKind::new("latchgate", Transport::Https, SameSite::Lax),
            lifetimes: Lifetimes::default(),
            // On the test's own runtime, if it has one.
            background: Arc::new(Background::new(tokio::runtime::Handle::try_current().ok())),
            clock: Arc::new(clock),
            random: Arc::new(CountingRandom::default()),
        }
    }

    /// The sessions at this time, sealed or in a store.
    pub(crate) fn sessions(store: Option<Arc<dyn SessionStore>>, now: u64) -> Arc<Sessions> {
        Arc::new(Sessions::new(SessionsConfig {
            store,
            ..config(StoppedClock(now))
        }))
    }

    impl Sessions {
        pub(crate) fn refreshes(&self) -> &Arc<Refreshes> {
            &self.refreshes
        }

        pub(crate) fn are_stored(&self) -> bool {
            matches!(self.backend, Backend::Stored(_))
        }

        pub(super) fn stored(&self) -> &StoredSessions {
            match &self.backend {
                Backend::Stored(stored) => stored,
                Backend::Sealed(_) => panic!("sessions lie in no store"),
            }
        }

        /// Adds a session to the store. Its ticket.
        pub(crate) async fn put(&self, session: &Session) -> Ticket {
            let ticket = Ticket::draw(session.id, self.random.as_ref()).unwrap();
            let inserted = self
                .stored()
                .insert(&self.keys, &ticket, session, [9; 12], 1_000);
            assert!(inserted.await.unwrap());
            ticket
        }

        /// The session of a ticket, as it lies in the store.
        pub(crate) async fn get(&self, ticket: &Ticket) -> Option<Session> {
            let found = self.stored().load(&self.keys, ticket, self.now()).await;
            found.unwrap().map(|found| found.session)
        }
    }
}
