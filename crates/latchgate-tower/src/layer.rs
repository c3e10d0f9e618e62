//! The layers that put a gate, or an API, in front of an application.

use latchgate::{Api, Gate};
use tower_layer::Layer;

use crate::service::{ApiService, LoginService};

/// Puts a [`Gate`] in front of a service.
///
/// What happens to a request, in this order:
///
/// 1. A request to a route of the gate (`/login`, `/callback`, `/logout`, `/backchannel-logout`,
///    `/frontchannel-logout` unless configured otherwise, and `/login/initiate` if
///    [`initiate_login_path`](latchgate::GateBuilder::initiate_login_path) says so, and `/session` if
///    [`session_path`](latchgate::GateBuilder::session_path) does) is answered by the gate. The inner service never sees it.
/// 2. Any other request goes to the inner service. If it carries a session cookie, a
///    [`RequestSession`](latchgate::adapter::RequestSession) goes along in its extensions; nothing is decrypted yet. If
///    [access tokens are accepted](latchgate::GateBuilder::api) and it presents one, a
///    [`RequestToken`](latchgate::adapter::RequestToken) goes along instead.
/// 3. A response that carries a [`Challenge`](latchgate::adapter::Challenge) in its extensions, put there by
///    an extractor or a [`GuardLayer`](crate::GuardLayer), is replaced by the gate's answer to it: a
///    redirect to the provider for navigations, a status and a problem document for the rest. Headers
///    that layers in between have set are kept, unless they describe the response that is replaced.
/// 4. Every response, error pages and streams included, gets the cookies that have changed, and
///    `Vary: Cookie` if the application asked who is there. A service that fails without a response
///    (`Err`) has nothing to put them into.
///
/// It goes on the outermost router, after its last route: see [where the layer
/// goes](crate#where-the-layer-goes).
///
/// Behind a proxy: redirect URIs are made from the configured base URL, never from `Host`, so
/// no proxy has to be trusted. If the proxy removes the path of the base URL, say so with
/// [`base_path`](latchgate::GateBuilder::base_path).
#[derive(Clone, Debug)]
#[must_use]
pub struct LoginLayer {
    gate: Gate,
}

impl LoginLayer {
    /// The layer of a gate. Clones share the gate.
    pub fn new(gate: Gate) -> Self {
        Self { gate }
    }
}

impl<S> Layer<S> for LoginLayer {
    type Service = LoginService<S>;

    fn layer(&self, inner: S) -> LoginService<S> {
        LoginService::new(inner, self.gate.clone())
    }
}

/// Puts an [`Api`] in front of a service: one that accepts access tokens, and has no login.
///
/// What happens to a request, in this order:
///
/// 1. A request for the metadata of the resource (`/.well-known/oauth-protected-resource`, RFC 9728) is answered.
/// 2. Any other request goes to the inner service. If it presents an access token, a
///    [`RequestToken`](latchgate::adapter::RequestToken) goes along in its extensions; nothing is verified yet.
/// 3. A response that carries a [`Challenge`](latchgate::adapter::Challenge) in its extensions, put there by
///    an extractor or a [`GuardLayer`](crate::GuardLayer), is replaced by a `401`, `403` or `503` with a
///    `WWW-Authenticate` header (RFC 6750 §3) and a problem document.
///
/// A route that asks for no [`User`](crate::User) and has no guard is open to everybody. See [`Api`] for how a token is
/// checked, and [`GateBuilder::api`](latchgate::GateBuilder::api) for a server that has a login as well.
///
/// Behind a proxy: DPoP proofs are checked against the configured base URL, never against `Host`. A proxy that ends mutual
/// TLS has to pass on the certificate, as a [`CertificateThumbprint`](latchgate::CertificateThumbprint) in the
/// request's extensions, put there by a layer around this one.
///
/// ```
/// use axum::{Router, routing::get};
/// use latchgate_tower::{Api, ApiLayer, User};
///
/// # fn app() -> Result<Router, latchgate_tower::ConfigError> {
/// let api = Api::builder("https://login.example.com/", "https://api.example.com").build()?;
/// let app = Router::new()
///     .route("/me", get(async |user: User| user.subject().to_owned()))
///     .layer(ApiLayer::new(api));
/// # Ok(app)
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ApiLayer {
    api: Api,
}

impl ApiLayer {
    /// The layer of an API. Clones share the API.
    pub fn new(api: Api) -> Self {
        Self { api }
    }
}

impl<S> Layer<S> for ApiLayer {
    type Service = ApiService<S>;

    fn layer(&self, inner: S) -> ApiService<S> {
        ApiService::new(inner, self.api.clone())
    }
}
