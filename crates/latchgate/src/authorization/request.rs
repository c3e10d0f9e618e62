//! The authorization request: [RFC 6749 §4.1.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1),
//! [OpenID Connect Core 1.0 §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest),
//! [RFC 7636 §4.3](https://www.rfc-editor.org/rfc/rfc7636#section-4.3),
//! [RFC 8707 §2.1](https://www.rfc-editor.org/rfc/rfc8707#section-2.1).

use std::fmt;

use oauth2::{CsrfToken, Scope};
use serde::{Deserialize, Serialize};
use url::Url;

use super::options::LoginOptions;
use super::pending::PendingLogin;
use super::pkce::CodeVerifier;
use crate::client::{Registration, ResponseMode};
use crate::outside::{Random, RandomError};
use crate::provider::Metadata;
use crate::return_to::ReturnTo;

/// The `state` parameter: 256 random bits that tie the answer to this browser's login cookie.
/// Born here, compared in the authorization response.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct State([u8; 32]);

/// The `nonce` parameter: 256 random bits that tie the ID token to this login. Born here, compared
/// in the ID token.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Nonce([u8; 32]);

impl State {
    pub(crate) fn text(&self) -> String {
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(self.0)
    }

    /// Compares in constant time.
    pub(crate) fn equals(&self, text: &str) -> bool {
        equal(&self.text(), text)
    }
}

impl Nonce {
    pub(crate) fn text(&self) -> String {
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(self.0)
    }

    /// Compares in constant time.
    pub(crate) fn equals(&self, text: &str) -> bool {
        equal(&self.text(), text)
    }
}

fn equal(expected: &str, found: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), found.as_bytes()).is_ok()
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State(redacted)")
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce(redacted)")
    }
}

/// The unpredictable parts of one login.
#[derive(Debug)]
pub(crate) struct Chance {
    state: State,
    nonce: Nonce,
    verifier: CodeVerifier,
}

impl Chance {
    pub(crate) fn draw(random: &dyn Random) -> Result<Self, RandomError> {
        Ok(Self {
            state: State(random.array()?),
            nonce: Nonce(random.array()?),
            verifier: CodeVerifier::new(random.array()?),
        })
    }
}

/// Builds the URL the browser is sent to, and what must be remembered until it comes back.
pub(crate) fn request(
    registration: &Registration,
    metadata: &Metadata,
    options: LoginOptions,
    came_from: ReturnTo,
    chance: Chance,
    now: u64,
) -> (Url, PendingLogin) {
    let client = registration.oauth_client(metadata);
    let state = chance.state.text();
    let mut request = client
        .authorize_url(|| CsrfToken::new(state))
        .add_scopes(registration.scopes.iter().cloned().map(Scope::new))
        .set_pkce_challenge(chance.verifier.challenge())
        .add_extra_param("nonce", chance.nonce.text());

    if registration.response_mode == ResponseMode::FormPost {
        request = request.add_extra_param("response_mode", "form_post");
    }
    if let Some(audience) = &registration.audience {
        request = request.add_extra_param("audience", audience);
    }
    for resource in &registration.resources {
        request = request.add_extra_param("resource", resource);
    }
    let max_age = options.max_age.map(|seconds| seconds.to_string());
    let known = [
        (
            "prompt",
            options.prompt.map(|prompt| prompt.as_str().to_owned()),
        ),
        ("login_hint", options.login_hint),
        ("ui_locales", options.ui_locales),
        ("acr_values", options.acr_values),
        ("max_age", max_age),
    ];
    for (name, value) in known {
        if let Some(value) = value {
            request = request.add_extra_param(name, value);
        }
    }
    let configured = registration
        .parameters
        .iter()
        .filter(|(name, _)| options.parameters.iter().all(|(own, _)| own != name));
    for (name, value) in configured.chain(&options.parameters) {
        request = request.add_extra_param(name.clone(), value.clone());
    }

    let pending = PendingLogin {
        provider: registration.name.clone(),
        state: chance.state,
        nonce: chance.nonce,
        verifier: chance.verifier,
        return_to: options.return_to.unwrap_or(came_from).as_str().to_owned(),
        max_age: options.max_age,
        begun_at: now,
    };
    (request.url().0, pending)
}
