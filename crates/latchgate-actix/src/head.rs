//! actix-web's heads (`http` 0.2) as the core sees them.

use actix_web::HttpMessage;
use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use latchgate::CertificateThumbprint;
use latchgate::adapter::{RequestHead, ResponseHead};

/// A borrowed request head.
pub(crate) struct Head<'a>(pub(crate) &'a HttpRequest);

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn path(&self) -> &str {
        self.0.uri().path()
    }

    fn query(&self) -> Option<&str> {
        self.0.uri().query()
    }

    fn nested_at(&self) -> &str {
        let matched = self.0.match_info();
        if matched.iter().next().is_some() {
            // The scope's path has a part that is another one in other requests.
            return "";
        }
        let path = matched.as_str();
        path.strip_suffix(matched.unprocessed()).unwrap_or_default()
    }

    fn header<'h>(&'h self, name: &str, each: &mut dyn FnMut(&'h [u8])) {
        let headers = self.0.headers();
        // What every request is asked for needs no look at its name.
        let values = match name {
            "cookie" => headers.get_all(header::COOKIE),
            name => headers.get_all(name),
        };
        for value in values {
            each(value.as_bytes());
        }
    }

    /// Of the request, or of its connection (`HttpServer::on_connect`).
    fn certificate(&self) -> Option<CertificateThumbprint> {
        let of_request = self.0.extensions().get().copied();
        of_request.or_else(|| self.0.conn_data().copied())
    }
}

/// The headers of a response.
pub(crate) struct Headers<'a>(pub(crate) &'a mut HeaderMap);

impl ResponseHead for Headers<'_> {
    fn contains(&self, name: &http::HeaderName) -> bool {
        self.0.contains_key(name.as_str())
    }

    fn append(&mut self, name: http::HeaderName, value: http::HeaderValue) {
        if let Some((name, value)) = header(&name, &value) {
            self.0.append(name, value);
        }
    }

    fn replace(&mut self, name: http::HeaderName, value: http::HeaderValue) {
        if let Some((name, value)) = header(&name, &value) {
            self.0.insert(name, value);
        }
    }

    fn each(&self, each: &mut dyn FnMut(&str, &[u8])) {
        for (name, value) in &*self.0 {
            each(name.as_str(), value.as_bytes());
        }
    }
}

/// A header of the core's (`http` 1) as one of actix-web's.
/// What every response to somebody who is signed in gets. It is not copied.
const USUAL: [&str; 2] = ["cookie", "private, no-store"];

fn header(name: &http::HeaderName, value: &http::HeaderValue) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(name.as_ref()).ok()?;
    let usual = USUAL.into_iter().find(|usual| value == usual);
    let value = match usual {
        Some(usual) => HeaderValue::from_static(usual),
        None => HeaderValue::from_bytes(value.as_bytes()).ok()?,
    };
    Some((name, value))
}

/// A status of the core's (`http` 1) as one of actix-web's.
pub(crate) fn status(status: http::StatusCode) -> StatusCode {
    StatusCode::from_u16(status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
