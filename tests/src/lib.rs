//! What the front-door tests share: a plain browser, and a world of one development provider and one application whose
//! time stands still until the test moves it.
//!
//! A scenario is written once, as `async fn(Setup) -> Result<(), Failure>`, and [`scenarios!`] runs it on every framework.

#[macro_use]
mod failure;

pub mod app;
mod authority;
mod clock;
pub mod colours;
#[cfg(doctest)]
pub mod guide;
mod jwt;
mod raw;
mod run;
mod setup;
mod store;
mod tls_front;
mod transcript;
mod world;

pub use authority::{Authority, Issued};
/// The browser of the test kit, over the network.
pub mod browser {
    pub use latchgate_test::{Form, Page, PageRequest as Request, TestBrowser as Browser};
}

pub use browser::{Browser, Page};
pub use clock::TestClock;
pub use failure::Failure;
pub use jwt::{FORGERIES, jwt_part};
pub use run::{DEADLINE, Framework, run};
pub use setup::{KEY, OLD_KEY, Setup};
pub use store::SharedStore;
pub use tls_front::TlsFront;
pub use transcript::Transcript;
pub use world::World;

/// The README's code, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
