#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "actix")]
mod actix;
mod answer;
mod assertions;
mod browser;
mod offline;
mod person;
mod request;

pub use answer::Answer;
pub use assertions::LoginAssertions;
#[cfg(feature = "actix")]
pub use browser::ActixApp;
pub use browser::{
    BrowserError, Form, Network, Page, PageRequest, TestBrowser, TowerService, Transport,
};
pub use latchgate::SessionEnd;
pub use offline::{OfflineProvider, gate, gate_builder};
pub use person::Person;
pub use request::SignedInRequest;
