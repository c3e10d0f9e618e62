//! Why a test failed.

use std::error::Error;

/// Why a case or a scenario failed. Any error will do; it is printed with its sources.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Fails the case with a message unless the condition holds.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+).into());
        }
    };
}
