#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[macro_use]
mod causes;

mod authorization;
mod background;
mod builder;
mod client;
mod config;
mod cookie;
mod error;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the revocations have yet to move into it")
)]
mod expiring_map;
mod gate;
mod guard;
mod head;
mod hook;
mod jose;
mod logout;
mod navigation;
mod outside;
mod provider;
mod return_to;
mod seal;
mod session;
mod token;
mod userinfo;

pub use authorization::{
    AuthorizationError, LoginOptions, ParameterError, Prompt, RememberMe, Remembered,
};
pub use builder::{GateBuilder, Provider, Ready, WantsBaseUrl, WantsProvider};
pub use causes::write_with_causes;
pub use client::{ClientAuth, ClientSecret, ResponseMode, UserinfoPolicy};
pub use config::{ConfigError, Mistake, Problem, Settings};
pub use error::{Error, Fault, LayerError, RequestError};
pub use gate::{
    BasePath, Challenge, Errand, Gate, LoginForm, Pass, Refusal, ResponseHead, SessionData,
    Verdict, Visit, WayOn,
};
pub use guard::{Denial, Guard};
pub use head::RequestHead;
pub use hook::{HookError, LoginRejection, Logout};
pub use jose::{Algorithm, AlgorithmError, JsonError, JwsError, KeySetError};
pub use logout::{ClearSiteData, FrontChannelLogoutError, LogoutTokenError};
pub use outside::{
    Clock, HttpClient, HttpError, HttpFuture, Random, RandomError, ReqwestClient,
    ReqwestClientError, SystemClock, SystemRandom,
};
pub use provider::{
    ClaimPath, ClaimPathError, DiscoveryError, IssuerError, KeysError, ProviderPreset,
};
pub use return_to::ReturnTo;
pub use seal::{KeyError, SessionKey};
pub use session::{
    AccessToken, ClaimsError, DataError, Ended, Lease, Lifetimes, LoadedRecord, MemoryStore,
    SessionCeiling, SessionStore, SessionTooLarge, StoreError, StoreFuture, StoreKey, StoreOpener,
    StoredName, StoredNames, StoredRecord, User,
};
pub use token::{IdTokenError, JwtError, TokenError};
pub use userinfo::UserinfoError;
