//! A request's head as the core sees it, with the path the client sent even inside nested routers.

use http::{Extensions, HeaderMap, Method, Request, Uri, header};
use latchgate::CertificateThumbprint;
use latchgate::adapter::RequestHead;

/// A borrowed request head.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
}

impl<'a> Head<'a> {
    pub(crate) fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }

    #[cfg(feature = "axum")]
    pub(crate) fn of_parts(parts: &'a http::request::Parts) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            extensions: &parts.extensions,
        }
    }

    /// The URI as the client sent it.
    fn original(&self) -> &'a Uri {
        original(self.extensions, self.uri)
    }
}

/// axum strips the prefix of nested routers from the URI and remembers the original.
#[cfg(feature = "axum")]
fn original<'a>(extensions: &'a Extensions, uri: &'a Uri) -> &'a Uri {
    extensions
        .get::<axum::extract::OriginalUri>()
        .map_or(uri, |original| &original.0)
}

#[cfg(not(feature = "axum"))]
fn original<'a>(_: &'a Extensions, uri: &'a Uri) -> &'a Uri {
    uri
}

/// The path of the innermost nested router, unless it depends on the request.
#[cfg(feature = "axum")]
fn nested_at(extensions: &Extensions) -> &str {
    extensions
        .get::<axum::extract::NestedPath>()
        .map(|nested| nested.as_str().trim_end_matches('/'))
        .filter(|path| !path.contains('{'))
        .unwrap_or_default()
}

#[cfg(not(feature = "axum"))]
fn nested_at(_: &Extensions) -> &str {
    ""
}

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn path(&self) -> &str {
        self.original().path()
    }

    fn query(&self) -> Option<&str> {
        self.original().query()
    }

    fn nested_at(&self) -> &str {
        nested_at(self.extensions)
    }

    fn certificate(&self) -> Option<CertificateThumbprint> {
        self.extensions.get().copied()
    }

    fn header<'h>(&'h self, name: &str, each: &mut dyn FnMut(&'h [u8])) {
        // What every request is asked for needs no look at its name.
        let values = match name {
            "cookie" => self.headers.get_all(header::COOKIE),
            name => self.headers.get_all(name),
        };
        for value in values {
            each(value.as_bytes());
        }
    }
}
