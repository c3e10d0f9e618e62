//! The requests to the provider, for tests.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method};
use url::form_urlencoded;

/// The endpoints of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `/.well-known/openid-configuration`
    Discovery,
    /// `/.well-known/oauth-authorization-server`
    AuthorizationServerMetadata,
    /// `/jwks`
    Jwks,
    /// `/authorize`
    Authorize,
    /// `/par`
    PushedAuthorization,
    /// `/token`
    Token,
    /// `/userinfo`
    Userinfo,
    /// `/user/emails`, for plain OAuth 2.0
    Emails,
    /// `/end_session`
    EndSession,
    /// `/introspect`
    Introspection,
    /// `/revoke`
    Revocation,
}

impl Endpoint {
    pub(crate) const ALL: [Self; 11] = [
        Self::Discovery,
        Self::AuthorizationServerMetadata,
        Self::Jwks,
        Self::Authorize,
        Self::PushedAuthorization,
        Self::Token,
        Self::Userinfo,
        Self::Emails,
        Self::EndSession,
        Self::Introspection,
        Self::Revocation,
    ];

    /// Where the endpoint is, below the issuer.
    pub fn path(self) -> &'static str {
        match self {
            Self::Discovery => "/.well-known/openid-configuration",
            Self::AuthorizationServerMetadata => "/.well-known/oauth-authorization-server",
            Self::Jwks => "/jwks",
            Self::Authorize => "/authorize",
            Self::PushedAuthorization => "/par",
            Self::Token => "/token",
            Self::Userinfo => "/userinfo",
            Self::Emails => "/user/emails",
            Self::EndSession => "/end_session",
            Self::Introspection => "/introspect",
            Self::Revocation => "/revoke",
        }
    }

    pub(crate) fn at(path: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|endpoint| endpoint.path() == path)
    }
}

/// A request to the provider. It contains secrets; its `Debug` output does not.
#[derive(Clone)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The method.
    pub method: Method,
    /// The path and, if there is one, the query.
    pub path_and_query: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl RecordedRequest {
    /// The first header field of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The decoded value of the first parameter of this name: of the query, or of the form of a POST.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let query = self
            .path_and_query
            .split_once('?')
            .map_or("", |(_, query)| query);
        form_urlencoded::parse(query.as_bytes())
            .chain(form_urlencoded::parse(&self.body))
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.into_owned())
    }
}

impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path_and_query.split('?').next();
        f.debug_struct("RecordedRequest")
            .field("method", &self.method)
            .field("path", &path)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body", &format_args!("[{} bytes]", self.body.len()))
            .finish()
    }
}

/// How many requests each endpoint got, and the newest.
#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<HashMap<Endpoint, (usize, RecordedRequest)>>);

impl Journal {
    pub(crate) fn record(&self, endpoint: Endpoint, request: RecordedRequest) {
        let mut entries = self.entries();
        let calls = entries.get(&endpoint).map_or(0, |(calls, _)| *calls);
        entries.insert(endpoint, (calls + 1, request));
    }

    pub(crate) fn calls(&self, endpoint: Endpoint) -> usize {
        self.entries().get(&endpoint).map_or(0, |(calls, _)| *calls)
    }

    pub(crate) fn last(&self, endpoint: Endpoint) -> Option<RecordedRequest> {
        self.entries()
            .get(&endpoint)
            .map(|(_, request)| request.clone())
    }

    pub(crate) fn reset(&self) {
        self.entries().clear();
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Endpoint, (usize, RecordedRequest)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
