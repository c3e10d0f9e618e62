//! The client's private key: it signs what the client says of itself, client assertions
//! ([RFC 7523 §2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2)) and request objects
//! ([RFC 9101 §4](https://www.rfc-editor.org/rfc/rfc9101#section-4)).

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::jose::{Algorithm, PrivateKey, PrivateKeyError, strict_object};

/// A private key of the client, with the algorithm it signs with, and its name at the provider.
///
/// The key is RSA with 2048 to 8192 bits, or one on P-256, P-384, P-521 or Ed25519. Unless an algorithm is
/// set, the curve decides (ES256, ES384, ES512, EdDSA), and an RSA key signs with RS256, which every provider
/// supports. FAPI 2.0 wants PS256 of RSA keys:
///
/// ```
/// use latchgate::{Algorithm, ClientKey};
///
/// # let pem = "";
/// # fn read(pem: &str) -> Result<ClientKey, latchgate::PrivateKeyError> {
/// let key = ClientKey::from_pem(pem)?
///     .algorithm(Algorithm::Ps256)?
///     .kid("2026-11");
/// # Ok(key)
/// # }
/// # assert!(read(pem).is_err());
/// ```
///
/// Register the public half at the provider: [`public_jwk`](Self::public_jwk) or [`public_jwks`](Self::public_jwks).
///
/// `Debug` shows the algorithm and the name. A clone shares the key.
#[derive(Clone)]
pub struct ClientKey {
    key: Arc<PrivateKey>,
    algorithm: Algorithm,
    kid: Option<String>,
}

