//! Client assertions: the client proves itself with a JWT that only it can sign
//! ([RFC 7523 §2.2 and §3](https://www.rfc-editor.org/rfc/rfc7523#section-2.2),
//! [OpenID Connect Core 1.0 §9](https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication)).

use serde_json::{Map, Value, json};
use url::Url;

use super::authentication::{AssertionAudience, ClientAuth};
use super::registration::Registration;
use crate::io::{Random, RandomError};
use crate::jose::{Algorithm, PrivateKeyError, sign_with_secret};
use crate::provider::Metadata;

/// How long an assertion is valid, in seconds. Some providers accept no more.
const LIFETIME: u64 = 60;

/// What no two requests of a client share: the time, and an unguessable `jti`. A retry gets another one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freshness {
    now: u64,
    jti: [u8; 16],
}

impl Freshness {
    /// Draws the `jti`.
    pub(crate) fn draw(now: u64, random: &dyn Random) -> Result<Self, RandomError> {
        let jti = random.array()?;
        Ok(Self { now, jti })
    }

    /// The time of the request, in seconds since the Unix epoch.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// The unguessable name of the request: 128 random bits.
    pub(crate) fn jti(&self) -> String {
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(self.jti)
    }
}

impl Registration {
    /// The form parameters that authenticate the client by an assertion at the token endpoint; none if it authenticates in
    /// another way.
    ///
    /// # Errors
    ///
    /// If nothing can be signed, which the builder has ruled out.
    pub(crate) fn assertion(
        &self,
        metadata: &Metadata,
        fresh: &Freshness,
    ) -> Result<Vec<(&'static str, String)>, PrivateKeyError> {
        let token_endpoint = metadata.token_endpoint();
        self.assertion_at(
            token_endpoint.map(|endpoint| endpoint.url()),
            metadata,
            fresh,
        )
    }

    /// The same at this endpoint.
    pub(super) fn assertion_at(
        &self,
        endpoint: Option<&Url>,
        metadata: &Metadata,
        fresh: &Freshness,
    ) -> Result<Vec<(&'static str, String)>, PrivateKeyError> {
        let claims = || self.assertion_claims(endpoint, metadata, fresh);
        let assertion = match &self.auth {
            ClientAuth::PrivateKeyJwt(key) => key.sign("JWT", &claims())?,
            ClientAuth::ClientSecretJwt(secret) => {
                let algorithm = self.assertion_alg.unwrap_or(Algorithm::Hs256);
                sign_with_secret(algorithm, secret.expose(), &claims())?
            }
            ClientAuth::AppleClientSecret { team_id, key } => {
                // https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret
                let mut claims = claims();
                claims.insert("iss".to_owned(), json!(team_id));
                claims.insert("aud".to_owned(), json!(self.issuer.as_str()));
                return Ok(vec![("client_secret", key.sign("JWT", &claims)?)]);
            }
            _ => return Ok(Vec::new()),
        };
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        Ok(vec![
            ("client_assertion_type", kind.to_owned()),
            ("client_assertion", assertion),
        ])
    }

    fn assertion_claims(
        &self,
        endpoint: Option<&Url>,
        metadata: &Metadata,
        fresh: &Freshness,
    ) -> Map<String, Value> {
        // Metadata may name the token endpoint of another provider. That one's owner alone is to get assertions for it.
        let is_at_home =
            |token: &Url| endpoint.is_some_and(|endpoint| endpoint.origin() == token.origin());
        let audience = match (self.assertion_audience, metadata.token_endpoint()) {
            (AssertionAudience::TokenEndpoint, Some(token)) if is_at_home(token.url()) => {
                token.as_str()
            }
            _ => self.issuer.as_str(),
        };
        let mut claims = Map::new();
        for (name, value) in [
            ("iss", json!(self.client_id)),
            ("sub", json!(self.client_id)),
            ("aud", json!(audience)),
            ("jti", json!(fresh.jti())),
            ("iat", json!(fresh.now())),
            ("exp", json!(fresh.now().saturating_add(LIFETIME))),
        ] {
            claims.insert(name.to_owned(), value);
        }
        claims
    }
}

