//! Time and randomness. Nothing else in this crate reads a clock, waits or draws random values.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the time in seconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The machine's own clock.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where the provider's clock comes from"
)]
pub(crate) fn system_clock() -> Clock {
    Arc::new(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs())
    })
}

/// Waits, where a script asked for a slow response.
#[expect(
    clippy::disallowed_methods,
    reason = "being slow is what the script asked for"
)]
pub(crate) async fn pass(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// A fresh unguessable value: 256 bits, base64url without padding.
#[expect(
    clippy::expect_used,
    reason = "a machine without randomness cannot run a provider at all"
)]
pub(crate) fn random_token() -> String {
    let mut bytes = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bytes).expect("the operating system provides randomness");
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
}
