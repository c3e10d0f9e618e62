//! The authorization request: [RFC 6749 §4.1.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1),
//! [OpenID Connect Core 1.0 §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest),
//! [RFC 7636 §4.3](https://www.rfc-editor.org/rfc/rfc7636#section-4.3),
//! [RFC 8707 §2.1](https://www.rfc-editor.org/rfc/rfc8707#section-2.1),
//! [RFC 9396 §3](https://www.rfc-editor.org/rfc/rfc9396#section-3).

use std::borrow::Cow;

use oauth2::{CsrfToken, Scope};
use url::Url;

use super::options::LoginOptions;
use super::pending::PendingLogin;
use super::secrets::LoginSecrets;
use crate::client::Registration;
use crate::jose::ProofKey;
use crate::provider::Metadata;
use crate::return_to::ReturnTo;

/// The parameters of an authorization request, before it is sent one way or another.
#[derive(Debug)]
pub(crate) struct AuthorizationRequest {
    /// The URL to which the browser is sent, with all parameters in it.
    url: Url,
    /// The authorization endpoint, with the query that is its own.
    endpoint: Url,
}

impl AuthorizationRequest {
    /// The parameters, in the order in which they are sent.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        // They stand behind those that the endpoint has already.
        let own = self.endpoint.query_pairs().count();
        self.url.query_pairs().skip(own)
    }

    /// The URL to which the browser is sent, with all parameters in it.
    pub(crate) fn into_url(self) -> Url {
        self.url
    }

    /// The same request with other parameters, which carry or stand for these.
    pub(super) fn with_parameters(self, parameters: &[(&str, &str)]) -> Self {
        let mut url = self.endpoint.clone();
        url.query_pairs_mut().extend_pairs(parameters);
        Self { url, ..self }
    }
}

/// Builds the request, and the pending login to keep until the browser comes back.
pub(crate) fn request(
    registration: &Registration,
    metadata: &Metadata,
    options: LoginOptions,
    came_from: ReturnTo,
    secrets: LoginSecrets,
    now: u64,
) -> (AuthorizationRequest, PendingLogin) {
    let client = registration.oauth_client(metadata);
    let state = secrets.state.text();
    let mut request = client
        .authorize_url(|| CsrfToken::new(state))
        .add_scopes(registration.scopes.iter().cloned().map(Scope::new))
        .set_pkce_challenge(secrets.verifier.challenge());
    let mut options = options;
    if registration.plain_oauth2.is_some() {
        // Nothing would answer these: there is no ID token.
        (options.max_age, options.claims) = (None, None);
    } else {
        request = request.add_extra_param("nonce", secrets.nonce.text());
        if let Some(display) = options.display.parameter() {
            options.parameters.retain(|(name, _)| name != "display");
            request = request.add_extra_param("display", display);
        }
    }

    // The code is bound to the key (RFC 9449 §10), however the request travels.
    let key = secrets.dpop_key.as_ref();
    if let Some(Ok(signer)) = key.map(ProofKey::signer) {
        request = request.add_extra_param("dpop_jkt", signer.thumbprint());
    }
    if let Some(mode) = registration.response_mode.parameter() {
        request = request.add_extra_param("response_mode", mode);
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
        ("claims", options.claims.map(|claims| claims.text())),
        (
            "authorization_details",
            options.authorization_details.map(|details| details.text()),
        ),
    ];
    for (name, value) in known {
        if let Some(value) = value {
            request = request.add_extra_param(name, value);
        }
    }
    for (name, value) in options.parameters {
        request = request.add_extra_param(name, value);
    }

    let pending = PendingLogin {
        registration: registration.id.clone(),
        state: secrets.state,
        nonce: secrets.nonce,
        verifier: secrets.verifier,
        return_to: options.return_to.unwrap_or(came_from).as_str().to_owned(),
        max_age: options.max_age,
        begun_at: now,
        remembered: options.remembered.unwrap_or_default(),
        replaces: None,
        dpop_key: secrets.dpop_key,
        step_up: options.step_up,
        visitor: None,
        display: options.display,
    };
    let request = AuthorizationRequest {
        url: request.url().0,
        endpoint: metadata.authorization_endpoint().url().clone(),
    };
    (request, pending)
}

#[cfg(test)]
impl PendingLogin {
    /// A login that tests start from.
    pub(crate) fn example(now: u64) -> Self {
        request(
            &Registration::example(),
            &Metadata::example(serde_json::json!({})),
            LoginOptions::new(),
            ReturnTo::root(),
            LoginSecrets::draw(&crate::io::scripted::CountingRandom::default()).unwrap(),
            now,
        )
        .1
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::authorization::Prompt;
    use crate::client::ResponseMode;
    use crate::io::RandomError;
    use crate::io::scripted::{BrokenRandom, CountingRandom};
    use serde_json::json;

    /// 32 bytes of one, of two and of three in base64url: the first draws of `CountingRandom`.
    const ONES: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
    const TWOS: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI";

    fn sent(registration: &Registration, options: LoginOptions) -> (Url, PendingLogin) {
        let came_from = ReturnTo::parse("/invoices?page=2").unwrap();
        let metadata = Metadata::example(json!({}));
        let secrets = LoginSecrets::draw(&CountingRandom::default()).unwrap();
        let (request, pending) =
            request(registration, &metadata, options, came_from, secrets, 1_000);
        (request.into_url(), pending)
    }

    /// The parameters of a URL, with all values each has.
    fn parameters(url: &Url) -> BTreeMap<String, Vec<String>> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in url.query_pairs() {
            found
                .entry(name.into_owned())
                .or_default()
                .push(value.into_owned());
        }
        found
    }

