//! Why a call to a tower-sessions store failed, without the store's own message.

use std::fmt;

use latchgate::store::StoreError;
use tower_sessions_core::session_store::Error;

/// Why a call failed: the source of a [`StoreError::Unavailable`]. It leaves out the store's own message, which may
/// quote keys, contents or a URL with a password.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The store's backend failed: a connection, a query.
    Backend,
    /// The store could not encode the record.
    Encode,
    /// The store could not decode the record.
    Decode,
    /// The store did not answer within five seconds.
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
            Self::Panicked => {
                "the call to the tower-sessions store panicked, or the runtime is shutting down"
            }
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
