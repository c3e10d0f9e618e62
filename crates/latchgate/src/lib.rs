#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[macro_use]
mod causes;
#[macro_use]
mod debug;

mod authorization;
mod background;
mod builder;
mod client;
mod config;
mod cookie;
mod error;
mod expiring_map;
mod gate;
mod guard;
mod head;
mod hook;
mod io;
mod jose;
mod logout;
mod navigation;
mod provider;
mod relying_party;
mod report;
mod request_session;
mod resource;
mod resource_server;
mod return_to;
mod seal;
mod session;
mod sessions;
mod settings;
pub mod store;
pub mod telemetry;
mod token;
mod userinfo;
mod visitor;

pub use authorization::{
    AuthorizationDetails, AuthorizationDetailsError, AuthorizationError, ClaimRequest,
    ClaimsRequest, ClaimsRequestError, CookiePersistence, InitiateLoginError, LoginOptions,
    ParameterError, Prompt, PushedRequestError, RememberMe, RequestObjectError, StepUp,
};
pub use builder::{ApiBuilder, GateBuilder, ProtectedResource, Provider, Tenants};
pub use client::{
    AssertionAudience, ClientAuth, ClientKey, ClientSecret, ProfileError, ResponseMode, Usage,
    UserinfoPolicy,
};
pub use config::{ConfigError, Mistake, Problem};
pub use error::{Error, ErrorCode, Fault, ForwardError, LayerError, RequestError, TenantError};
pub use gate::{
    Api, BasePath, Gate, GateCheck, LoginForm, LoginProvider, Refusal, SignedIn, TenantPage,
    TenantUris, WayOn,
};
pub use guard::{Denial, Guard, GuardError};
pub use head::CertificateThumbprint;
pub use hook::{GuardRejection, HookError, LoginRejection, Logout};
pub use io::{
    ClientCertificate, Clock, HttpClient, HttpError, HttpFuture, Random, RandomError,
    ReqwestClient, ReqwestClientError, SystemClock, SystemRandom, TraceContext,
};
pub use jose::{
    Algorithm, AlgorithmError, ContentEncryption, DecryptionKey, EncryptionAlgorithmError,
    JsonError, JweError, JwsError, KeyManagement, KeySetError, PrivateKeyError,
};
pub use logout::{ClearSiteData, FrontChannelLogoutError, LogoutTokenError};
pub use provider::{
    ClaimPath, ClaimPathError, Discovery, DiscoveryError, IssuerError, KeysError, PlainOAuth2,
    ProviderPreset,
};
pub use report::{Finding, FindingCode, Report, Severity};
pub use request_session::{ApiTokens, SessionData};
pub use resource::{
    AccessTokenBinding, AccessTokenTypes, BearerError, DpopProofError, IntrospectionError,
    ProofNonces,
};
pub use return_to::ReturnTo;
pub use seal::{KeyError, SessionKey};
pub use session::{
    AccessToken, ApiCall, ClaimSource, ClaimsError, DataError, Lifetimes, Person, SessionCeiling,
    SessionEnd, SessionTooLarge, User,
};
pub use settings::Settings;
pub use store::MemoryStore;
pub use token::{DpopError, IdTokenError, JwtError, TokenError, TokenFor};
pub use userinfo::UserinfoError;
pub use visitor::{Visitor, VisitorError};

/// What the crate `latchgate-test` is built on. Applications use that crate, as a dev-dependency, and never this.
#[cfg(feature = "testing")]
pub mod testing {
    pub use crate::gate::TestLoginError;
    pub use crate::session::TestLogin;
}

