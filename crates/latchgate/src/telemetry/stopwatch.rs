//! How long something lasts.

/// Since when something lasts. Without the feature `metrics` nobody asks the clock.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(#[cfg(feature = "metrics")] tokio::time::Instant);

impl Stopwatch {
    /// Now, by the clock that also runs the deadlines.
    pub(crate) fn start() -> Self {
        Self(
            #[cfg(feature = "metrics")]
            tokio::time::Instant::now(),
        )
    }

    #[cfg(feature = "metrics")]
    pub(super) fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
