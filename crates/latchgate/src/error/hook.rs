//! What goes wrong in a hook of the application.

use super::Error;
use crate::hook::HookError;

/// A value that cannot be stored is the same mistake in a hook as in a handler.
impl From<HookError> for Error {
    fn from(source: HookError) -> Self {
        match source {
            HookError::Data(source) => Self::Data(source),
            source => Self::Hook(source),
        }
    }
}
