//! Errors in a terminal: one sentence, with its cause.

use std::fmt;

/// Writes an error and its cause, as `fn main() -> Result<…>` is to print it.
pub(crate) fn write_with_cause(
    error: &dyn std::error::Error,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    match error.source() {
        Some(cause) => write!(f, "{error}: {cause}"),
        None => write!(f, "{error}"),
    }
}
