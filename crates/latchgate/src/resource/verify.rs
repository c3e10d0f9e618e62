//! JWT access tokens: [RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068#section-4), in its order, with the rules of
//! [RFC 8725 §3](https://www.rfc-editor.org/rfc/rfc8725#section-3): one algorithm, one issuer, one audience, one kind.

use serde_json::{Map, Value};

use super::error::BearerError;
use super::verified_access_token::{CLIENT, VerifiedAccessToken};
use crate::jose::{Algorithm, Jws, KeySet};
use crate::provider::Issuer;
use crate::token::number;

/// Which JWTs are taken for access tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessTokenTypes {
    /// Those whose header says `typ: at+jwt`, as RFC 9068 §2.1 requires. The default.
    #[default]
    AtJwt,
    /// Also those that say `JWT`, or nothing: Auth0, Keycloak, Microsoft Entra ID and Okta send them by default.
    ///
    /// ID tokens say the same, so such a token must not have what only they have (`nonce`, `at_hash`, `c_hash`,
    /// `s_hash`), must not say by its claim `typ` that it is something else, and must have what they do not: a scope, or
    /// the client it was issued to. The audience of the API should also differ from every client id.
    AnyJwt,
}

/// Whether access tokens must be bound to a key or certificate of the client's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessTokenBinding {
    /// They may be. One that is bound is never accepted without its proof. The default.
    #[default]
    Optional,
    /// They must be: by DPoP (RFC 9449) or to a certificate (RFC 8705).
    Required,
}

/// What access tokens are checked against.
#[derive(Clone, Debug)]
pub(crate) struct ResourceRules {
    pub(crate) issuer: Issuer,
    pub(crate) audience: String,
    pub(crate) alg: Algorithm,
    pub(crate) types: AccessTokenTypes,
    pub(crate) binding: AccessTokenBinding,
    /// How far the authorization server's clock may be off, in seconds.
    pub(crate) leeway: u64,
}

/// Verifies a JWT access token.
pub(crate) fn verify(
    rules: &ResourceRules,
    keys: &KeySet,
    raw: &str,
    now: u64,
) -> Result<VerifiedAccessToken, BearerError> {
    // Encrypted and unsigned tokens, unknown algorithms and `crit` are refused here.
    let jws = Jws::parse(raw).map_err(BearerError::Jws)?;
    // Before any claim is read.
    jws.verify(rules.alg, keys).map_err(BearerError::Jws)?;
    let standard = jws.typ().is_some_and(is_at_jwt);
    if !standard && !rules.accept_type(jws.typ()) {
        return Err(BearerError::Type);
    }
    let claims = jws.claims().map_err(BearerError::Jws)?;
    if standard {
        for name in ["client_id", "jti"] {
            require_text(&claims, name)?;
        }
    } else {
        refuse_other_kinds(&claims)?;
    }
    rules.check_issuer(&claims)?;
    rules.check_audience(&claims)?;
    if number(&claims, "exp").is_none() {
        return Err(BearerError::Expired);
    }
    if number(&claims, "iat").is_none() {
        return Err(BearerError::IssuedAt);
    }
    rules.check_times(&claims, now)?;
    VerifiedAccessToken::new(rules.issuer.as_str(), claims)
}

impl ResourceRules {
    /// Whether a token whose `typ` is not the standard's may be one.
    fn accept_type(&self, typ: Option<&str>) -> bool {
        self.types == AccessTokenTypes::AnyJwt
            && typ.is_none_or(|typ| typ.eq_ignore_ascii_case("jwt"))
    }

    pub(super) fn check_issuer(&self, claims: &Map<String, Value>) -> Result<(), BearerError> {
        match claims.get("iss").and_then(Value::as_str) == Some(self.issuer.as_str()) {
            true => Ok(()),
            false => Err(BearerError::Issuer),
        }
    }

    pub(super) fn check_audience(&self, claims: &Map<String, Value>) -> Result<(), BearerError> {
        let is_ours = |one: &Value| one.as_str() == Some(&*self.audience);
        let named = match claims.get("aud") {
            // As it is for ID tokens: what is not a text spoils the list.
            Some(Value::Array(several)) => {
                several.iter().all(Value::is_string) && several.iter().any(is_ours)
            }
            Some(one) => is_ours(one),
            None => false,
        };
        match named {
            true => Ok(()),
            false => Err(BearerError::Audience),
        }
    }

    /// The times that there are.
    pub(super) fn check_times(
        &self,
        claims: &Map<String, Value>,
        now: u64,
    ) -> Result<(), BearerError> {
        let time = |name| claims.contains_key(name).then(|| number(claims, name));
        let latest = now.saturating_add(self.leeway);
        let is_past = |exp: u64| now >= exp.saturating_add(self.leeway);
        if time("exp").is_some_and(|exp| exp.is_none_or(is_past)) {
            return Err(BearerError::Expired);
        }
        if time("iat").is_some_and(|iat| iat.is_none_or(|iat| iat > latest)) {
            return Err(BearerError::IssuedAt);
        }
        if time("nbf").is_some_and(|nbf| nbf.is_none_or(|nbf| nbf > latest)) {
            return Err(BearerError::NotBefore);
        }
        Ok(())
    }
}

