//! The proxy in front of an API, on axum and on actix-web.

#![expect(clippy::unwrap_used, reason = "this is a test")]

mod requests;
mod responses;
mod sockets;
mod stage;
mod streams;
mod tokens;
