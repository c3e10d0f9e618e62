//! The token request: [RFC 6749 §4.1.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3),
//! [RFC 7636 §4.5](https://www.rfc-editor.org/rfc/rfc7636#section-4.5),
//! [RFC 8707 §2.2](https://www.rfc-editor.org/rfc/rfc8707#section-2.2).
//!
//! `oauth2` builds the request, client authentication included, and hands it to an HTTP client; ours
//! keeps it instead of sending. So this stays a pure function and the gate does the sending.

use std::cell::RefCell;
use std::fmt;

use http::{Request, Response};
use oauth2::{AuthorizationCode, SyncHttpClient};

use super::response::TokenError;
use crate::authorization::VerifiedCode;
use crate::client::Registration;
use crate::provider::Metadata;

/// Builds the request that spends a verified code.
pub(crate) fn request(
    registration: &Registration,
    metadata: &Metadata,
    code: VerifiedCode,
) -> Result<Request<Vec<u8>>, TokenError> {
    let client = registration.oauth_client(metadata);
    let mut exchange = client
        .exchange_code(AuthorizationCode::new(code.code))
        .map_err(|_| TokenError::Unbuildable)?
        .set_pkce_verifier(code.verifier.reveal());
    for resource in &registration.resources {
        exchange = exchange.add_extra_param("resource", resource);
    }
    let recorder = Recorder::default();
    let _ = exchange.request(&recorder);
    recorder.into_request()
}

/// Stands where `oauth2` expects an HTTP client, and keeps the request it is asked to send.
#[derive(Debug, Default)]
pub(super) struct Recorder(RefCell<Option<Request<Vec<u8>>>>);

impl Recorder {
    /// The request that was kept.
    pub(super) fn into_request(self) -> Result<Request<Vec<u8>>, TokenError> {
        self.0.into_inner().ok_or(TokenError::Unbuildable)
    }
}

impl SyncHttpClient for Recorder {
    type Error = Kept;

    fn call(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Kept> {
        self.0.replace(Some(request));
        Err(Kept)
    }
}

/// Why `oauth2` got no answer: its request was kept.
#[derive(Debug)]
pub(super) struct Kept;

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was kept for sending")
    }
}

impl std::error::Error for Kept {}