fn is_at_jwt(typ: &str) -> bool {
    ["at+jwt", "application/at+jwt"]
        .iter()
        .any(|known| typ.eq_ignore_ascii_case(known))
}

fn require_text(claims: &Map<String, Value>, name: &'static str) -> Result<(), BearerError> {
    let found = claims.get(name).and_then(Value::as_str);
    match found.is_some_and(|text| !text.is_empty()) {
        true => Ok(()),
        false => Err(BearerError::Claim { name }),
    }
}

/// For a token whose header does not say what it is: its claims must.
fn refuse_other_kinds(claims: &Map<String, Value>) -> Result<(), BearerError> {
    let of_id_tokens = ["nonce", "at_hash", "c_hash", "s_hash"];
    let of_logout_tokens = ["events", "toe"];
    let of_others = of_id_tokens.iter().chain(&of_logout_tokens);
    // Keycloak says in a claim what a token is.
    let named = claims.get("typ");
    let is_another = named.is_some_and(|typ| typ != "Bearer" && typ != "DPoP");
    // `azp` does not tell them apart: ID tokens have it, too.
    let clients = CLIENT.iter().filter(|name| **name != "azp");
    let mut of_access_tokens = ["scope", "scp", "idtyp"].iter().chain(clients);
    let is_one = named.is_some() || of_access_tokens.any(|name| claims.contains_key(*name));
    if is_another || !is_one || of_others.into_iter().any(|name| claims.contains_key(*name)) {
        return Err(BearerError::OtherKind);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{JsonError, JwsError, Signer};
    use serde_json::json;

    const NOW: u64 = 1_000;

    fn rules(types: AccessTokenTypes) -> ResourceRules {
        ResourceRules {
            issuer: Issuer::parse("https://op.example").unwrap(),
            audience: "https://api.example".to_owned(),
            alg: Algorithm::Rs256,
            types,
            binding: AccessTokenBinding::Optional,
            leeway: 30,
        }
    }

    fn claims() -> Value {
        json!({
            "iss": "https://op.example", "aud": "https://api.example", "sub": "jane",
            "client_id": "spa", "jti": "1", "iat": NOW, "exp": NOW + 60, "scope": "read write",
        })
    }

    /// With these members changed; `null` removes one.
    fn with(mut object: Value, change: &Value) -> Value {
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => drop(object.as_object_mut().unwrap().remove(name)),
                value => object[name] = value.clone(),
            }
        }
        object
    }

    fn verified(
        types: AccessTokenTypes,
        header: &Value,
        change: &Value,
    ) -> Result<VerifiedAccessToken, BearerError> {
        let signer = Signer::new(Algorithm::Rs256);
        let set = json!({ "keys": [signer.jwk_named("k")] }).to_string();
        let keys = KeySet::parse(set.as_bytes()).unwrap();
        let header = with(
            json!({ "alg": "RS256", "kid": "k", "typ": "at+jwt" }),
            header,
        );
        let raw = signer.token(
            Algorithm::Rs256,
            &header.to_string(),
            &with(claims(), change).to_string(),
        );
        verify(&rules(types), &keys, &raw, NOW)
    }

    fn verdict(header: Value, change: Value) -> Result<(), BearerError> {
        verified(AccessTokenTypes::AtJwt, &header, &change).map(drop)
    }

    #[test]
    fn an_access_token_for_this_api_says_who_and_what() {
        let token = verified(
            AccessTokenTypes::AtJwt,
            &json!({}),
            &json!({ "auth_time": 990 }),
        );
        let token = token.unwrap();
        assert_eq!(
            (token.issuer.as_str(), token.subject.as_str()),
            ("https://op.example", "jane")
        );
        assert_eq!(
            (token.client_id.as_deref(), token.scope.as_str()),
            (Some("spa"), "read write")
        );
        assert_eq!(
            (token.auth_time, token.expires_at),
            (Some(990), Some(NOW + 60))
        );
        assert!(token.confirmation.is_empty());
        for (header, change) in [
            (json!({ "typ": "application/at+jwt" }), json!({})),
            (json!({ "typ": "AT+JWT" }), json!({})),
            (
                json!({}),
                json!({ "aud": ["other", "https://api.example"] }),
            ),
            (
                json!({}),
                json!({ "exp": NOW - 29, "iat": NOW + 30, "nbf": NOW + 30 }),
            ),
            (json!({}), json!({ "scope": null })),
        ] {
            assert_eq!(verdict(header, change.clone()), Ok(()), "{change}");
        }
    }

    #[test]
    fn every_claim_has_its_refusal() {
        for (change, why) in [
            (json!({ "iss": "https://op.example/" }), BearerError::Issuer),
            (json!({ "iss": null }), BearerError::Issuer),
            (
                json!({ "aud": "https://api.example/" }),
                BearerError::Audience,
            ),
            (json!({ "aud": ["other"] }), BearerError::Audience),
            (
                json!({ "aud": ["https://api.example", 7] }),
                BearerError::Audience,
            ),
            (json!({ "aud": null }), BearerError::Audience),
            (json!({ "exp": NOW - 30 }), BearerError::Expired),
            (json!({ "exp": "soon" }), BearerError::Expired),
            (json!({ "exp": null }), BearerError::Expired),
            (json!({ "iat": NOW + 31 }), BearerError::IssuedAt),
            (json!({ "iat": null }), BearerError::IssuedAt),
            (json!({ "nbf": NOW + 31 }), BearerError::NotBefore),
            (json!({ "nbf": "x" }), BearerError::NotBefore),
            (json!({ "sub": null }), BearerError::Claim { name: "sub" }),
            (
                json!({ "client_id": null }),
                BearerError::Claim { name: "client_id" },
            ),
            (json!({ "jti": 7 }), BearerError::Claim { name: "jti" }),
            (json!({ "cnf": {} }), BearerError::Confirmation),
        ] {
            assert_eq!(verdict(json!({}), change.clone()), Err(why), "{change}");
        }
    }

    #[test]
    fn the_header_must_say_what_it_is() {
        for typ in [
            json!("JWT"),
            json!("logout+jwt"),
            json!("dpop+jwt"),
            json!(""),
            json!(null),
        ] {
            let header = json!({ "typ": typ });
            assert_eq!(verdict(header, json!({})), Err(BearerError::Type), "{typ}");
        }
        let critical = verdict(json!({ "crit": ["exp"] }), json!({}));
        assert_eq!(critical, Err(BearerError::Jws(JwsError::Critical)));
        let unknown = verdict(json!({ "kid": "other" }), json!({})).unwrap_err();
        assert!(unknown.lacks_a_key());
    }

    #[test]
    fn an_id_token_never_passes_for_an_access_token() {
        let lenient = |header: Value, change: Value| {
            verified(AccessTokenTypes::AnyJwt, &header, &change).map(drop)
        };
        let jwt = || json!({ "typ": "JWT" });
        let bare = |change: Value| {
            with(
                json!({ "client_id": null, "jti": null, "scope": null }),
                &change,
            )
        };
        for mark in [
            json!({ "scope": "read" }),
            json!({ "scp": ["read"] }),
            json!({ "client_id": "spa" }),
            json!({ "cid": "spa" }),
            json!({ "typ": "Bearer", "azp": "spa" }),
            json!({ "typ": "DPoP", "azp": "spa" }),
            json!({ "idtyp": "app", "azp": "spa" }),
        ] {
            let change = bare(mark.clone());
            assert_eq!(lenient(jwt(), change.clone()), Ok(()), "{mark}");
            assert_eq!(
                lenient(json!({ "typ": null }), change.clone()),
                Ok(()),
                "{mark}"
            );
            assert_eq!(verdict(jwt(), change), Err(BearerError::Type), "{mark}");
        }
        for id_token in [
            json!({ "azp": "spa" }),
            json!({}),
            json!({ "scope": "read", "nonce": "n" }),
            json!({ "scope": "read", "at_hash": "h" }),
            json!({ "scope": "read", "typ": "ID" }),
            json!({ "scope": "read", "typ": "Refresh" }),
            json!({ "client_id": "spa", "events": {} }),
        ] {
            let refused = lenient(jwt(), bare(id_token.clone()));
            assert_eq!(refused, Err(BearerError::OtherKind), "{id_token}");
        }
        let logout = lenient(json!({ "typ": "logout+jwt" }), json!({}));
        assert_eq!(logout, Err(BearerError::Type));
    }

    #[test]
    fn forged_and_oversized_tokens_are_refused() {
        let signer = Signer::new(Algorithm::Rs256);
        let set = json!({ "keys": [signer.jwk_named("k")] }).to_string();
        let keys = KeySet::parse(set.as_bytes()).unwrap();
        let refused =
            |raw: &str| verify(&rules(AccessTokenTypes::AnyJwt), &keys, raw, NOW).unwrap_err();
        let header = |alg: &str| json!({ "alg": alg, "kid": "k", "typ": "at+jwt" }).to_string();
        let payload = claims().to_string();
        let unsigned = signer.token(Algorithm::Rs256, &header("none"), &payload);
        assert_eq!(refused(&unsigned), BearerError::Jws(JwsError::Unsigned));
        let secret = Signer::Secret(set.clone());
        let confused = secret.token(Algorithm::Hs256, &header("HS256"), &payload);
        assert!(matches!(
            refused(&confused),
            BearerError::Jws(JwsError::Algorithm { .. })
        ));
        let other = Signer::new(Algorithm::Es256);
        let other = other.token(Algorithm::Es256, &header("ES256"), &payload);
        assert!(matches!(
            refused(&other),
            BearerError::Jws(JwsError::Algorithm { .. })
        ));
        for (payload, why) in [
            (
                format!("{},\"aud\":\"x\"}}", payload.trim_end_matches('}')),
                JsonError::DuplicateName,
            ),
            (
                format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40)),
                JsonError::TooDeep,
            ),
        ] {
            let raw = signer.token(Algorithm::Rs256, &header("RS256"), &payload);
            assert_eq!(refused(&raw), BearerError::Jws(JwsError::Claims(why)));
        }
    }
}
