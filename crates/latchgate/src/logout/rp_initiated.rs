//! RP-initiated logout: [OpenID Connect RP-Initiated Logout 1.0 §2](https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout),
//! [§3](https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RedirectionAfterLogout).

use oauth2::{ClientId, CsrfToken};
use openidconnect::{LogoutRequest, PostLogoutRedirectUrl};
use url::Url;

use crate::client::Registration;
use crate::provider::Metadata;

/// The `state` of a logout, compared when the provider sends the visitor back.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct LogoutState([u8; 32]);

debug_redacted!(LogoutState);

impl LogoutState {
    pub(crate) fn new(chance: [u8; 32]) -> Self {
        Self(chance)
    }

    pub(crate) fn text(&self) -> String {
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(self.0)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The URL that ends the session at the provider; `None` if the provider has no such endpoint. At Cognito that is another
/// kind of page.
pub(crate) fn request(
    registration: &Registration,
    metadata: &Metadata,
    id_token_hint: Option<&str>,
    post_logout_redirect_uri: &str,
    state: &LogoutState,
) -> Option<Url> {
    if registration.claim_paths.preset.has_cognitos_logout() {
        return Some(at_cognito(registration, metadata, post_logout_redirect_uri));
    }
    let endpoint = metadata.end_session_endpoint()?.clone();
    let mut request = LogoutRequest::from(endpoint)
        .set_client_id(ClientId::new(registration.client_id.clone()))
        .set_state(CsrfToken::new(state.text()));
    if let Ok(uri) = PostLogoutRedirectUrl::new(post_logout_redirect_uri.to_owned()) {
        request = request.set_post_logout_redirect_uri(uri);
    }
    let mut url = request.http_get_url();
    // The hint must be exactly the token that was received.
    if let Some(hint) = id_token_hint {
        url.query_pairs_mut().append_pair("id_token_hint", hint);
    }
    Some(url)
}

/// Cognito's page `/logout`, beside its `/oauth2/authorize`: it knows neither the standard's parameters nor `state`
/// ([its documentation](https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html)).
fn at_cognito(registration: &Registration, metadata: &Metadata, back: &str) -> Url {
    let mut url = metadata.authorization_endpoint().url().clone();
    url.set_path("/logout");
    url.query_pairs_mut()
        .clear()
        .append_pair("client_id", &registration.client_id)
        .append_pair("logout_uri", back);
    url
}
