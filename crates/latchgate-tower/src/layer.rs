//! The layer that puts the gate in front of an application.

use latchgate::Gate;
use tower_layer::Layer;

use crate::service::Login;

/// Puts a [`Gate`] in front of a service.
///
/// For every request it is decided, in this order:
///
/// 1. A request to a route of the gate (`/login`, `/callback`, `/logout`, `/backchannel-logout`
///    unless configured otherwise) is answered by the gate. The inner service is never asked.
/// 2. Any other request goes to the inner service. If it carries a session cookie, a
///    [`Visit`](latchgate::Visit) goes along in its extensions; nothing is decrypted yet.
/// 3. A response that carries a [`Challenge`](latchgate::Challenge) in its extensions, put there by
///    an extractor or a [`GuardLayer`](crate::GuardLayer), is replaced by the gate's answer to it: a
///    redirect to the provider for navigations, a status and a problem document for the rest.
/// 4. Every response, error pages and streams included, gets the cookies that the visit changed. A
///    service that fails without a response (`Err`) has nothing to put them into.
///
/// Behind a proxy: redirect URIs are made from the configured base URL, never from `Host`, so
/// nothing about the proxy needs to be trusted. The proxy must pass the path on as the browser sent
/// it.
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
    type Service = Login<S>;

    fn layer(&self, inner: S) -> Login<S> {
        Login::new(inner, self.gate.clone())
    }
}
