//! The revocation request: [RFC 7009 §2.1](https://www.rfc-editor.org/rfc/rfc7009#section-2.1).
//!
//! `oauth2` has one too, but requires https, which would exclude loopback.

use http::Request;
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
    let request = registration.authenticated_form(endpoint, metadata, fresh, form);
    Some(request.ok_or(TokenError::Unbuildable))
}
