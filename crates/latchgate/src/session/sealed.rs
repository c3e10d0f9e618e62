//! Sessions that travel in the cookie, sealed: no server, no shared state, restarts survived.

use std::fmt;

use http::HeaderValue;

use super::session::Session;
use crate::cookie::{CookieKind, Pieces, split};
use crate::seal::{KeyRing, Purpose};

/// The session does not fit into cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTooLarge {
    /// How many bytes it has, sealed.
    pub bytes: usize,
    /// How many fit.
    pub limit: usize,
}

impl fmt::Display for SessionTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the session has {} bytes but cookies hold {}; keep it in a store (LATCHGATE_STORE=memory or `.store(…)`), or ask for fewer scopes and claims",
            self.bytes, self.limit
        )
    }
}

impl std::error::Error for SessionTooLarge {}

/// Seals sessions into cookies and opens them.
#[derive(Debug)]
pub(crate) struct SealedSessions {
    kind: CookieKind,
}

/// A session from a cookie.
pub(crate) struct Unsealed {
    pub(crate) session: Session,
    /// Sealed with the newest key; otherwise it is sealed again.
    pub(crate) by_newest: bool,
}

impl SealedSessions {
    /// A session may be spread over this many cookies.
    const MAX_PIECES: usize = 4;

    pub(crate) fn new(kind: CookieKind) -> Self {
        Self { kind }
    }

    /// The session in the collected pieces, if one of the candidates is genuine.
    pub(crate) fn open(&self, keys: &KeyRing, pieces: &Pieces<'_>) -> Option<Unsealed> {
        let mut genuine = pieces.candidates().into_iter().filter_map(|candidate| {
            let opened = keys.open(Purpose::Session, self.kind.name(), &candidate)?;
            let session = Session::decode(&opened.plain)?;
            Some(Unsealed {
                session,
                by_newest: opened.by_newest,
            })
        });
        let first = genuine.next();
        // Two genuine sessions under one name: somebody planted one of them.
        first.filter(|_| genuine.next().is_none())
    }

    /// The cookies that carry `session`, and the removal of pieces that are no longer needed.
    pub(crate) fn set(
        &self,
        keys: &KeyRing,
        session: &Session,
        iv: [u8; 12],
        present: &[String],
        max_age: u64,
    ) -> Result<Vec<HeaderValue>, SessionTooLarge> {
        let plain = session.encode().unwrap_or_default();
        let value = keys.seal(Purpose::Session, self.kind.name(), &plain, iv);
        let pieces = split(&value, Self::MAX_PIECES).map_err(|over| SessionTooLarge {
            bytes: over.bytes,
            limit: over.limit,
        })?;
        let mut cookies: Vec<HeaderValue> = pieces
            .iter()
            .enumerate()
            .map(|(index, piece)| self.kind.set(&suffix(index), piece, Some(max_age)))
            .collect();
        let used = pieces.len();
        let stale = present
            .iter()
            .filter(|there| !(0..used).any(|index| suffix(index) == **there));
        cookies.extend(stale.map(|there| self.kind.clear(there)));
        Ok(cookies)
    }
}

fn suffix(index: usize) -> String {
    if index == 0 {
        String::new()
    } else {
        format!(".{index}")
    }
}
