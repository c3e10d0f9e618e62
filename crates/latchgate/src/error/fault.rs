//! Whose fault a failure is.

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The request: a stale link, a forgery, a login that was cancelled.
    Visitor,
    /// The OpenID Provider: unreachable, or its answer is wrong.
    Provider,
    /// This application's configuration, or its registration at the provider.
    Configuration,
    /// The session store, or this machine.
    Store,
    /// The application: a hook of its own failed, or its data in the session cannot be used.
    Application,
}

impl Fault {
    /// Its name in metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Visitor => "visitor",
            Self::Provider => "provider",
            Self::Configuration => "configuration",
            Self::Store => "store",
            Self::Application => "application",
        }
    }
}