/// What an adapter between a web framework and [`Gate`] needs. Applications use an adapter and never this.
///
/// An adapter makes three calls and knows nothing of the protocol:
///
/// 1. [`Gate::admit`] or [`Api::admit`], with the request's head. The answer is a [`Verdict`].
/// 2. For [`Verdict::Respond`], [`RouteRequest::run`] makes the response: the request was for one of the gate's own routes,
///    and the application never sees it; [`Verdict::Answer`] has made it already. For [`Verdict::Pass`] the request goes to
///    the application, with [`Pass::session`] and [`Pass::token`] in its extensions for the extractors, in place of any
///    that are there. The application's future is polled
///    within [`Pass::poll`].
/// 3. The application's response goes through [`Pass::apply_to`], which sets cookies. If it carries a [`Challenge`] in its extensions, put
///    there by an extractor or a guard, or [`Pass::silent_login`] has one, [`Pass::answer`] makes the response that replaces it
///    first.
///
/// A framework's heads are read through [`RequestHead`] and written through [`ResponseHead`], whatever version of `http` it
/// speaks; responses of the gate are of `http` 1. All futures are `Send`.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use latchgate::adapter::{Challenge, Extract, RequestSession, RequestToken, Verdict};
/// use latchgate::{Gate, Guard, Provider};
///
/// async fn serve(gate: &Gate, mut request: Request<Bytes>) -> Response<Bytes> {
///     let mut pass = match gate.admit(&request) {
///         // A body may be longer than `RouteRequest::body_limit`: a real adapter stops reading there.
///         Verdict::Respond(route) => return route.run(request.into_body()).await,
///         Verdict::Answer(response) => return *response,
///         Verdict::Pass(pass) => pass,
///     };
///     match pass.session() {
///         Some(session) => drop(request.extensions_mut().insert(session.clone())),
///         None => drop(request.extensions_mut().remove::<RequestSession>()),
///     }
///     match pass.token() {
///         Some(token) => drop(request.extensions_mut().insert(token.clone())),
///         None => drop(request.extensions_mut().remove::<RequestToken>()),
///     }
///     let mut application = std::pin::pin!(application(request));
///     let mut response =
///         std::future::poll_fn(|cx| pass.poll(|| application.as_mut().poll(cx))).await;
///     let status = response.status().as_u16();
///     let challenge = response.extensions_mut().remove::<Challenge>();
///     if let Some(challenge) = challenge.or_else(|| pass.silent_login(status)) {
///         response = pass.answer(challenge, response.headers()).await;
///     }
///     pass.apply_to(response.headers_mut());
///     response
/// }
///
/// /// An application that wants to know who is there, as the extractors of an adapter do.
/// async fn application(request: Request<Bytes>) -> Response<Bytes> {
///     let session = request.extensions().get::<RequestSession>();
///     let token = request.extensions().get::<RequestToken>();
///     let extract = Extract::new(session, &request).presenting(token);
///     match extract.guarded(&Guard::signed_in()).await {
///         Ok(user) => Response::new(format!("Hello, {}", user.subject()).into()),
///         Err(challenge) => {
///             let mut response = Response::default();
///             *response.status_mut() = challenge.status();
///             response.extensions_mut().insert(challenge);
///             response
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let provider = Provider::new("https://login.example.com/", "my-app").client_secret("s3cret");
/// let gate = Gate::builder("http://localhost:3000", provider).build()?;
///
/// let request = Request::get("/me").body(Bytes::new())?;
/// assert_eq!(serve(&gate, request).await.status(), 401);
///
/// let request = Request::get("/callback").body(Bytes::new())?;
/// assert_eq!(serve(&gate, request).await.status(), 400);
/// # Ok(())
/// # }
/// ```
///
/// [`RouteRequest::run`]: adapter::RouteRequest::run
/// [`Pass::session`]: adapter::Pass::session
/// [`Pass::token`]: adapter::Pass::token
/// [`Pass::poll`]: adapter::Pass::poll
/// [`Pass::apply_to`]: adapter::Pass::apply_to
/// [`Pass::answer`]: adapter::Pass::answer
/// [`Pass::silent_login`]: adapter::Pass::silent_login
/// [`Challenge`]: adapter::Challenge
/// [`RequestHead`]: adapter::RequestHead
/// [`ResponseHead`]: adapter::ResponseHead
/// [`Verdict`]: adapter::Verdict
/// [`Verdict::Respond`]: adapter::Verdict::Respond
/// [`Verdict::Answer`]: adapter::Verdict::Answer
/// [`Verdict::Pass`]: adapter::Verdict::Pass
pub mod adapter {
    pub use crate::gate::{Challenge, Extract, Pass, RouteRequest, Verdict};
    pub use crate::head::RequestHead;
    pub use crate::request_session::{RequestSession, ResponseHead};
    pub use crate::resource_server::RequestToken;
}
