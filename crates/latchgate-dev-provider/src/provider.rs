//! The state that all endpoints share. It knows none of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use http::{HeaderMap, HeaderValue, header};

use crate::authorization_request::Transactions;
use crate::client::Client;
use crate::dpop::{Proofs, Server};
use crate::grants::Ledger;
use crate::journal::Journal;
use crate::keys::Keyring;
use crate::mischief::Mischief;
use crate::person::Person;
use crate::pushed_requests::PushedRequests;
use crate::session::{OpSession, OpSessions};
use crate::settings::Settings;
use crate::used_assertions::UsedAssertions;
use crate::world::Clock;

/// Everything the endpoints share.
pub(crate) struct Provider {
    /// Where its endpoints are, without a slash at the end.
    pub(crate) origin: String,
    pub(crate) issuer: String,
    pub(crate) session_cookie: String,
    pub(crate) people: Vec<Arc<Person>>,
    pub(crate) clients: RwLock<Vec<Arc<Client>>>,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) keys: Keyring,
    pub(crate) sessions: OpSessions,
    pub(crate) transactions: Transactions,
    pub(crate) pushed_requests: PushedRequests,
    pub(crate) proofs: Proofs,
    pub(crate) used_assertions: UsedAssertions,
    pub(crate) ledger: Mutex<Ledger>,
    pub(crate) journal: Journal,
    pub(crate) mischief: Mischief,
    pub(crate) auto_sign_in: RwLock<Option<Arc<Person>>>,
}

impl Provider {
    pub(crate) fn now(&self) -> u64 {
        (self.clock)()
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn client(&self, client_id: &str) -> Option<Arc<Client>> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        clients
            .iter()
            .find(|client| client.client_id == client_id)
            .cloned()
    }

    /// The person with this subject identifier, or a new one with this name.
    pub(crate) fn person_or_free_form(&self, name: &str) -> Arc<Person> {
        let typed = Person::free_form(name);
        self.people
            .iter()
            .find(|person| person.sub == name || person.sub == typed.sub)
            .cloned()
            .unwrap_or_else(|| Arc::new(typed))
    }

    /// Adds the nonce for the next proof to the answer to a request that has one.
    pub(crate) fn add_nonce(&self, asked: &HeaderMap, server: Server, answer: &mut HeaderMap) {
        if !asked.contains_key("dpop") {
            return;
        }
        let nonce = self.proofs.next_nonce(self.settings.dpop_nonces, server);
        if let Some(Ok(nonce)) = nonce.map(HeaderValue::try_from) {
            answer.insert("dpop-nonce", nonce);
        }
    }

    /// The value of the browser's session cookie and the session it stands for, if there is one.
    pub(crate) fn session(&self, headers: &HeaderMap) -> Option<(String, OpSession)> {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == self.session_cookie)
            .find_map(|(_, value)| Some((value.to_owned(), self.sessions.get(value)?)))
    }
}
