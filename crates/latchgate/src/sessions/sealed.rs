//! Sessions in sealed cookies: they need no server and no shared state, and survive restarts.

use std::sync::Arc;

use http::HeaderValue;

use super::Registrations;
use crate::cookie::{CookieKind, Pieces, PresentPieces, TooLarge, fits, piece_suffix, split};
use crate::seal::{KeyRing, Purpose, WhySealed};
use crate::session::{Session, SessionTooLarge};

/// Seals sessions into cookies and opens them.
#[derive(Debug)]
pub(crate) struct SealedSessions {
    kind: CookieKind,
    registrations: Registrations,
}

/// A session from a cookie.
pub(crate) struct Unsealed {
    pub(crate) session: Arc<Session>,
    /// Sealed with the newest key; otherwise it is sealed again.
    pub(crate) by_newest: bool,
}

impl SealedSessions {
    /// The most cookies of a session.
    const MAX_PIECES: usize = 4;

    pub(crate) fn new(kind: CookieKind, registrations: Registrations) -> Self {
        Self {
            kind,
            registrations,
        }
    }

    /// The session in the collected pieces, if one of the candidates is genuine.
    pub(crate) fn open(&self, keys: &KeyRing, pieces: &Pieces<'_>) -> Option<Unsealed> {
        let mut genuine = pieces.candidates().filter_map(|candidate| {
            let opened = keys.open(Purpose::Session, self.kind.name(), &candidate)?;
            let session = Arc::new(Session::decode(opened.plain)?);
            self.registrations.own(&session).then_some(Unsealed {
                session,
                by_newest: opened.by_newest,
            })
        });
        let first = genuine.next();
        // Two genuine sessions under one name: somebody else set one of them.
        first.filter(|_| genuine.next().is_none())
    }

    /// Why none of the candidates opened.
    pub(crate) fn why_not(keys: &KeyRing, pieces: &Pieces<'_>) -> WhySealed {
        let candidates = pieces.candidates();
        let why = candidates.map(|text| keys.why_sealed(&text));
        why.max().unwrap_or(WhySealed::Junk)
    }

    /// Whether the cookies that carry `session` are not too long.
    pub(crate) fn check_size(&self, session: &Session) -> Result<(), SessionTooLarge> {
        let plain = session.encode().unwrap_or_default();
        fits(KeyRing::sealed_len(plain.len()), Self::MAX_PIECES).map_err(too_large)
    }

    /// The cookies that carry `session`, and the removal of pieces that are no longer needed.
    pub(crate) fn set(
        &self,
        keys: &KeyRing,
        session: &Session,
        iv: [u8; 12],
        present: PresentPieces,
        max_age: Option<u64>,
    ) -> Result<Vec<HeaderValue>, SessionTooLarge> {
        let plain = session.encode().unwrap_or_default();
        let value = keys.seal(Purpose::Session, self.kind.name(), &plain, iv);
        let pieces = split(&value, Self::MAX_PIECES).map_err(too_large)?;
        let mut cookies: Vec<HeaderValue> = pieces
            .iter()
            .enumerate()
            .map(|(index, piece)| self.kind.set(&piece_suffix(index), piece, max_age))
            .collect();
        let stale = present.suffixes(pieces.len());
        cookies.extend(stale.map(|suffix| self.kind.clear(&suffix)));
        Ok(cookies)
    }
}