impl ClientKey {
    /// Reads a key in PEM, not encrypted: PKCS#8 (`BEGIN PRIVATE KEY`), PKCS#1 (`BEGIN RSA PRIVATE KEY`) or SEC1
    /// (`BEGIN EC PRIVATE KEY`). Certificates in the same text are skipped.
    ///
    /// # Errors
    ///
    /// [`PrivateKeyError`] if there is no such key, or not one of the accepted kinds.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, PrivateKeyError> {
        PrivateKey::from_pem(pem.as_ref()).map(Self::new)
    }

    /// Reads a private JSON Web Key ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)), as JSON. Its `alg` and `kid`
    /// are taken over.
    ///
    /// # Errors
    ///
    /// [`PrivateKeyError`] if it is not one, not of the accepted kinds, or not for signatures.
    pub fn from_jwk(json: impl AsRef<[u8]>) -> Result<Self, PrivateKeyError> {
        let jwk = strict_object(json.as_ref()).map_err(PrivateKeyError::NotJwk)?;
        let mut key = Self::new(PrivateKey::from_jwk(&jwk)?);
        let signs = |operations: &Value| {
            let operations = operations.as_array();
            operations.is_some_and(|all| all.iter().any(|one| one == "sign"))
        };
        if jwk.get("use").is_some_and(|value| value != "sig")
            || jwk.get("key_ops").is_some_and(|value| !signs(value))
        {
            return Err(PrivateKeyError::Use);
        }
        match jwk.get("alg") {
            None => {}
            Some(Value::String(name)) => {
                let algorithm = name.parse().map_err(PrivateKeyError::UnknownAlgorithm)?;
                key = key.algorithm(algorithm)?;
            }
            Some(_) => return Err(PrivateKeyError::Malformed("alg")),
        }
        match jwk.get("kid") {
            None => Ok(key),
            Some(Value::String(kid)) => Ok(key.kid(kid)),
            Some(_) => Err(PrivateKeyError::Malformed("kid")),
        }
    }

    /// Reads a key in PKCS#8 ([RFC 5958](https://www.rfc-editor.org/rfc/rfc5958)), in DER, not encrypted.
    ///
    /// # Errors
    ///
    /// [`PrivateKeyError`] if it is not one, or not of the accepted kinds.
    pub fn from_pkcs8_der(der: impl AsRef<[u8]>) -> Result<Self, PrivateKeyError> {
        PrivateKey::from_pkcs8_der(der.as_ref()).map(Self::new)
    }

    /// Reads a PEM text or a JSON Web Key, whichever it is.
    pub(crate) fn read(text: &[u8]) -> Result<Self, PrivateKeyError> {
        match text.trim_ascii_start().first() {
            Some(b'{') => Self::from_jwk(text),
            _ => Self::from_pem(text),
        }
    }

    fn new(key: PrivateKey) -> Self {
        Self {
            algorithm: key.usual_algorithm(),
            key: Arc::new(key),
            kid: None,
        }
    }

    /// The algorithm to sign with, as registered at the provider (`token_endpoint_auth_signing_alg`).
    ///
    /// # Errors
    ///
    /// [`PrivateKeyError::Algorithm`] if the key is not for it.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Result<Self, PrivateKeyError> {
        if !self.key.fits(algorithm) {
            return Err(PrivateKeyError::Algorithm(algorithm));
        }
        self.algorithm = algorithm;
        Ok(self)
    }

    /// The name of the key at the provider, for the `kid` of what it signs. Without one there is no `kid`, and the
    /// provider tries the keys it knows of the client.
    #[must_use]
    pub fn kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// The public half as a JSON Web Key with `use` and `alg`, and `kid` if it has one: what a provider may see.
    #[must_use]
    pub fn public_jwk(&self) -> String {
        Value::Object(self.public_members()).to_string()
    }

    /// A JWK Set of the public halves of these keys, to register at the provider or to serve at the client's
    /// `jwks_uri`. While keys are rotated it has the old one and the new one, each with a `kid`.
    #[must_use]
    pub fn public_jwks<'k>(keys: impl IntoIterator<Item = &'k Self>) -> String {
        let keys: Vec<_> = keys.into_iter().map(Self::public_members).collect();
        json!({ "keys": keys }).to_string()
    }

    fn public_members(&self) -> Map<String, Value> {
        let mut jwk = self.key.public_jwk().clone();
        jwk.insert("use".to_owned(), json!("sig"));
        jwk.insert("alg".to_owned(), json!(self.algorithm.as_str()));
        if let Some(kid) = &self.kid {
            jwk.insert("kid".to_owned(), json!(kid));
        }
        jwk
    }

    /// The algorithm of what the key signs.
    pub(crate) fn signature_algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Signs a JWT of this type and these claims, in compact serialisation. `alg` and `kid` are the key's.
    ///
    /// # Errors
    ///
    /// If aws-lc cannot sign, which does not happen to a key that could be read.
    pub(crate) fn sign(
        &self,
        typ: &str,
        claims: &Map<String, Value>,
    ) -> Result<String, PrivateKeyError> {
        let mut header = Map::new();
        header.insert("typ".to_owned(), json!(typ));
        if let Some(kid) = &self.kid {
            header.insert("kid".to_owned(), json!(kid));
        }
        self.key.sign_jwt(self.algorithm, header, claims)
    }
}

/// Whether both are one key with the same algorithm and name.
impl PartialEq for ClientKey {
    fn eq(&self, other: &Self) -> bool {
        self.public_members() == other.public_members()
    }
}

