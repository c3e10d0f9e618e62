//! "Remember me": whether a browser keeps the session's cookie when it is closed, which is whether
//! the cookie has a `Max-Age` ([RFC 6265 §4.1.2.2 and §5.3](https://www.rfc-editor.org/rfc/rfc6265#section-4.1.2.2)).

use serde::{Deserialize, Serialize};

/// Who decides whether a session outlives the browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RememberMe {
    /// Every session does.
    #[default]
    Always,
    /// No session does.
    Never,
    /// The visitor, by the link that starts the login: `/login?remember=yes` means yes, anything else
    /// no. Handlers decide with [`LoginOptions::remember`](crate::LoginOptions::remember). A visitor who
    /// authenticates again within a session is not asked again.
    ///
    /// A link on another site can say yes too. It does not extend a session beyond its deadlines; where
    /// browsers are shared, use [`RememberMe::Never`].
    Ask,
}

impl RememberMe {
    /// The decision for a login with this option.
    pub(crate) fn decide(self, asked_for: Option<CookiePersistence>) -> CookiePersistence {
        match self {
            Self::Always => CookiePersistence::AcrossRestarts,
            Self::Never => CookiePersistence::UntilClosed,
            Self::Ask => asked_for.unwrap_or(CookiePersistence::UntilClosed),
        }
    }
}

/// Whether a session outlives the browser.
///
/// The deadlines of the session apply either way: a browser that restores yesterday's tabs also
/// restores their cookies, but a session never lasts longer than its deadlines allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CookiePersistence {
    /// The cookie is kept until the session expires.
    #[default]
    AcrossRestarts,
    /// The cookie is dropped when the browser is closed.
    UntilClosed,
}
