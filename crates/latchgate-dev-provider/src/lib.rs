#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod authorization;
mod authorization_request;
mod backchannel_logout;
mod causes;
mod client;
mod client_authentication;
mod dev_provider;
mod discovery;
mod dpop;
mod end_session;
mod frontchannel_logout;
mod grants;
mod introspection;
mod journal;
mod jws;
mod keys;
mod loopback;
pub mod mischief;
mod pages;
mod parameters;
mod person;
mod provider;
mod pushed_authorization;
mod pushed_requests;
mod revocation;
mod routes;
mod scope;
mod server;
mod session;
mod settings;
mod token;
mod token_error;
mod userinfo;
mod world;

pub use backchannel_logout::{BackchannelLogoutError, LogoutTarget};
pub use client::{Client, RegisteredUris, TokenEndpointAuthMethod};
pub use dev_provider::{DevProvider, DevProviderBuilder, SignedIn, StartError};
pub use journal::{Endpoint, RecordedRequest};
pub use jws::JsonObject;
pub use keys::SigningAlg;
pub use mischief::{Answer, Forgery, Mischief};
pub use person::{EmailVerification, Person};
pub use settings::{DpopNonces, ResponseIssuer};
pub use world::Clock;
