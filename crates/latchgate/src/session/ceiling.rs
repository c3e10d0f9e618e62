//! How long the provider lets a session last: the claim `session_expiry` of its ID tokens (IPSIE
//! profile of OpenID Connect, session lifetime), and, for applications
//! that ask for it, their `exp`
//! ([OpenID Connect Core 1.0 §2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken)).

use serde::{Deserialize, Serialize};

use crate::token::IdToken;

/// Which claims of the ID token limit the session, in addition to the application's own lifetimes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionCeiling {
    /// The claim `session_expiry`, from providers that send it.
    #[default]
    SessionExpiry,
    /// `session_expiry` and `exp`: a session lasts no longer than its ID token. With most providers that is minutes to an
    /// hour, and a refresh that returns a new ID token prolongs the session.
    IdToken,
}

/// When the provider wants a session to end, in seconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ceiling {
    /// The claim `session_expiry` of the last ID token that had one.
    pub(crate) session_expiry: Option<u64>,
    /// The claim `exp` of the last ID token, if it limits the session.
    pub(crate) id_token: Option<u64>,
}

impl Ceiling {
    /// The ceiling of a session that begins with this ID token.
    pub(crate) fn begin(id_token: &IdToken, policy: SessionCeiling) -> Self {
        Self {
            session_expiry: id_token.session_expiry,
            id_token: match policy {
                SessionCeiling::SessionExpiry => None,
                SessionCeiling::IdToken => Some(id_token.expires_at),
            },
        }
    }

    /// The ceiling after a refresh that returned this ID token, whose claims move it up or down. A missing claim leaves
    /// it where it was.
    pub(crate) fn moved(self, id_token: &IdToken) -> Self {
        Self {
            session_expiry: id_token.session_expiry.or(self.session_expiry),
            id_token: self.id_token.map(|_| id_token.expires_at),
        }
    }

    /// When the session reaches it. `None` when the provider sets no limit.
    pub(crate) fn at(self) -> Option<u64> {
        self.session_expiry.into_iter().chain(self.id_token).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn id_token(session_expiry: Value, exp: u64) -> IdToken {
        IdToken::example(&json!({ "sub": "1", "exp": exp, "session_expiry": session_expiry }))
    }

    #[test]
    fn session_expiry_always_limits_and_exp_where_it_was_asked_to() {
        for (claim, plain, strict) in [
            (json!(5_000), Some(5_000), Some(4_600)),
            (json!(4_000.9), Some(4_000), Some(4_000)),
            (json!(-1), Some(0), Some(0)),
            (json!("5000"), None, Some(4_600)),
            (json!(null), None, Some(4_600)),
            (json!([5_000]), None, Some(4_600)),
        ] {
            let id_token = id_token(claim.clone(), 4_600);
            let at = |policy| Ceiling::begin(&id_token, policy).at();
            assert_eq!(at(SessionCeiling::SessionExpiry), plain, "{claim}");
            assert_eq!(at(SessionCeiling::IdToken), strict, "{claim}");
        }
    }

    #[test]
    fn a_refresh_moves_the_ceiling_and_what_it_leaves_out_stays() {
        let first = id_token(json!(5_000), 4_600);
        let plain = Ceiling::begin(&first, SessionCeiling::SessionExpiry);
        let strict = Ceiling::begin(&first, SessionCeiling::IdToken);
        for (claim, exp, at_plain, at_strict) in [
            (json!(9_000), 8_000, 9_000, 8_000),
            (json!(3_000), 8_000, 3_000, 3_000),
            (json!(null), 8_000, 5_000, 5_000),
        ] {
            let fresh = id_token(claim, exp);
            assert_eq!(plain.moved(&fresh).at(), Some(at_plain));
            assert_eq!(strict.moved(&fresh).at(), Some(at_strict));
            let silent = id_token(json!(null), 20_000);
            assert_eq!(plain.moved(&fresh).moved(&silent).at(), Some(at_plain));
        }
    }
}
