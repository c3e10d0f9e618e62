//! The access token, as handlers see it.

use std::fmt;

/// A fresh access token for calling an API on the person's behalf
/// ([RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)).
///
/// As an extractor it is renewed first when it is about to expire, exactly once however many
/// requests ask at the same moment.
#[derive(Clone)]
pub struct AccessToken {
    token: String,
    expires_in: Option<u64>,
    scope: String,
}

impl AccessToken {
    pub(crate) fn new(token: String, expires_in: Option<u64>, scope: String) -> Self {
        Self {
            token,
            expires_in,
            scope,
        }
    }

    /// The token's text, a secret: for the `Authorization: Bearer` header of a call to the API it
    /// was issued for, and for nothing else.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.token
    }

    /// Seconds until it expires; `None` when the provider did not say.
    #[must_use]
    pub fn expires_in(&self) -> Option<u64> {
        self.expires_in
    }

    /// The granted scope, space-separated.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("expires_in", &self.expires_in)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}
