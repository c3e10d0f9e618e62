//! Why a tower-sessions store failed, without its text.

use std::fmt;

use latchgate::store::StoreError;
use tower_sessions_core::session_store::Error;

/// Why a call failed: the source of a [`StoreError::Unavailable`]. The store's text is left out, because it may
/// quote keys, contents or a URL with a password.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// What the store is built on failed: a connection, a query.
    Backend,
    /// The store could not write the record down.
    Encode,
    /// The store could not read the record it has.
    Decode,
    /// No answer within five seconds.
    Slow,
    /// The store panicked, or the runtime is shutting down.
    Panicked,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backend => "the backend of the tower-sessions store failed",
            Self::Encode => "the tower-sessions store could not encode a record",
            Self::Decode => "the tower-sessions store could not decode a record",
            Self::Slow => "the tower-sessions store did not answer within five seconds",
            Self::Panicked => "the tower-sessions store did not come to an end",
        })
    }
}

impl std::error::Error for Failure {}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        latchgate::store::write_with_causes(self, f)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Encode(_) => Self::Encode,
            Error::Decode(_) => Self::Decode,
            Error::Backend(_) => Self::Backend,
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self::Unavailable(failure.into())
    }
}
