//! "Remember me": whether a browser keeps the session's cookie when it is closed, which is whether
//! the cookie has a `Max-Age` ([RFC 6265 §4.1.2.2 and §5.3](https://www.rfc-editor.org/rfc/rfc6265#section-4.1.2.2)).

use serde::{Deserialize, Serialize};

/// Who decides whether a session outlives the browser it began in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RememberMe {
    /// Every session does.
    #[default]
    Always,
    /// No session does.
    Never,
    /// The visitor, by the link that starts the login: `/login?remember=yes` is a yes, everything
    /// else is a no. Handlers decide by [`LoginOptions::remember`](crate::LoginOptions::remember). Who
    /// authenticates once more in a session is not asked again.
    ///
    /// A link on another site can say yes as well. It prolongs no session beyond its deadlines: where
    /// browsers are shared, decide for [`RememberMe::Never`].
    Ask,
}

impl RememberMe {
    /// What holds for a login with this wish.
    pub(crate) fn decide(self, wish: Option<Remembered>) -> Remembered {
        match self {
            Self::Always => Remembered::AcrossRestarts,
            Self::Never => Remembered::UntilClosed,
            Self::Ask => wish.unwrap_or(Remembered::UntilClosed),
        }
    }
}

/// Whether a session outlives the browser it began in.
///
/// The deadlines of the session hold either way: a browser that restores the tabs of yesterday
/// restores their cookies too, and no longer than those deadlines allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Remembered {
    /// The cookie is kept until the session is over.
    #[default]
    AcrossRestarts,
    /// The cookie goes when the browser is closed.
    UntilClosed,
}
