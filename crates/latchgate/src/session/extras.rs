//! The optional parts of a session.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ceiling::Ceiling;
use super::stamp::Seen;
use crate::authorization::CookiePersistence;

/// The optional parts of a session.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Extras {
    pub(crate) remembered: CookiePersistence,
    pub(crate) ceiling: Ceiling,
    /// The application's own value as JSON. Empty when there is none.
    pub(crate) data: String,
    /// The marks that existed when this session began, which do not apply to it.
    pub(crate) seen: Seen,
    pub(crate) userinfo_age: UserinfoAge,
    /// The claims of the verified access token about roles and permissions, as JSON. Empty when there are none.
    pub(crate) access_token_claims: String,
}

/// Which claims are newer: those of the ID token or those of the userinfo endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum UserinfoAge {
    /// The userinfo response came with the ID token, or later.
    #[default]
    NewerThanIdToken,
    /// The userinfo response is older than the ID token.
    OlderThanIdToken,
}

impl fmt::Debug for Extras {
    /// Without the application's value and the claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extras")
            .field("remembered", &self.remembered)
            .field("ceiling", &self.ceiling)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}