fn too_large(over: TooLarge) -> SessionTooLarge {
    SessionTooLarge {
        bytes: over.bytes,
        limit: over.limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cookie::{SameSite, Transport};
    use crate::seal::SessionKey;
    use serde_json::json;

    const IV: [u8; 12] = [9; 12];

    fn key(seed: u8) -> SessionKey {
        SessionKey::from_bytes(std::array::from_fn(|place| seed.wrapping_add(place as u8)))
    }

    fn keys(seeds: &[u8]) -> KeyRing {
        let keys: Vec<_> = seeds.iter().map(|seed| key(*seed)).collect();
        KeyRing::new(&keys, &["https://app.example"]).unwrap()
    }

    fn sealed(name: &str) -> SealedSessions {
        let kind = CookieKind::new(name, Transport::Https, SameSite::Lax);
        SealedSessions::new(kind, Registrations::example())
    }

    /// A session whose ID token has about `bytes` bytes that do not compress.
    fn session(bytes: usize) -> Session {
        Session::example_of(&json!({ "sub": "1", "padding": "x".repeat(bytes) }))
    }

    /// The `Cookie` field a browser makes of `Set-Cookie` fields.
    fn sent_back(cookies: &[HeaderValue]) -> String {
        let pair = |cookie: &HeaderValue| {
            cookie
                .to_str()
                .unwrap()
                .split(';')
                .next()
                .unwrap()
                .to_owned()
        };
        cookies.iter().map(pair).collect::<Vec<_>>().join("; ")
    }

    /// The pieces with these suffixes.
    fn pieces(suffixes: &[&str]) -> PresentPieces {
        let cookies = suffixes.iter().map(|suffix| format!("n{suffix}=x"));
        let field = cookies.collect::<Vec<_>>().join("; ");
        Pieces::collect(std::iter::once(field.as_bytes()), "n").present()
    }

    fn set(session: &Session, present: &[&str]) -> Vec<HeaderValue> {
        sealed("n")
            .set(&keys(&[1]), session, IV, pieces(present), Some(600))
            .unwrap()
    }

    fn open(keys: &KeyRing, field: &str) -> Option<Unsealed> {
        let pieces = Pieces::collect(std::iter::once(field.as_bytes()), "__Host-n");
        sealed("n").open(keys, &pieces)
    }

    #[test]
    fn a_session_of_any_length_comes_back() {
        for bytes in [0, 2_000, 5_000, 9_000] {
            let cookies = set(&session(bytes), &[]);
            assert_eq!(cookies.len() > 1, bytes > 3_000, "{bytes}");
            for cookie in &cookies {
                let cookie = cookie.to_str().unwrap();
                assert!(cookie.len() < 4_096);
                assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600"));
            }
            let found = open(&keys(&[1]), &sent_back(&cookies)).unwrap();
            assert_eq!(found.session.encode(), session(bytes).encode());
            assert!(found.by_newest);
        }
    }

    #[test]
    fn a_session_that_ends_with_the_browser_has_no_max_age() {
        let cookies = sealed("n")
            .set(&keys(&[1]), &session(5_000), IV, pieces(&[".12"]), None)
            .unwrap();
        for cookie in &cookies {
            let cookie = cookie.to_str().unwrap();
            let removed = cookie.starts_with("__Host-n.12=;");
            assert_eq!(cookie.contains("Max-Age"), removed, "{cookie}");
            assert_eq!(cookie.contains("Expires"), removed, "{cookie}");
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error_that_names_the_cure() {
        let refused = sealed("n")
            .set(&keys(&[1]), &session(20_000), IV, pieces(&[]), Some(600))
            .unwrap_err();
        assert!(refused.bytes > refused.limit && refused.limit > 15_000);
        assert!(refused.to_string().contains("LATCHGATE_STORE=memory"));
    }

    #[test]
    fn pieces_that_are_no_longer_needed_are_removed() {
        let cookies = set(&session(0), &["", ".1", ".12"]);
        let names: Vec<_> = cookies
            .iter()
            .map(|cookie| cookie.to_str().unwrap().split_once('=').unwrap())
            .map(|(name, rest)| (name, rest.contains("Max-Age=0")))
            .collect();
        assert_eq!(
            names,
            [
                ("__Host-n", false),
                ("__Host-n.1", true),
                ("__Host-n.12", true)
            ]
        );
    }

    #[test]
    fn a_piece_left_over_from_a_longer_session_does_no_harm() {
        let field = sent_back(&set(&session(5_000), &[]));
        assert!(open(&keys(&[1]), &format!("{field}; __Host-n.3=stale")).is_some());
        assert!(open(&keys(&[1]), &format!("{field}; __Host-n.1=planted")).is_none());
        let (first, _) = field.split_once("; ").unwrap();
        assert!(open(&keys(&[1]), first).is_none());
    }

    #[test]
    fn a_session_opens_under_its_name_with_its_key_and_for_its_purpose_only() {
        let field = sent_back(&set(&session(0), &[]));
        assert!(open(&keys(&[2]), &field).is_none());
        let value = field.strip_prefix("__Host-n=").unwrap();
        let renamed = format!("__Host-m={value}");
        let pieces = Pieces::collect(std::iter::once(renamed.as_bytes()), "__Host-m");
        assert!(sealed("m").open(&keys(&[1]), &pieces).is_none());
        let plain = session(0).encode().unwrap();
        for purpose in [Purpose::Login, Purpose::Logout] {
            let value = keys(&[1]).seal(purpose, "__Host-n", &plain, IV);
            assert!(open(&keys(&[1]), &format!("__Host-n={value}")).is_none());
        }
    }

    #[test]
    fn an_older_key_opens_and_asks_to_be_sealed_again() {
        let field = sent_back(&set(&session(0), &[]));
        assert!(!open(&keys(&[2, 1]), &field).unwrap().by_newest);
    }

    /// Whoever controls a sibling domain can plant a session of their own beside the visitor's.
    #[test]
    fn two_genuine_sessions_under_one_name_are_none() {
        let ours = sent_back(&set(&session(0), &[]));
        let theirs = sent_back(&set(&session(10), &[]));
        assert!(open(&keys(&[1]), &format!("{ours}; {theirs}")).is_none());
        assert!(open(&keys(&[1]), &format!("{ours}; {ours}")).is_some());
        assert!(open(&keys(&[1]), &format!("__Host-n=junk; {ours}")).is_some());
    }
}
