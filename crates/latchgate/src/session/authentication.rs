//! What is known of how and when somebody authenticated, after the ID token has been refreshed: [OpenID Connect Core 1.0
//! §12.2](https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokenResponse).
//!
//! A refresh is not an authentication. If a refreshed ID token says nothing about the authentication, what the login's ID
//! token said is kept; otherwise people would have to use their second factor again after every refresh.

use bytestring::ByteString;
use serde_json::{Map, Value};

use super::session::Session;
use crate::token::IdToken;

/// They describe the same authentication, so where one of them differs, the other one is not kept either.
const HOW: [&str; 2] = ["acr", "amr"];

const WHEN: &str = "auth_time";

impl Session {
    /// The claims about the authentication that a refreshed ID token no longer has, as JSON; empty if it has all.
    pub(super) fn authentication_beside(&self, fresh: &IdToken) -> ByteString {
        let has = |name: &str| fresh.claims.get(name).is_some_and(|claim| !claim.is_null());
        if HOW.into_iter().chain([WHEN]).all(has) {
            // Those of the session need not be read.
            return ByteString::new();
        }
        let kept = kept(&self.id_token_claims(), &fresh.claims);
        match kept.is_empty() {
            true => ByteString::new(),
            false => Value::Object(kept).to_string().into(),
        }
    }
}

fn kept(before: &Map<String, Value>, fresh: &Map<String, Value>) -> Map<String, Value> {
    let of = |claims: &Map<String, Value>, name| {
        let claim = claims.get(name).filter(|claim| !claim.is_null());
        claim.cloned()
    };
    let differs = |name| of(fresh, name).is_some_and(|fresh| Some(fresh) != of(before, name));
    let how = HOW.into_iter().filter(|_| !HOW.into_iter().any(differs));
    how.chain([WHEN])
        .filter(|name| of(fresh, name).is_none())
        .filter_map(|name| Some((name.to_owned(), of(before, name)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn keeps(before: Value, fresh: Value) -> Value {
        let object = |value: Value| value.as_object().unwrap().clone();
        Value::Object(kept(&object(before), &object(fresh)))
    }

    #[test]
    fn what_a_refreshed_id_token_leaves_out_is_kept() {
        let login = json!({ "acr": "mfa", "amr": ["otp"], "auth_time": 7, "email": "a@b.example" });
        let authentication = json!({ "acr": "mfa", "amr": ["otp"], "auth_time": 7 });
        assert_eq!(keeps(login.clone(), json!({})), authentication);
        let nothing = json!({ "acr": null, "amr": null, "auth_time": null });
        assert_eq!(keeps(login.clone(), nothing), authentication);
        assert_eq!(keeps(login.clone(), login.clone()), json!({}));
        let part = json!({ "acr": "mfa", "auth_time": 7 });
        assert_eq!(keeps(login, part), json!({ "amr": ["otp"] }));
        assert_eq!(keeps(json!({ "sub": "1" }), json!({})), json!({}));
    }

    #[test]
    fn an_id_token_that_says_everything_leaves_nothing_to_keep() {
        let login = json!({ "sub": "1", "acr": "mfa", "amr": ["otp"], "auth_time": 7 });
        let session = Session::example_of(&login);
        let beside = |fresh| {
            let fresh = IdToken::example(&fresh);
            session.authentication_beside(&fresh).to_string()
        };
        let other = json!({ "sub": "1", "acr": "pwd", "amr": ["pwd"], "auth_time": 8 });
        assert_eq!((beside(login.clone()), beside(other)), Default::default());
        let less = json!({ "sub": "1", "acr": "mfa", "amr": null });
        assert_eq!(beside(less), r#"{"amr":["otp"],"auth_time":7}"#);
    }

    #[test]
    fn another_authentication_leaves_nothing_of_the_one_before() {
        let login = json!({ "acr": "mfa", "amr": ["otp"], "auth_time": 7 });
        for fresh in [
            json!({ "acr": "pwd" }),
            json!({ "amr": ["pwd"] }),
            json!({ "amr": [] }),
        ] {
            assert_eq!(keeps(login.clone(), fresh), json!({ "auth_time": 7 }));
        }
        let gained = keeps(json!({ "amr": ["pwd"] }), json!({ "acr": "mfa" }));
        assert_eq!(gained, json!({}));
    }
}
