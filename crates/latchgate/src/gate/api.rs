//! An API without a login: the same three calls of an adapter, with access tokens only.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::page::{protect, respond};
use super::{Pass, Verdict};
use crate::background::Background;
use crate::error::Error;
use crate::head::RequestHead;
use crate::io::Random;
use crate::report::Report;
use crate::resource_server::{RequestToken, ResourceServer};

/// An API: a server that accepts access tokens and has neither sessions nor a login. For one that has both, see
/// [`GateBuilder::api`](crate::GateBuilder::api).
///
/// Cheap to clone. Built by [`Api::from_env`], [`Api::from_toml`] or [`Api::builder`], without the network: the
/// authorization server's metadata and keys are fetched when the first token needs them, kept, and used stale while it is
/// down.
///
/// What happens to a token, in this order:
///
/// 1. It is taken from the `Authorization` header, and from nowhere else (RFC 6750 §2.1).
/// 2. A JWT is verified by RFC 9068 §4: `typ`, the one signature algorithm, `iss`, `aud`, `exp`, `iat`, `nbf`, `sub`.
///    Any other token is introspected (RFC 7662), if [`introspection`](crate::ProtectedResource::introspection) is
///    configured, or refused.
/// 3. A token that is bound to a key needs a DPoP proof (RFC 9449), and one that is bound to a certificate that
///    certificate (RFC 8705). Presented without, it is refused.
///
/// A verified JWT is remembered by its hash, 10,000 of them at most, until it expires or the authorization server's keys
/// are fetched again: within an hour, unless its `Cache-Control` says otherwise, and a day at most. An introspected token
/// is remembered for 30 seconds, so that is how long a revoked one may still pass; a refusal for 10.
#[derive(Clone)]
pub struct Api(pub(crate) Arc<ApiParts>);

/// What an API is made of.
pub(crate) struct ApiParts {
    pub(crate) server: Arc<ResourceServer>,
    pub(crate) background: Arc<Background>,
    pub(crate) random: Arc<dyn Random>,
}

impl Api {
    /// Decides about a request by its head. Without an access token this allocates nothing.
    pub fn admit<H: RequestHead>(&self, head: &H) -> Verdict {
        if let Some(answer) = metadata_answer(&self.0.server, head) {
            return Verdict::Answer(Box::new(answer));
        }
        let token = RequestToken::of(&self.0.server, head);
        Verdict::Pass(Pass::to_api(self, token))
    }

    /// Fetches the authorization server's metadata and keys now, for servers that should fail at start rather than at the
    /// first request.
    ///
    /// # Errors
    ///
    /// It cannot be reached, or its metadata or keys are not valid.
    pub async fn warm_up(&self) -> Result<(), Error> {
        self.0.server.warm_up().await
    }

    /// Checks the settings against the authorization server, as [`Gate::check`](crate::Gate::check) does for logins: whether
    /// it can be reached, its issuer, its clock and its keys.
    pub async fn check(&self) -> Report {
        Report::new(self.0.server.check().await)
    }

    /// The current time by the API's clock, in seconds since the epoch.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.0.server.now()
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("server", &self.0.server)
            .field("background", &self.0.background)
            .finish_non_exhaustive()
    }
}

/// How long clients may keep the metadata.
const AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// The answer to a request for the metadata of the resource (RFC 9728 §3.2). Scripts of any site may read it: it is public.
pub(super) fn metadata_answer(
    server: &ResourceServer,
    head: &dyn RequestHead,
) -> Option<Response<Bytes>> {
    let metadata = server.metadata()?;
    if head.path() != metadata.path {
        return None;
    }
    let any = HeaderValue::from_static("*");
    let mut answer = match head.method() {
        "GET" | "HEAD" => {
            let document = metadata.document.clone();
            let mut answer = respond(StatusCode::OK, "application/json", document);
            answer.headers_mut().insert(header::CACHE_CONTROL, AN_HOUR);
            answer
        }
        _ => {
            let refused = StatusCode::METHOD_NOT_ALLOWED;
            let mut answer = respond(refused, "text/plain", "GET only".to_owned());
            let allowed = HeaderValue::from_static("GET, HEAD");
            answer.headers_mut().insert(header::ALLOW, allowed);
            answer
        }
    };
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    protect(&mut answer);
    Some(answer)
}
