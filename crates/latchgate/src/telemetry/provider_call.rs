//! One call to the provider: its span, by the [semantic conventions for HTTP
//! clients](https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span), and its duration.

use std::fmt::Display;

use http::{Request, StatusCode};
use tracing::Span;
use tracing::field::Empty;

use super::Stopwatch;

/// What a call to the provider is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ProviderEndpoint {
    /// The metadata.
    Discovery,
    /// The keys.
    Jwks,
    /// Pushed authorization requests.
    Par,
    Token,
    /// Who somebody is, also at a provider without OpenID Connect.
    Userinfo,
    Revocation,
    Introspection,
    /// Only asked by `Gate::check`, as a browser would.
    Authorization,
    /// The same.
    EndSession,
}

impl ProviderEndpoint {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::Jwks => "jwks",
            Self::Par => "par",
            Self::Token => "token",
            Self::Userinfo => "userinfo",
            Self::Revocation => "revocation",
            Self::Introspection => "introspection",
            Self::Authorization => "authorization",
            Self::EndSession => "end_session",
        }
    }
}

/// A call that is under way.
#[must_use]
pub(crate) struct ProviderCall {
    span: Span,
    endpoint: ProviderEndpoint,
    stopwatch: Stopwatch,
}

impl ProviderCall {
    /// Begins the call. `url` is the request's without its query, which may hold a code.
    pub(crate) fn begin<B>(
        endpoint: ProviderEndpoint,
        request: &Request<B>,
        url: &dyn Display,
    ) -> Self {
        let (method, uri) = (request.method().as_str(), request.uri());
        let usual_port = if uri.scheme_str() == Some("http") {
            80
        } else {
            443
        };
        let span = tracing::info_span!(
            "provider_call",
            otel.kind = "client",
            otel.name = format_args!("{method} {}", endpoint.as_str()),
            otel.status_code = Empty,
            http.request.method = method,
            server.address = uri.host(),
            server.port = uri.port_u16().unwrap_or(usual_port),
            url.full = %url,
            http.response.status_code = Empty,
            error.type = Empty,
        );
        Self {
            span,
            endpoint,
            stopwatch: Stopwatch::start(),
        }
    }

    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Ends the call: with the status of an acceptable answer, or what kind of failure it was.
    pub(crate) fn end(self, provider: &str, outcome: Result<StatusCode, &'static str>) {
        match outcome {
            Ok(status) => {
                let code = status.as_u16();
                self.span.record("http.response.status_code", code);
                if status.is_client_error() || status.is_server_error() {
                    self.span.record("error.type", status.as_str());
                    self.span.record("otel.status_code", "ERROR");
                }
            }
            Err(kind) => {
                self.span.record("error.type", kind);
                self.span.record("otel.status_code", "ERROR");
            }
        }
        let status = match outcome {
            Ok(status) => class(status),
            Err(kind) => kind,
        };
        super::provider_called(provider, self.endpoint.as_str(), status, self.stopwatch);
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}
