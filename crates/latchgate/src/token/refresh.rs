//! The refresh request: [RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6),
//! [OpenID Connect Core 1.0 §12.1](https://openid.net/specs/openid-connect-core-1_0.html#RefreshingAccessToken).

use http::Request;
use oauth2::RefreshToken;

use super::request::Recorder;
use super::response::TokenError;
use crate::client::{Freshness, Registration};
use crate::provider::Metadata;

/// Builds the request that uses a refresh token. The scope is left out: the provider keeps the
/// granted scope, and it is never widened.
pub(crate) fn request(
    registration: &Registration,
    metadata: &Metadata,
    fresh: &Freshness,
    refresh_token: &str,
) -> Result<Request<Vec<u8>>, TokenError> {
    let assertion = registration.assertion(metadata, fresh);
    let assertion = assertion.map_err(|_| TokenError::Unbuildable)?;
    let client = registration.oauth_client(metadata);
    let token = RefreshToken::new(refresh_token.to_owned());
    let mut refresh = client
        .exchange_refresh_token(&token)
        .map_err(|_| TokenError::Unbuildable)?;
    for resource in &registration.resources {
        refresh = refresh.add_extra_param("resource", resource);
    }
    for (name, value) in assertion {
        refresh = refresh.add_extra_param(name, value);
    }
    let recorder = Recorder::default();
    let _ = refresh.request(&recorder);
    recorder.into_request()
}