    fn expected(pairs: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
        let one = |(name, value): &(&str, &str)| (name.to_string(), vec![value.to_string()]);
        pairs.iter().map(one).collect()
    }

    #[test]
    fn a_plain_request_has_exactly_these_parameters_once_each() {
        let (url, _) = sent(&Registration::example(), LoginOptions::new());
        assert!(
            url.as_str()
                .starts_with("https://op.example/authorize?tenant=7&")
        );
        let found = parameters(&url);
        let challenge = found["code_challenge"][0].clone();
        let wanted = expected(&[
            ("tenant", "7"),
            ("response_type", "code"),
            ("client_id", "my-app"),
            ("redirect_uri", "https://app.example/callback"),
            ("scope", "openid email"),
            ("state", ONES),
            ("nonce", TWOS),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        assert_eq!(found, wanted);
        assert_eq!(challenge.len(), 43);
        assert!(!url.as_str().contains("secret"));
    }

    #[test]
    fn options_and_configuration_are_sent_once_each() {
        let registration = Registration {
            response_mode: ResponseMode::FormPost,
            audience: Some("https://api.example".to_owned()),
            resources: vec!["https://a.example".to_owned(), "urn:b".to_owned()],
            ..Registration::example()
        };
        let configured = LoginOptions::new()
            .prompt(Prompt::Consent)
            .ui_locales("de en")
            .parameter("organization", "configured")
            .and_then(|options| options.parameter("connection", "configured"))
            .unwrap();
        let options = LoginOptions::new()
            .prompt(Prompt::SelectAccount)
            .login_hint("jane@example.com&client_id=evil#?")
            .acr_values("mfa pwd")
            .max_age(Duration::from_secs(300))
            .parameter("organization", "asked for")
            .unwrap()
            .or(&configured);
        let (url, pending) = sent(&registration, options);
        let mut found = parameters(&url);
        let resources = found.remove("resource").unwrap();
        assert_eq!(resources, ["https://a.example", "urn:b"]);
        for (name, value) in expected(&[
            ("client_id", "my-app"),
            ("response_mode", "form_post"),
            ("audience", "https://api.example"),
            ("prompt", "select_account"),
            ("login_hint", "jane@example.com&client_id=evil#?"),
            ("ui_locales", "de en"),
            ("acr_values", "mfa pwd"),
            ("max_age", "300"),
            ("organization", "asked for"),
            ("connection", "configured"),
        ]) {
            assert_eq!(found.get(&name), Some(&value), "{name}");
        }
        assert!(found.values().all(|values| values.len() == 1), "{found:?}");
        assert_eq!(url.fragment(), None);
        assert_eq!(pending.max_age, Some(300));
    }

    #[test]
    fn what_was_sent_is_remembered() {
        let (url, pending) = sent(&Registration::example(), LoginOptions::new());
        let found = parameters(&url);
        assert!(pending.state.equals(&found["state"][0]));
        assert!(pending.nonce.equals(&found["nonce"][0]));
        assert!(!pending.state.equals(&found["nonce"][0]));
        assert_eq!(
            pending.verifier.challenge().as_str(),
            found["code_challenge"][0]
        );
        assert_eq!(
            (
                pending.registration.as_str(),
                pending.return_to.as_str(),
                pending.max_age,
                pending.begun_at
            ),
            ("default", "/invoices?page=2", None, 1_000)
        );
        let elsewhere = LoginOptions::new().return_to(ReturnTo::parse("/welcome").unwrap());
        let (_, pending) = sent(&Registration::example(), elsewhere);
        assert_eq!(pending.return_to, "/welcome");
    }

    #[test]
    fn only_the_whole_state_equals() {
        let state = PendingLogin::example(0).state;
        assert!(state.equals(ONES));
        for other in [
            "",
            &ONES[1..],
            &format!("{ONES}="),
            &format!("{ONES} "),
            TWOS,
            &ONES.to_lowercase(),
        ] {
            assert!(!state.equals(other), "{other}");
        }
    }

    #[test]
    fn without_chance_there_is_no_login() {
        assert_eq!(LoginSecrets::draw(&BrokenRandom).unwrap_err(), RandomError);
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!(
            "{:?} {:?}",
            PendingLogin::example(0),
            LoginSecrets::draw(&CountingRandom::default())
        );
        for secret in [ONES, TWOS, "1, 1, 1", "2, 2, 2", "3, 3, 3"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
