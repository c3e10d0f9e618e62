//! What our crates tell the log, down to `TRACE`, for tests of what they must not tell.

use std::io;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::EnvFilter;

/// Everything our crates have logged in this process since the first transcript was asked for, of every scenario that
/// ran meanwhile. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Transcript(Arc<Mutex<Vec<u8>>>);

static ONLY: LazyLock<Transcript> = LazyLock::new(|| {
    let transcript = Transcript::default();
    let writer = transcript.clone();
    let filter = "off,latchgate=trace,latchgate_tower=trace,latchgate_actix=trace,latchgate_reqwest=trace,latchgate_proxy=trace,\
                  latchgate_dev_provider=off,latchgate_tests=off";
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .try_init();
    transcript
});

impl Transcript {
    /// The one transcript of this process.
    #[must_use]
    pub fn begin() -> Self {
        ONLY.clone()
    }

    /// All of it.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl io::Write for Transcript {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
