//! What the core asks of the world: a clock, chance, and an HTTP client.
//!
//! Each door is a small object-safe trait with one implementation for production. Everything else
//! in this crate takes time and randomness as arguments, so that every rule can be tested without
//! a network, a clock or a sleep.

mod client_certificate;
mod clock;
mod http_client;
mod look_ups;
mod public_address;
mod random;
mod reach;
mod reqwest_client;
mod trace_context;

pub use client_certificate::ClientCertificate;
pub use clock::{Clock, SystemClock};
pub use http_client::{HttpClient, HttpError, HttpFuture};
pub use random::{Random, RandomError, SystemRandom};
pub(crate) use reach::Reach;
pub use reqwest_client::{ReqwestClient, ReqwestClientError};
pub use trace_context::TraceContext;
pub(crate) use trace_context::{TraceHook, TracedClient};

#[cfg(test)]
pub(crate) mod scripted;
