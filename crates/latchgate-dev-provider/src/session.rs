//! The provider's own sessions: who is signed in at which browser ([OpenID Connect Session Management
//! §2](https://openid.net/specs/openid-connect-session-1_0.html) calls it the OP session). Single sign-on, `prompt=none`,
//! `prompt=login`, `max_age` and logout depend on them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::person::Person;
use crate::scope::Scope;
use crate::world::random_token;

/// One person signed in at one browser.
#[derive(Debug, Clone)]
pub(crate) struct OpSession {
    /// The session's name, as clients see it; the browser's cookie is another, secret value.
    pub(crate) sid: String,
    pub(crate) person: Arc<Person>,
    pub(crate) auth_time: u64,
    pub(crate) acr: String,
    /// The clients that were let in, each with what was consented to.
    pub(crate) consents: HashMap<String, Scope>,
}

impl OpSession {
    pub(crate) fn has_consented(&self, client_id: &str, scope: &Scope) -> bool {
        self.consents
            .get(client_id)
            .is_some_and(|consented| scope.is_within(consented))
    }

    pub(crate) fn clients(&self) -> BTreeSet<String> {
        self.consents.keys().cloned().collect()
    }
}

/// All sessions, by the value of the browser's cookie.
#[derive(Default)]
pub(crate) struct OpSessions(Mutex<HashMap<String, OpSession>>);

impl OpSessions {
    /// Signs somebody in and returns the cookie's new value. The same person at the same browser keeps the `sid`;
    /// anybody else replaces the session.
    pub(crate) fn sign_in(
        &self,
        cookie: Option<&str>,
        person: Arc<Person>,
        auth_time: u64,
        acr: String,
    ) -> (String, OpSession) {
        let mut sessions = self.sessions();
        let previous = cookie.and_then(|cookie| sessions.remove(cookie));
        let session = match previous {
            Some(previous) if previous.person.sub == person.sub => OpSession {
                person,
                auth_time,
                acr,
                ..previous
            },
            _ => OpSession {
                sid: random_token(),
                person,
                auth_time,
                acr,
                consents: HashMap::new(),
            },
        };
        let cookie = random_token();
        sessions.insert(cookie.clone(), session.clone());
        (cookie, session)
    }

    pub(crate) fn get(&self, cookie: &str) -> Option<OpSession> {
        self.sessions().get(cookie).cloned()
    }

    pub(crate) fn consent(&self, cookie: &str, client_id: &str, scope: &Scope) {
        if let Some(session) = self.sessions().get_mut(cookie) {
            session
                .consents
                .entry(client_id.to_owned())
                .or_default()
                .extend(scope);
        }
    }

    /// Ends a session, found by its cookie or by its `sid`.
    pub(crate) fn end(&self, cookie: Option<&str>, sid: Option<&str>) -> Option<OpSession> {
        let mut sessions = self.sessions();
        if let Some(ended) = cookie.and_then(|cookie| sessions.remove(cookie)) {
            return Some(ended);
        }
        let sid = sid?;
        let key = sessions
            .iter()
            .find(|(_, session)| session.sid == sid)
            .map(|(key, _)| key.clone())?;
        sessions.remove(&key)
    }

    pub(crate) fn all(&self) -> Vec<OpSession> {
        self.sessions().values().cloned().collect()
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, OpSession>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
