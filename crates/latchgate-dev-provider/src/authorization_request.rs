//! The authorization request ([OpenID Connect Core
//! §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)) with PKCE ([RFC 7636
//! §4.3](https://www.rfc-editor.org/rfc/rfc7636#section-4.3)), checked.

mod error;
mod return_address;
mod transactions;

use std::sync::Arc;

use serde_json::Value;

use crate::client::{Client, Protocol};
use crate::parameters::Parameters;
use crate::scope::Scope;

pub(crate) use self::error::AuthorizationError;
pub(crate) use self::return_address::{ResponseMode, ReturnAddress};
pub(crate) use self::transactions::Transactions;

/// A request that may be answered.
#[derive(Debug, Clone)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client: Arc<Client>,
    pub(crate) return_address: ReturnAddress,
    pub(crate) scope: Scope,
    pub(crate) nonce: Option<String>,
    pub(crate) code_challenge: String,
    /// The thumbprint of the key that the code is bound to ([RFC 9449 §10](https://www.rfc-editor.org/rfc/rfc9449#section-10)).
    pub(crate) dpop_jkt: Option<String>,
    /// `authorization_details` ([RFC 9396](https://www.rfc-editor.org/rfc/rfc9396)), of whatever types.
    pub(crate) authorization_details: Option<Value>,
    pub(crate) prompt: Prompt,
    pub(crate) max_age: Option<u64>,
    pub(crate) acr_values: Vec<String>,
    pub(crate) login_hint: Option<String>,
    pub(crate) id_token_hint: Option<String>,
    pub(crate) audience: Vec<String>,
}

/// What `prompt` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prompt {
    /// Whatever is needed.
    AsNeeded,
    /// No page at all.
    None,
    /// The picker, whoever is signed in: `login`, `consent`, `select_account`.
    Always,
}

/// Why a request is refused, which also says where the refusal may be sent.
pub(crate) enum Refusal {
    /// The client or its redirect URI is unknown, so the browser is not sent back.
    Page(String),
    /// The refusal goes back to the client.
    Redirect(Box<ReturnAddress>, AuthorizationError),
}

/// Whether it is a list of objects that each have a `type`.
fn is_detailed(details: &Value) -> bool {
    let list = details.as_array();
    list.is_some_and(|list| list.iter().all(|one| one["type"].is_string()))
}

impl AuthorizationRequest {
    /// Checks a request. `registered` finds a client by its `client_id`.
    pub(crate) fn parse(
        registered: impl FnOnce(&str) -> Option<Arc<Client>>,
        parameters: &Parameters,
    ) -> Result<Self, Refusal> {
        let (client, return_address) = trusted_return_address(registered, parameters)?;
        Self::parse_rest(client, return_address.clone(), parameters)
            .map_err(|error| Refusal::Redirect(Box::new(return_address), error))
    }

