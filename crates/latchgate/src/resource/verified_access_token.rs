//! What a verified access token says ([RFC 9068 §2.2](https://www.rfc-editor.org/rfc/rfc9068#section-2.2)).

use serde_json::{Map, Value};

use super::confirmation::Confirmation;
use super::error::BearerError;
use crate::token::number;

/// An access token for this API that was verified, by its signature or by its issuer's word. Whether the client may
/// present it is another question: see [`Confirmation`].
pub(crate) struct VerifiedAccessToken {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    /// The client it was issued to.
    pub(crate) client_id: Option<String>,
    /// The granted scope, space-separated.
    pub(crate) scope: String,
    pub(crate) auth_time: Option<u64>,
    /// `None` only for an introspected token whose issuer does not say.
    pub(crate) expires_at: Option<u64>,
    /// What it is bound to, if anything.
    pub(crate) confirmation: Confirmation,
    pub(crate) claims: Map<String, Value>,
}

/// The claims in which authorization servers name the client: the standard's, then those of older ones.
pub(super) const CLIENT: [&str; 4] = ["client_id", "azp", "cid", "appid"];

impl VerifiedAccessToken {
    /// What these claims say. The caller has checked where they come from, for whom they are, and when.
    pub(super) fn new(issuer: &str, claims: Map<String, Value>) -> Result<Self, BearerError> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let subject = text("sub").filter(|subject| !subject.is_empty());
        Ok(Self {
            issuer: issuer.to_owned(),
            subject: subject.ok_or(BearerError::Claim { name: "sub" })?,
            client_id: CLIENT.into_iter().find_map(text),
            scope: scope(&claims),
            auth_time: number(&claims, "auth_time"),
            expires_at: number(&claims, "exp"),
            confirmation: Confirmation::of(&claims)?,
            claims,
        })
    }
}

/// `scope` as RFC 9068 §2.2.3 has it, and `scp` as Microsoft Entra ID and Okta do. Either may be a text or an array.
fn scope(claims: &Map<String, Value>) -> String {
    let mut values: Vec<&str> = Vec::new();
    for claim in ["scope", "scp"].iter().filter_map(|name| claims.get(*name)) {
        match claim {
            Value::String(text) => values.extend(text.split_ascii_whitespace()),
            Value::Array(items) => {
                let items = items.iter().filter_map(Value::as_str);
                values.extend(items.flat_map(str::split_ascii_whitespace));
            }
            _ => {}
        }
    }
    values.join(" ")
}

debug_fields!(VerifiedAccessToken { issuer, subject });

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scopes_have_several_spellings() {
        for (claims, expected) in [
            (json!({ "scope": "a b" }), "a b"),
            (json!({ "scope": ["a", "b", 7] }), "a b"),
            (json!({ "scp": "a  b" }), "a b"),
            (json!({ "scp": ["a", "b c"] }), "a b c"),
            (json!({ "scope": "a", "scp": ["b"] }), "a b"),
            (json!({ "scope": { "a": 1 }, "scp": null }), ""),
            (json!({}), ""),
        ] {
            assert_eq!(scope(claims.as_object().unwrap()), expected, "{claims}");
        }
    }

    #[test]
    fn a_subject_is_required() {
        for claims in [json!({}), json!({ "sub": "" }), json!({ "sub": 7 })] {
            let claims = claims.as_object().unwrap().clone();
            let refused = VerifiedAccessToken::new("https://op.example", claims).unwrap_err();
            assert_eq!(refused, BearerError::Claim { name: "sub" });
        }
    }
}
