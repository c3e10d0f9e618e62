//! The nonces that servers have sent for the next proofs
//! ([RFC 9449 §8.2](https://www.rfc-editor.org/rfc/rfc9449#section-8.2)), by server.
//!
//! Some servers accept a nonce for minutes, others once. So a nonce that is in use is taken out: no two requests that
//! are under way have the same one, and a second request goes without. It is refused with a nonce of its own, and sent
//! again with that, so however many ask at once, none takes another's.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use url::Url;

/// How many nonces of a server are kept.
const EACH: usize = 32;

/// How many servers have their nonces kept.
const SERVERS: usize = 64;

/// A server that sends nonces: the authorization server and resource servers have nonces of their own, even at one
/// origin (§9).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum NonceServer {
    /// An authorization server, by its origin.
    Authorization(String),
    /// A resource server, by its origin.
    Resource(String),
}

impl NonceServer {
    pub(crate) fn authorization(url: &Url) -> Self {
        Self::Authorization(url.origin().ascii_serialization())
    }

    pub(crate) fn resource(url: &Url) -> Self {
        Self::Resource(url.origin().ascii_serialization())
    }
}

/// The nonces that no request has at the moment, the newest of each server last.
#[derive(Default)]
pub(crate) struct Nonces(Mutex<HashMap<NonceServer, VecDeque<String>>>);

impl Nonces {
    /// Takes the newest nonce of a server.
    pub(crate) fn take(&self, server: &NonceServer) -> Option<String> {
        self.kept().get_mut(server)?.pop_back()
    }

    /// Keeps a nonce: one that came with a response, or the one that was sent if it may be good for longer.
    pub(crate) fn put(&self, server: &NonceServer, nonce: String) {
        let mut kept = self.kept();
        if !kept.contains_key(server) && kept.len() >= SERVERS {
            // Whichever: nothing is lost but one more round trip.
            let some = kept.keys().next().cloned();
            some.map(|server| kept.remove(&server));
        }
        let of_server = kept.entry(server.clone()).or_default();
        of_server.push_back(nonce);
        if of_server.len() > EACH {
            of_server.pop_front();
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<NonceServer, VecDeque<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nonces")
            .field("servers", &self.kept().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(number: usize) -> NonceServer {
        NonceServer::resource(&Url::parse(&format!("https://api{number}.example/a")).unwrap())
    }

    #[test]
    fn every_nonce_is_taken_once_and_the_newest_first() {
        let nonces = Nonces::default();
        assert_eq!(nonces.take(&server(1)), None);
        for nonce in ["a", "b"] {
            nonces.put(&server(1), nonce.to_owned());
        }
        assert_eq!(nonces.take(&server(1)).as_deref(), Some("b"));
        assert_eq!(nonces.take(&server(1)).as_deref(), Some("a"));
        assert_eq!(nonces.take(&server(1)), None);
    }

    #[test]
    fn servers_are_apart() {
        let nonces = Nonces::default();
        let url = |text| Url::parse(text).unwrap();
        let one = url("https://op.example/token");
        nonces.put(&NonceServer::authorization(&one), "a".to_owned());
        for other in [
            NonceServer::resource(&one),
            NonceServer::authorization(&url("https://op.example:8443/token")),
            NonceServer::authorization(&url("http://op.example/token")),
            NonceServer::authorization(&url("https://other.example/token")),
        ] {
            assert_eq!(nonces.take(&other), None, "{other:?}");
        }
        let same = NonceServer::authorization(&url("https://op.example/par"));
        assert_eq!(nonces.take(&same).as_deref(), Some("a"));
    }

    #[test]
    fn neither_servers_nor_nonces_pile_up() {
        let nonces = Nonces::default();
        for number in 0..1_000 {
            nonces.put(&server(0), number.to_string());
            nonces.put(&server(number), "x".to_owned());
        }
        assert!(nonces.kept().len() <= SERVERS);
        assert!(nonces.kept().values().all(|kept| kept.len() <= EACH));
    }
}
