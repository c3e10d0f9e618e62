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
mod gate;
mod guard;
mod head;
mod hook;
mod jose;
mod logout;
mod navigation;
mod outside;
mod provider;
mod relying_party;
mod request_session;
mod return_to;
mod seal;
mod session;
mod sessions;
mod settings;
mod store;
mod token;
mod userinfo;

pub use authorization::{
    AuthorizationError, LoginOptions, ParameterError, Prompt, RememberMe, Remembered,
};
pub use builder::{GateBuilder, Provider};
pub use causes::write_with_causes;
pub use client::{ClientAuth, ClientSecret, ResponseMode, UserinfoPolicy};
pub use config::{ConfigError, Mistake, Problem};
pub use error::{Error, Fault, LayerError, RequestError};
pub use gate::{
    BasePath, Challenge, Extract, Gate, LoginForm, Pass, Refusal, RouteRequest, Verdict, WayOn,
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
pub use request_session::{RequestSession, ResponseHead, SessionData};
pub use return_to::ReturnTo;
pub use seal::{KeyError, SessionKey};
pub use session::{
    AccessToken, ClaimsError, DataError, Lifetimes, SessionCeiling, SessionEnd, SessionTooLarge,
    User,
};
pub use settings::Settings;
pub use store::{
    Lease, MemoryStore, SessionStore, StoreError, StoreFuture, StoreKey, StoreOpener, StoredName,
    StoredNames, StoredRecord,
};
pub use token::{IdTokenError, JwtError, TokenError};
pub use userinfo::UserinfoError;