impl Eq for ClientKey {}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientKey")
            .field("alg", &self.algorithm.as_str())
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Jws, KeySet};

    const P256: &str = include_str!("../jose/private_key/tests/p256.pkcs8.pem");
    const RSA: &str = include_str!("../jose/private_key/tests/rsa.pkcs8.pem");

    /// RFC 7515 §A.3, with these members too.
    fn jwk(members: Value) -> String {
        let mut jwk = json!({
            "kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
        });
        for (name, value) in members.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk.to_string()
    }

    fn claims() -> Map<String, Value> {
        json!({ "iss": "my-app" }).as_object().unwrap().clone()
    }

    #[test]
    fn what_it_signs_verifies_with_the_public_key_set() {
        for algorithm in [
            Algorithm::Rs256,
            Algorithm::Rs512,
            Algorithm::Ps256,
            Algorithm::Ps512,
        ] {
            let key = ClientKey::from_pem(RSA)
                .unwrap()
                .algorithm(algorithm)
                .unwrap();
            for key in [key.clone(), key.kid("k1")] {
                let jwt = key.sign("x+jwt", &claims()).unwrap();
                let jws = Jws::parse(&jwt).unwrap();
                assert_eq!((jws.typ(), jws.kid()), (Some("x+jwt"), key.kid.as_deref()));
                assert_eq!(jws.claims().unwrap(), claims());
                let keys = KeySet::parse(ClientKey::public_jwks([&key]).as_bytes()).unwrap();
                assert!(jws.verify(algorithm, &keys).is_ok(), "{algorithm}");
            }
        }
    }

    #[test]
    fn a_json_web_key_brings_its_algorithm_and_name() {
        let key = ClientKey::from_jwk(jwk(json!({
            "kid": "k1", "alg": "ES256", "use": "sig", "key_ops": ["sign"], "x5t": "junk",
        })));
        let key = key.unwrap();
        assert_eq!(
            (key.algorithm, key.kid.as_deref()),
            (Algorithm::Es256, Some("k1"))
        );
        let public: Value = serde_json::from_str(&key.public_jwk()).unwrap();
        assert_eq!(
            public,
            json!({
                "kty": "EC", "crv": "P-256",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
                "use": "sig", "alg": "ES256", "kid": "k1",
            })
        );
    }

    #[test]
    fn a_json_web_key_for_something_else_is_refused() {
        let unknown =
            |name: &str| PrivateKeyError::UnknownAlgorithm(name.parse::<Algorithm>().unwrap_err());
        for (members, error) in [
            (json!({ "use": "enc" }), PrivateKeyError::Use),
            (json!({ "key_ops": ["decrypt"] }), PrivateKeyError::Use),
            (json!({ "key_ops": "sign" }), PrivateKeyError::Use),
            (
                json!({ "alg": "RS256" }),
                PrivateKeyError::Algorithm(Algorithm::Rs256),
            ),
            (
                json!({ "alg": "HS256" }),
                PrivateKeyError::Algorithm(Algorithm::Hs256),
            ),
            (json!({ "alg": "ECDH-ES" }), unknown("ECDH-ES")),
            (json!({ "alg": "none" }), unknown("none")),
            (json!({ "alg": 1 }), PrivateKeyError::Malformed("alg")),
            (json!({ "kid": 1 }), PrivateKeyError::Malformed("kid")),
        ] {
            let refused = ClientKey::from_jwk(jwk(members.clone())).unwrap_err();
            assert_eq!(refused, error, "{members}");
        }
        for text in ["", "[]", "{", r#"{"kty":"EC","kty":"EC"}"#] {
            let refused = ClientKey::from_jwk(text).unwrap_err();
            assert!(matches!(refused, PrivateKeyError::NotJwk(_)), "{text}");
        }
    }

    #[test]
    fn an_algorithm_must_be_the_keys() {
        let key = ClientKey::from_pem(P256).unwrap();
        for algorithm in [Algorithm::Es384, Algorithm::Rs256, Algorithm::Hs256] {
            let refused = key.clone().algorithm(algorithm).unwrap_err();
            assert_eq!(refused, PrivateKeyError::Algorithm(algorithm));
        }
        assert!(key.algorithm(Algorithm::Es256).is_ok());
    }

    #[test]
    fn a_text_is_a_json_web_key_or_pem() {
        assert_eq!(ClientKey::read(P256.as_bytes()), ClientKey::from_pem(P256));
        let jwk = jwk(json!({}));
        let spaced = format!("\n {jwk}");
        assert_eq!(
            ClientKey::read(spaced.as_bytes()),
            ClientKey::from_jwk(&jwk)
        );
        assert_ne!(ClientKey::from_jwk(&jwk), ClientKey::from_pem(P256));
        assert_eq!(ClientKey::read(b"hunter2"), Err(PrivateKeyError::NotPem));
    }

    #[test]
    fn debug_shows_names_only() {
        let key = ClientKey::from_pem(P256).unwrap().kid("k1");
        assert_eq!(
            format!("{key:?}"),
            r#"ClientKey { alg: "ES256", kid: Some("k1"), .. }"#
        );
    }
}
