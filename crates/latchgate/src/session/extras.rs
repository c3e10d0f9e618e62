//! What only some sessions have.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ceiling::Ceiling;
use super::stamp::Seen;
use crate::authorization::CookiePersistence;

/// What only some sessions have.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Extras {
    pub(crate) remembered: CookiePersistence,
    pub(crate) ceiling: Ceiling,
    /// The application's own value as JSON; empty when there is none.
    pub(crate) data: String,
    /// The ends of other sessions that had been there when this one began.
    pub(crate) seen: Seen,
    pub(crate) userinfo_age: UserinfoAge,
    /// What the verified access token says of roles and permissions, as JSON; empty when it says nothing.
    pub(crate) access_token_claims: String,
}

/// Which claims are newer, where there are some of the userinfo endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum UserinfoAge {
    /// It was asked with the tokens that came with the ID token, or later ones.
    #[default]
    NewerThanIdToken,
    /// It was asked before, and not with those tokens.
    OlderThanIdToken,
}

impl fmt::Debug for Extras {
    /// The application's value and all claims are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extras")
            .field("remembered", &self.remembered)
            .field("ceiling", &self.ceiling)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}
