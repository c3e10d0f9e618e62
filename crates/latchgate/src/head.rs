//! What the core asks of a request: a borrowed view of its head.
//!
//! axum uses `http` 1 and actix-web `http` 0.2. Instead of copying header maps, the core reads through [`RequestHead`].

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;

/// A borrowed view of a request's head.
pub trait RequestHead {
    /// The method, such as `GET`.
    fn method(&self) -> &str;
    /// The path of the request as the client sent it, percent-encoded, without the query.
    fn path(&self) -> &str;
    /// The query string without its `?`.
    fn query(&self) -> Option<&str>;
    /// Calls `each` with every value of the header `name` (lower case), in order. HTTP/2 clients
    /// split `Cookie` over several fields, so one look-up may yield several values.
    fn header<'a>(&'a self, name: &str, each: &mut dyn FnMut(&'a [u8]));
    /// The part of the path that routers have matched on the way to the layer, as far as it is the same for
    /// every request: `/app` within a router nested at `/app`, nothing around a whole application.
    fn nested_at(&self) -> &str {
        ""
    }
    /// The certificate that the client presented when it connected, as whatever ends TLS has said.
    fn certificate(&self) -> Option<CertificateThumbprint> {
        None
    }
}

/// The SHA-256 thumbprint of the certificate that a client has presented by mutual TLS
/// ([RFC 8705 §3.1](https://www.rfc-editor.org/rfc/rfc8705#section-3.1)).
///
/// Access tokens that are bound to a certificate are accepted only from its owner, so the application puts the thumbprint
/// into the extensions of each request, in front of the layer: from its own TLS listener, or from a header of the proxy
/// that ends TLS. Such a header may be believed only if the proxy removes it from what clients send.
///
/// ```
/// use latchgate::CertificateThumbprint;
///
/// # let der = b"";
/// let mut extensions = http::Extensions::new();
/// extensions.insert(CertificateThumbprint::of_der(der));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CertificateThumbprint([u8; 32]);

impl CertificateThumbprint {
    /// The thumbprint of a certificate in DER.
    #[must_use]
    pub fn of_der(certificate: &[u8]) -> Self {
        let mut thumbprint = [0; 32];
        thumbprint.copy_from_slice(digest(&SHA256, certificate).as_ref());
        Self(thumbprint)
    }

    /// A thumbprint that a proxy has made: the SHA-256 hash of the certificate in DER.
    #[must_use]
    pub fn from_bytes(thumbprint: [u8; 32]) -> Self {
        Self(thumbprint)
    }

    /// The thumbprint as `x5t#S256` has it; `None` for any other text.
    pub(crate) fn from_base64url(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode_to_vec(text).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for CertificateThumbprint {
    /// In base64url, as `x5t#S256` has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode_to_string(self.0))
    }
}

impl fmt::Debug for CertificateThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateThumbprint({self})")
    }
}

impl dyn RequestHead + '_ {
    /// The first value of a header, if it is visible ASCII.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        let mut found = None;
        self.header(name, &mut |value| {
            if found.is_none() {
                found = std::str::from_utf8(value).ok();
            }
        });
        found
    }

    /// All `Cookie` fields.
    pub(crate) fn cookie_fields(&self) -> Vec<&[u8]> {
        let mut fields = Vec::new();
        self.header("cookie", &mut |field| fields.push(field));
        fields
    }
}

impl<B> RequestHead for http::Request<B> {
    fn method(&self) -> &str {
        http::Request::method(self).as_str()
    }

    fn path(&self) -> &str {
        self.uri().path()
    }

    fn query(&self) -> Option<&str> {
        self.uri().query()
    }

    fn header<'a>(&'a self, name: &str, each: &mut dyn FnMut(&'a [u8])) {
        for value in self.headers().get_all(name) {
            each(value.as_bytes());
        }
    }

    fn certificate(&self) -> Option<CertificateThumbprint> {
        self.extensions().get().copied()
    }
}
