#![doc = include_str!("log.md")]
#![doc = include_str!("metrics.md")]

mod provider_call;
mod stopwatch;
mod store_call;

/// What is counted and measured: each fact is one function.
#[cfg(feature = "metrics")]
mod recorded;
/// The same functions, which do nothing.
#[cfg(not(feature = "metrics"))]
mod unrecorded;

#[cfg(feature = "metrics")]
mod table;

#[cfg(feature = "metrics")]
pub(crate) use recorded::*;
#[cfg(not(feature = "metrics"))]
pub(crate) use unrecorded::*;

pub(crate) use provider_call::{ProviderCall, ProviderEndpoint};
pub(crate) use stopwatch::Stopwatch;
pub(crate) use store_call::{StoreCall, StoreOperation};

/// Bounds for the histograms of durations, in seconds: from a store on the same machine to the deadline of a call to the
/// provider, which is ten seconds.
pub const DURATION_BUCKETS: [f64; 13] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Bounds for the histogram of cookies, in bytes: one cookie ends at 4,096, many proxies accept 8,000 for all headers, and
/// there are four cookies at most.
pub const COOKIE_BUCKETS: [f64; 7] = [
    256.0, 1_024.0, 2_048.0, 4_096.0, 8_000.0, 12_288.0, 16_384.0,
];
