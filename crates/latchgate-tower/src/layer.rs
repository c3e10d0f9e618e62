//! The layer that puts the gate in front of an application.

use latchgate::Gate;
use tower_layer::Layer;

use crate::service::LoginService;

/// Puts a [`Gate`] in front of a service.
///
/// What happens to a request, in this order:
///
/// 1. A request to a route of the gate (`/login`, `/callback`, `/logout`, `/backchannel-logout`,
///    `/frontchannel-logout` unless configured otherwise) is answered by the gate. The inner service never sees it.
/// 2. Any other request goes to the inner service. If it carries a session cookie, a
///    [`RequestSession`](latchgate::adapter::RequestSession) goes along in its extensions; nothing is decrypted yet.
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
/// nothing about the proxy needs to be trusted. If it removes the path of the base URL, say so with
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