#[cfg(test)]
impl Freshness {
    /// A request at this time, with a `jti` of this byte.
    pub(crate) fn example(now: u64, byte: u8) -> Self {
        Self {
            now,
            jti: [byte; 16],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ClientKey;
    use crate::jose::{Jws, Key, KeySet};

    const SECRET: &str = "a secret of 64 bytes, for every one of the three hash functions!!";

    #[test]
    fn apples_client_secret_names_the_team_and_is_new_every_time() {
        let registration = Registration {
            issuer: crate::provider::Issuer::parse("https://appleid.apple.com").unwrap(),
            client_id: "com.example.web".to_owned(),
            ..registration(ClientAuth::AppleClientSecret {
                team_id: "DEF123GHIJ".to_owned(),
                key: key(),
            })
        };
        let secret = |fresh| {
            let sent = registration
                .assertion(&Metadata::example(json!({})), &fresh)
                .unwrap();
            let [("client_secret", secret)] = &sent[..] else {
                panic!("{sent:?}")
            };
            secret.clone()
        };
        let first = secret(Freshness::example(1_000, 1));
        assert_ne!(first, secret(Freshness::example(1_000, 2)));
        let jwk = key().public_jwk();
        let keys = KeySet::parse(format!("{{\"keys\":[{jwk}]}}").as_bytes()).unwrap();
        let jws = Jws::parse(&first).unwrap();
        jws.verify(Algorithm::Es256, &keys).unwrap();
        assert_eq!(jws.kid(), Some("k1"));
        let claims = jws.claims().unwrap();
        let expected = [
            ("iss", json!("DEF123GHIJ")),
            ("sub", json!("com.example.web")),
            ("aud", json!("https://appleid.apple.com")),
            ("iat", json!(1_000)),
            ("exp", json!(1_060)),
        ];
        for (name, value) in expected {
            assert_eq!(claims[name], value, "{name}");
        }
    }

    fn registration(auth: ClientAuth) -> Registration {
        Registration {
            auth,
            ..Registration::example()
        }
    }

    fn key() -> ClientKey {
        let pem = include_str!("../jose/private_key/tests/p256.pkcs8.pem");
        ClientKey::from_pem(pem).unwrap().kid("k1")
    }

    fn assertion(registration: &Registration, fresh: Freshness) -> String {
        let metadata = Metadata::example(json!({}));
        let parameters = registration.assertion(&metadata, &fresh).unwrap();
        let [(kind_name, kind), (name, assertion)] = parameters.try_into().unwrap();
        assert_eq!(
            (kind_name, name),
            ("client_assertion_type", "client_assertion")
        );
        assert_eq!(
            kind,
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        );
        assertion
    }

    fn claims(assertion: &str) -> Value {
        Value::Object(Jws::parse(assertion).unwrap().claims().unwrap())
    }

    #[test]
    fn a_private_key_signs_who_the_client_is_and_for_whom() {
        let registration = registration(ClientAuth::PrivateKeyJwt(key()));
        let assertion = assertion(&registration, Freshness::example(1_000, 7));
        let jws = Jws::parse(&assertion).unwrap();
        let keys = KeySet::parse(ClientKey::public_jwks([&key()]).as_bytes()).unwrap();
        assert!(jws.verify(Algorithm::Es256, &keys).is_ok());
        assert_eq!((jws.typ(), jws.kid()), (Some("JWT"), Some("k1")));
        assert_eq!(
            claims(&assertion),
            json!({
                "iss": "my-app", "sub": "my-app", "aud": "https://op.example",
                "jti": "BwcHBwcHBwcHBwcHBwcHBw", "iat": 1_000, "exp": 1_060,
            })
        );
    }

    #[test]
    fn the_client_secret_signs_with_the_hash_that_was_agreed() {
        let mut registration = registration(ClientAuth::ClientSecretJwt(SECRET.into()));
        for (set, used) in [
            (None, Algorithm::Hs256),
            (Some(Algorithm::Hs384), Algorithm::Hs384),
            (Some(Algorithm::Hs512), Algorithm::Hs512),
        ] {
            registration.assertion_alg = set;
            let assertion = assertion(&registration, Freshness::example(1_000, 7));
            let jws = Jws::parse(&assertion).unwrap();
            let secret = Key::from_client_secret(SECRET);
            assert_eq!(jws.verify_with(used, &secret), Ok(()));
            assert_eq!(jws.kid(), None);
            assert_eq!(claims(&assertion)["sub"], "my-app");
        }
    }

    #[test]
    fn the_audience_is_one_string() {
        let mut registration = registration(ClientAuth::PrivateKeyJwt(key()));
        registration.assertion_audience = AssertionAudience::TokenEndpoint;
        let assertion = assertion(&registration, Freshness::example(1_000, 7));
        assert_eq!(claims(&assertion)["aud"], "https://op.example/token");
    }

    /// A provider could say that its token endpoint is another's, at which the client has the same key, and be sent what opens
    /// that one.
    #[test]
    fn nobody_gets_assertions_for_a_token_endpoint_elsewhere() {
        let mut registration = registration(ClientAuth::PrivateKeyJwt(key()));
        let metadata = Metadata::example(json!({ "token_endpoint": "https://bank.example/token" }));
        for (wanted, endpoint, found) in [
            (
                AssertionAudience::TokenEndpoint,
                "https://op.example/par",
                "https://op.example",
            ),
            (
                AssertionAudience::TokenEndpoint,
                "https://bank.example:8443/par",
                "https://op.example",
            ),
            (
                AssertionAudience::TokenEndpoint,
                "https://bank.example/par",
                "https://bank.example/token",
            ),
            (
                AssertionAudience::Issuer,
                "https://bank.example/token",
                "https://op.example",
            ),
        ] {
            registration.assertion_audience = wanted;
            let endpoint = Url::parse(endpoint).unwrap();
            let fresh = Freshness::example(1_000, 7);
            let sent = registration.assertion_at(Some(&endpoint), &metadata, &fresh);
            let (_, assertion) = sent.unwrap().pop().unwrap();
            assert_eq!(claims(&assertion)["aud"], found, "{endpoint}");
        }
    }

    #[test]
    fn no_two_draws_are_alike() {
        let random = crate::io::SystemRandom::default();
        let draw = || Freshness::draw(1_000, &random).unwrap().jti();
        let (one, other) = (draw(), draw());
        assert_ne!(one, other);
        assert_eq!(one.len(), 22);
        assert!(Freshness::draw(1, &crate::io::scripted::BrokenRandom).is_err());
    }

    #[test]
    fn other_methods_need_no_assertion() {
        let metadata = Metadata::example(json!({}));
        for auth in [
            ClientAuth::ClientSecretBasic(SECRET.into()),
            ClientAuth::ClientSecretPost(SECRET.into()),
            ClientAuth::None,
        ] {
            let parameters = registration(auth).assertion(&metadata, &Freshness::example(1, 1));
            assert_eq!(parameters, Ok(Vec::new()));
        }
    }
}
