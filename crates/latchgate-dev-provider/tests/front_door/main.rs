//! The provider as its users meet it: over HTTP, through its public interface.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should stop where it is"
)]

mod authorization;
mod logout;
mod mischief;
mod people;
mod pushed_requests;
mod refresh;
mod server;
mod token;
mod userinfo;
mod visitor;
