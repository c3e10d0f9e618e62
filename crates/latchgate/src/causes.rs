//! Errors as one sentence: what an error says, and what its causes say.

use std::error::Error;
use std::fmt;

/// Writes an error and its causes, separated by colons: for the `Debug` of error types, which is
/// what `fn main() -> Result<…>` prints.
///
/// A cause that the text before it quotes already is left out.
///
/// ```
/// # use std::{error::Error, fmt};
/// struct Unreachable(std::io::Error);
///
/// impl fmt::Debug for Unreachable {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         latchgate::store::write_with_causes(self, f)
///     }
/// }
/// # impl fmt::Display for Unreachable {
/// #     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
/// #         f.write_str("the store cannot be reached")
/// #     }
/// # }
/// # impl Error for Unreachable {
/// #     fn source(&self) -> Option<&(dyn Error + 'static)> {
/// #         Some(&self.0)
/// #     }
/// # }
/// # let refused = std::io::Error::other("connection refused");
/// assert_eq!(
///     format!("{:?}", Unreachable(refused)),
///     "the store cannot be reached: connection refused"
/// );
/// ```
///
/// # Errors
///
/// What the formatter answers.
pub fn write_with_causes(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    f.write_str(&text)
}

/// Gives error types a `Debug` that reads like their `Display`.
macro_rules! debug_with_causes {
    ($($error:ty),+ $(,)?) => {$(
        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::causes::write_with_causes(self, f)
            }
        }
    )+};
}