    fn parse_rest(
        client: Arc<Client>,
        return_address: ReturnAddress,
        parameters: &Parameters,
    ) -> Result<Self, AuthorizationError> {
        use AuthorizationError::{
            InvalidRequest, InvalidScope, RequestNotSupported, RequestUriNotSupported,
            UnsupportedResponseType,
        };

        if parameters.repeated().is_some() {
            return Err(InvalidRequest("a parameter appears more than once"));
        }
        if parameters.get("request").is_some() {
            return Err(RequestNotSupported);
        }
        if parameters.get("request_uri").is_some() {
            return Err(RequestUriNotSupported);
        }
        match parameters.get("response_type") {
            Some("code") => {}
            Some(_) => return Err(UnsupportedResponseType),
            None => return Err(InvalidRequest("response_type is missing")),
        }
        if let Some(mode) = parameters.get("response_mode")
            && ResponseMode::parse(mode).is_none()
        {
            return Err(InvalidRequest(
                "response_mode must be query, form_post, jwt, query.jwt or form_post.jwt",
            ));
        }
        let scope = Scope::parse(parameters.get("scope").unwrap_or_default());
        if client.protocol == Protocol::OpenId && !scope.contains("openid") {
            return Err(InvalidScope);
        }
        let code_challenge = parameters.get("code_challenge").ok_or(InvalidRequest(
            "PKCE is required: code_challenge is missing",
        ))?;
        if parameters.get("code_challenge_method") != Some("S256") {
            return Err(InvalidRequest("code_challenge_method must be S256"));
        }
        if !is_s256_challenge(code_challenge) {
            return Err(InvalidRequest(
                "code_challenge is not the base64url form of a SHA-256 digest",
            ));
        }
        let max_age = parameters
            .get("max_age")
            .map(str::parse)
            .transpose()
            .map_err(|_| InvalidRequest("max_age must be a number of seconds"))?;
        let owned = |name| parameters.get(name).map(str::to_owned);
        let authorization_details = parameters.get("authorization_details");
        let authorization_details = authorization_details
            .map(|text| serde_json::from_str(text).ok().filter(is_detailed))
            .map(|details| details.ok_or(AuthorizationError::InvalidAuthorizationDetails));
        Ok(Self {
            client,
            return_address,
            scope,
            nonce: owned("nonce"),
            code_challenge: code_challenge.to_owned(),
            dpop_jkt: owned("dpop_jkt"),
            authorization_details: authorization_details.transpose()?,
            prompt: Prompt::parse(parameters.get("prompt").unwrap_or_default())?,
            max_age,
            acr_values: parameters
                .get("acr_values")
                .unwrap_or_default()
                .split_ascii_whitespace()
                .map(str::to_owned)
                .collect(),
            login_hint: owned("login_hint"),
            id_token_hint: owned("id_token_hint"),
            audience: parameters
                .all("audience")
                .chain(parameters.all("resource"))
                .map(str::to_owned)
                .collect(),
        })
    }

    /// The authentication context class of a sign-in for this request: the first that is asked for, or else
    /// `0`, because there is no password.
    pub(crate) fn acr(&self) -> String {
        self.acr_values
            .first()
            .cloned()
            .unwrap_or_else(|| "0".to_owned())
    }
}

impl Prompt {
    fn parse(prompt: &str) -> Result<Self, AuthorizationError> {
        let mut parsed = Self::AsNeeded;
        for value in prompt.split_ascii_whitespace() {
            parsed = match (value, parsed) {
                ("none", Self::AsNeeded) => Self::None,
                ("login" | "consent" | "select_account", Self::AsNeeded | Self::Always) => {
                    Self::Always
                }
                _ => {
                    return Err(AuthorizationError::InvalidRequest(
                        "prompt has an unknown value, or none beside another",
                    ));
                }
            };
        }
        Ok(parsed)
    }
}

/// Finds out where the response may go, before anything else is checked ([RFC 9700
/// §4.11](https://www.rfc-editor.org/rfc/rfc9700#section-4.11)).
fn trusted_return_address(
    registered: impl FnOnce(&str) -> Option<Arc<Client>>,
    parameters: &Parameters,
) -> Result<(Arc<Client>, ReturnAddress), Refusal> {
    let client_id = parameters
        .get("client_id")
        .ok_or_else(|| Refusal::Page("The request must name one client_id.".to_owned()))?;
    let client = registered(client_id)
        .ok_or_else(|| Refusal::Page(format!("No client {client_id} is registered here.")))?;
    let redirect_uri = parameters
        .get("redirect_uri")
        .ok_or_else(|| Refusal::Page("The request must name one redirect_uri.".to_owned()))?;
    let parsed = url::Url::parse(redirect_uri).ok();
    let Some(parsed) = parsed.filter(|_| client.redirect_uris.contains(redirect_uri)) else {
        return Err(Refusal::Page(format!(
            "The redirect_uri {redirect_uri} is not registered for the client {client_id}."
        )));
    };
    let return_address = ReturnAddress {
        redirect_uri: redirect_uri.to_owned(),
        parsed,
        response_mode: parameters
            .get("response_mode")
            .and_then(ResponseMode::parse)
            .unwrap_or(ResponseMode::Query),
        state: parameters.get("state").map(str::to_owned),
        client: Arc::clone(&client),
    };
    Ok((client, return_address))
}

/// 32 bytes in base64url without padding.
fn is_s256_challenge(challenge: &str) -> bool {
    base64_simd::URL_SAFE_NO_PAD
        .decode_to_vec(challenge.as_bytes())
        .is_ok_and(|digest| digest.len() == 32)
}
