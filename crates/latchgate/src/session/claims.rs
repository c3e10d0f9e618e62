//! The claims of a session, out of the ID token and the userinfo response: [OpenID Connect Core 1.0
//! §5](https://openid.net/specs/openid-connect-core-1_0.html#Claims).

use serde_json::{Map, Value};

use super::extras::UserinfoAge;
use super::session::Session;

/// The claims that are taken from the ID token only (OpenID Connect Core 1.0 §2): it is signed and issued to this client,
/// which a userinfo response is not.
const OF_THE_ID_TOKEN: [&str; 14] = [
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "nonce",
    "auth_time",
    "acr",
    "amr",
    "at_hash",
    "sid",
    "session_expiry",
];

/// Values, and the claims that say whether the provider has verified them.
const PAIRS: [(&str, &str); 3] = [
    ("email", "email_verified"),
    ("phone_number", "phone_number_verified"),
    // The names and sources of claims that somebody else vouches for (OpenID Connect Core 1.0 §5.6.2).
    ("_claim_names", "_claim_sources"),
];

impl Session {
    /// The claims of the ID token and of the userinfo endpoint. If both have a claim, the newer one counts. Claims about
    /// the authentication and its audience come from the ID token only.
    pub(crate) fn claims(&self) -> Map<String, Value> {
        let mut id_token = self.id_token_claims();
        if self.tokens.id_token.payload().is_none() {
            // A provider without OpenID Connect. Who it is was decided when the session began.
            id_token.insert("iss".to_owned(), self.issuer.to_string().into());
            id_token.insert("sub".to_owned(), self.subject.to_string().into());
        }
        let userinfo: Map<String, Value> = serde_json::from_str(&self.userinfo).unwrap_or_default();
        if userinfo.is_empty() {
            return id_token;
        }
        let about_the_person = userinfo
            .into_iter()
            .filter(|(name, _)| !OF_THE_ID_TOKEN.contains(&name.as_str()))
            .collect();
        match self.extras.userinfo_age {
            UserinfoAge::NewerThanIdToken => overlaid(id_token, about_the_person),
            UserinfoAge::OlderThanIdToken => overlaid(about_the_person, id_token),
        }
    }

    /// The access token's claims about roles and permissions, if it was verified.
    pub(crate) fn access_token_claims(&self) -> Map<String, Value> {
        serde_json::from_str(&self.extras.access_token_claims).unwrap_or_default()
    }

    /// The same claims as JSON, if they need not be merged for that.
    pub(crate) fn claims_text(&self) -> Option<&[u8]> {
        let payload = self.tokens.id_token.payload();
        payload.filter(|_| self.userinfo.is_empty() && self.authentication.is_empty())
    }

    /// The claims of the ID token alone, with what the login's said about the authentication.
    pub(crate) fn id_token_claims(&self) -> Map<String, Value> {
        let mut claims = self.tokens.id_token_claims();
        if !self.authentication.is_empty() {
            let of_login: Map<String, Value> =
                serde_json::from_str(&self.authentication).unwrap_or_default();
            claims.extend(of_login);
        }
        claims
    }
}

/// The older claims, overwritten by the newer ones. A value and the claim that says whether it is verified come from the
/// same source: the newer one that has the value (OpenID Connect Core 1.0 §5.1).
fn overlaid(older: Map<String, Value>, mut newer: Map<String, Value>) -> Map<String, Value> {
    let mut claims = older;
    for (value, vouches) in PAIRS {
        if newer.contains_key(value) {
            claims.remove(vouches);
        } else if claims.contains_key(value) {
            newer.remove(vouches);
        }
    }
    claims.extend(newer);
    claims
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pair_comes_from_one_source() {
        let object = |value: &Value| value.as_object().unwrap().clone();
        for (older, newer, expected) in [
            (
                json!({ "email": "a", "email_verified": true }),
                json!({ "email": "b" }),
                json!({ "email": "b" }),
            ),
            (
                json!({ "email": "a" }),
                json!({ "email_verified": true }),
                json!({ "email": "a" }),
            ),
            (
                json!({}),
                json!({ "email_verified": true }),
                json!({ "email_verified": true }),
            ),
            (
                json!({ "email_verified": true }),
                json!({ "email": "b" }),
                json!({ "email": "b" }),
            ),
            (
                json!({ "email": "a", "email_verified": true }),
                json!({ "email": null }),
                json!({ "email": null }),
            ),
            (
                json!({ "phone_number": "1", "phone_number_verified": true, "email": "a" }),
                json!({ "phone_number": "2", "email_verified": true }),
                json!({ "phone_number": "2", "email": "a" }),
            ),
        ] {
            let found = overlaid(object(&older), object(&newer));
            assert_eq!(Value::Object(found), expected, "{older} {newer}");
        }
    }

    #[test]
    fn userinfo_lies_over_the_id_token() {
        let mut session = Session::example();
        assert_eq!(session.claims()["email"], "jane@example.com");
        session.userinfo = r#"{"email":"new@example.com","name":"Jane"}"#.into();
        let claims = session.claims();
        assert_eq!(
            (&claims["email"], &claims["name"]),
            (&json!("new@example.com"), &json!("Jane"))
        );
        assert_eq!(claims["auth_time"], 990);
        assert_eq!(session.id_token_claims()["email"], "jane@example.com");
        for claim in OF_THE_ID_TOKEN {
            session.userinfo = format!(r#"{{"{claim}":"theirs"}}"#).into();
            assert_eq!(session.claims(), session.id_token_claims(), "{claim}");
        }
        session.userinfo = "[not an object".into();
        assert_eq!(session.claims(), session.id_token_claims());
    }
}
