//! The randomness door.

use std::fmt;

use aws_lc_rs::rand::{SecureRandom, SystemRandom as AwsRandom};

/// A cryptographically secure source of random bytes.
pub trait Random: Send + Sync + fmt::Debug {
    /// Fills `bytes` with unpredictable data.
    ///
    /// # Errors
    ///
    /// [`RandomError`] when the source cannot deliver. Whatever needed the bytes is refused; there
    /// is no weaker fallback.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError>;
}

/// The source of random bytes failed.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system's random generator failed; nothing can be issued safely")]
pub struct RandomError;

debug_with_causes!(RandomError);

impl dyn Random + '_ {
    /// A fresh array of random bytes.
    pub(crate) fn array<const N: usize>(&self) -> Result<[u8; N], RandomError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }
}

/// The operating system's generator, by way of aws-lc.
#[derive(Debug, Default)]
pub struct SystemRandom(AwsRandom);

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        self.0.fill(bytes).map_err(|_| RandomError)
    }
}
