//! The revocation request: [RFC 7009 §2.1](https://www.rfc-editor.org/rfc/rfc7009#section-2.1).
//!
//! `oauth2` has one too, but requires https, which would exclude loopback.

use http::{Request, header};
use url::form_urlencoded;

use super::response::TokenError;
use crate::client::{Freshness, Registration};
use crate::provider::Metadata;

/// Builds the request that revokes a refresh token, and with it the access tokens issued from it.
/// `None` if the provider has no revocation endpoint.
pub(crate) fn request(
    registration: &Registration,
    metadata: &Metadata,
    fresh: &Freshness,
    refresh_token: &str,
) -> Option<Result<Request<Vec<u8>>, TokenError>> {
    let endpoint = metadata.revocation_endpoint()?;
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("token", refresh_token)
        .append_pair("token_type_hint", "refresh_token");
    let authorization = match registration.authenticate(metadata, fresh, &mut form) {
        Ok(authorization) => authorization,
        Err(_) => return Some(Err(TokenError::Unbuildable)),
    };
    let mut request = Request::post(endpoint.as_str())
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json");
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let body = form.finish().into_bytes();
    Some(request.body(body).map_err(|_| TokenError::Unbuildable))
}
