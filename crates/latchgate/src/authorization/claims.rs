//! The `claims` parameter: [OpenID Connect Core 1.0 §5.5](https://openid.net/specs/openid-connect-core-1_0.html#ClaimsParameter).

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::jose::{JsonError, strict_object};

/// Which claims every login asks for, one by one, in the ID token and from the userinfo endpoint.
///
/// A provider that does not know the parameter ignores it, and one that does may leave out any claim: use a
/// [`Guard`](crate::Guard) for what must be there.
///
/// ```
/// use latchgate::{ClaimRequest, ClaimsRequest};
///
/// let claims = ClaimsRequest::new()
///     .id_token("acr", ClaimRequest::essential().values(["urn:mace:incommon:iap:silver"]))
///     .userinfo("email", ClaimRequest::voluntary());
///
/// // As text, which is how the setting `claims` has it:
/// assert_eq!(claims, r#"{
///     "id_token": { "acr": { "essential": true, "values": ["urn:mace:incommon:iap:silver"] } },
///     "userinfo": { "email": null }
/// }"#.parse()?);
/// # Ok::<(), latchgate::ClaimsRequestError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct ClaimsRequest(Map<String, Value>);

/// How one claim is asked for (§5.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ClaimRequest(Map<String, Value>);

/// Why a text is not a [`ClaimsRequest`].
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimsRequestError {
    /// It is not a JSON object.
    #[error("is {0}; write it like {EXAMPLE}")]
    Json(JsonError),
    /// A member other than `id_token` and `userinfo`, or one that is not an object.
    #[error(
        "has the member {0:?}, where `id_token` and `userinfo` may be, with an object each; write it like {EXAMPLE}"
    )]
    Place(String),
    /// A claim that is asked for in a way §5.5.1 does not know.
    #[error(
        "asks for {0:?} in an unknown way; write `null`, or an object with `essential`, `value` or `values`"
    )]
    Claim(String),
}

const EXAMPLE: &str =
    r#"`{"id_token": {"acr": {"essential": true}}, "userinfo": {"email": null}}`"#;

debug_with_causes!(ClaimsRequestError);

impl ClaimRequest {
    /// A claim that the application can do without.
    pub fn voluntary() -> Self {
        Self(Map::new())
    }

    /// A claim without which the application cannot serve the person. The provider asks them for it, and may still
    /// leave it out.
    pub fn essential() -> Self {
        let essential = ("essential".to_owned(), Value::Bool(true));
        Self(Map::from_iter([essential]))
    }

    /// Asks for this value.
    pub fn value(mut self, value: impl Into<Value>) -> Self {
        self.0.insert("value".to_owned(), value.into());
        self
    }

    /// Asks for one of these values, in order of preference.
    pub fn values<V: Into<Value>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        self.0.insert("values".to_owned(), Value::Array(values));
        self
    }

    /// `null` stands for a claim of which nothing more is asked.
    fn into_value(self) -> Value {
        match self.0.is_empty() {
            true => Value::Null,
            false => Value::Object(self.0),
        }
    }
}

impl ClaimsRequest {
    /// Asks for nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for a claim in the ID token.
    pub fn id_token(self, claim: impl Into<String>, request: ClaimRequest) -> Self {
        self.with("id_token", claim.into(), request)
    }

    /// Asks for a claim from the userinfo endpoint.
    pub fn userinfo(self, claim: impl Into<String>, request: ClaimRequest) -> Self {
        self.with("userinfo", claim.into(), request)
    }

    fn with(mut self, place: &str, claim: String, request: ClaimRequest) -> Self {
        let place = self
            .0
            .entry(place)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Some(claims) = place.as_object_mut() {
            claims.insert(claim, request.into_value());
        }
        self
    }

    /// The parameter's value.
    pub(super) fn text(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }
}

impl FromStr for ClaimsRequest {
    type Err = ClaimsRequestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let places = strict_object(text.as_bytes()).map_err(ClaimsRequestError::Json)?;
        for (place, claims) in &places {
            let claims = claims
                .as_object()
                .filter(|_| matches!(place.as_str(), "id_token" | "userinfo"))
                .ok_or_else(|| ClaimsRequestError::Place(place.clone()))?;
            if let Some((claim, _)) = claims.iter().find(|(_, request)| !is_request(request)) {
                return Err(ClaimsRequestError::Claim(claim.clone()));
            }
        }
        Ok(Self(places))
    }
}

/// Whether a claim is asked for as §5.5.1 says.
fn is_request(request: &Value) -> bool {
    match request {
        Value::Null => true,
        Value::Object(members) => members.iter().all(|(name, value)| match name.as_str() {
            "essential" => value.is_boolean(),
            "values" => value.is_array(),
            "value" => true,
            _ => false,
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_what_is_read() {
        let built = ClaimsRequest::new()
            .id_token("auth_time", ClaimRequest::essential())
            .id_token("acr", ClaimRequest::voluntary().values(["gold", "silver"]))
            .userinfo("email", ClaimRequest::voluntary())
            .userinfo("tenant", ClaimRequest::essential().value(7));
        let text = r#"{"id_token":{"acr":{"values":["gold","silver"]},"auth_time":{"essential":true}},"userinfo":{"email":null,"tenant":{"essential":true,"value":7}}}"#;
        assert_eq!(built.text(), text);
        assert_eq!(text.parse(), Ok(built));
        assert_eq!(" {} ".parse(), Ok(ClaimsRequest::new()));
    }

    #[test]
    fn anything_else_is_refused_and_named() {
        for (text, said) in [
            ("", "not JSON"),
            ("[]", "not a JSON object"),
            (r#"{"userinfo":{},"userinfo":{}}"#, "occurs twice"),
            (r#"{"access_token":{}}"#, "\"access_token\""),
            (r#"{"id_token":null}"#, "\"id_token\""),
            (r#"{"id_token":{"acr":true}}"#, "asks for \"acr\""),
            (
                r#"{"id_token":{"acr":{"essential":"yes"}}}"#,
                "asks for \"acr\"",
            ),
            (
                r#"{"id_token":{"acr":{"values":"gold"}}}"#,
                "asks for \"acr\"",
            ),
            (
                r#"{"id_token":{"acr":{"essentiel":true}}}"#,
                "asks for \"acr\"",
            ),
        ] {
            let error = text.parse::<ClaimsRequest>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
