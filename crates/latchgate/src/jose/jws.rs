//! Signed tokens: the compact serialisation of
//! [RFC 7515 §7.1](https://www.rfc-editor.org/rfc/rfc7515#section-7.1), the header members of its
//! §4.1 and the signature check of its §5.2, by the rules of
//! [RFC 8725](https://www.rfc-editor.org/rfc/rfc8725):
//!
//! * The algorithm is the one agreed upon; a token that names another is refused (§3.1, §3.2).
//! * The key comes from the provider's set. `jwk`, `jku`, `x5c` and `x5u` are not looked at, and
//!   `kid` is a text to compare (§3.10).
//! * What we do not understand but must (`crit`, `b64`) is refused.

use super::{
    algorithm::{Algorithm, AlgorithmError, listed},
    json::{JsonError, strict_object},
    key::Key,
    key_set::KeySet,
    thumbprint::thumbprint,
};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use std::fmt;

/// The longest token that is read, in bytes.
const MAX_LEN: usize = 64 * 1024;

/// How many keys a token is verified with at most. A provider may give all of its keys one name, and make them as long as they may
/// be: a signature that does not match would cost everybody's time. Names are unique, and without one there is one key or a few.
const MAX_CANDIDATES: usize = 8;

/// A parsed token. Its signature is unchecked until [`verify`](Self::verify) says otherwise.
pub(crate) struct Jws<'t> {
    algorithm: Algorithm,
    header: Map<String, Value>,
    message: &'t str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'t> Jws<'t> {
    /// Parses a token and refuses what can never be verified: other structures, non-canonical
    /// encodings, encrypted or unsigned tokens, unknown algorithms and critical extensions.
    pub(crate) fn parse(token: &'t str) -> Result<Self, JwsError> {
        if token.len() > MAX_LEN {
            return Err(JwsError::TooLong { bytes: token.len() });
        }
        let (message, header, payload, signature) = parts(token)?;
        let header = strict_object(&decode(header, "header")?).map_err(JwsError::Header)?;
        let algorithm = check_header(&header)?;
        if signature.is_empty() {
            return Err(JwsError::Unsigned);
        }
        let (payload, signature) = (decode(payload, "payload")?, decode(signature, "signature")?);
        Ok(Self {
            algorithm,
            header,
            message,
            payload,
            signature,
        })
    }

    /// The name of the key in the header.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// The type of the token in the header.
    pub(crate) fn typ(&self) -> Option<&str> {
        self.header.get("typ").and_then(Value::as_str)
    }

    /// The content as the claims of a JWT.
    pub(crate) fn claims(&self) -> Result<Map<String, Value>, JwsError> {
        strict_object(&self.payload).map_err(JwsError::Claims)
    }

    /// Checks the signature with the agreed algorithm and the provider's keys, and returns the key that
    /// matched.
    ///
    /// # Errors
    ///
    /// [`JwsError::UnknownKey`] when the set has no such key: the provider may have a new one, so
    /// it is worth fetching the set again. All other errors are final.
    pub(crate) fn verify<'k>(
        &self,
        algorithm: Algorithm,
        keys: &'k KeySet,
    ) -> Result<&'k Key, JwsError> {
        self.expect(algorithm)?;
        let candidates = keys.candidates(self.kid(), algorithm);
        let mut candidates = candidates.take(MAX_CANDIDATES).peekable();
        if candidates.peek().is_none() {
            return Err(match self.kid() {
                Some(kid) if keys.knows(kid) => JwsError::UnfitKey { algorithm },
                _ => JwsError::UnknownKey,
            });
        }
        candidates
            .find(|key| self.is_signed_with(key))
            .ok_or(JwsError::BadSignature)
    }

    /// Checks the signature with the agreed `HS*` algorithm and the key of the client secret; `kid`
    /// says nothing here.
    pub(crate) fn verify_with(&self, algorithm: Algorithm, secret: &Key) -> Result<(), JwsError> {
        self.expect(algorithm)?;
        match (
            algorithm.is_symmetric() && secret.fits(algorithm),
            self.is_signed_with(secret),
        ) {
            (false, _) => Err(JwsError::UnfitKey { algorithm }),
            (true, false) => Err(JwsError::BadSignature),
            (true, true) => Ok(()),
        }
    }

    /// Checks the signature with the key in the header, for a proof that its sender has that key
    /// (RFC 9449 §4.3), and returns the key's thumbprint (RFC 7638). Proves nothing else: anybody has some key.
    ///
    /// # Errors
    ///
    /// [`JwsError::HeaderMember`] when the header has no `jwk`, or not a public key that this algorithm can be verified
    /// with.
    pub(crate) fn verify_with_own_key(&self) -> Result<String, JwsError> {
        let unusable = JwsError::HeaderMember { name: "jwk" };
        let jwk = self.header.get("jwk").and_then(Value::as_object);
        let jwk = jwk.ok_or(unusable)?;
        // Refuses private and symmetric keys.
        let key = Key::from_jwk(jwk).map_err(|_| unusable)?;
        let thumbprint = thumbprint(jwk).ok_or(unusable)?;
        match (key.fits(self.algorithm), self.is_signed_with(&key)) {
            (false, _) => Err(unusable),
            (true, false) => Err(JwsError::BadSignature),
            (true, true) => Ok(thumbprint),
        }
    }

    fn expect(&self, expected: Algorithm) -> Result<(), JwsError> {
        match self.algorithm == expected {
            true => Ok(()),
            false => Err(JwsError::Algorithm {
                expected,
                found: self.algorithm,
            }),
        }
    }

    fn is_signed_with(&self, key: &Key) -> bool {
        key.verify(self.algorithm, self.message.as_bytes(), &self.signature)
    }
}

impl fmt::Debug for Jws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jws")
            .field("alg", &self.algorithm.as_str())
            .finish_non_exhaustive()
    }
}

/// Why a token was refused; of the token it shows only names of algorithms.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwsError {
    /// The token is longer than 64 KiB.
    #[error("the token has {bytes} bytes; at most {MAX_LEN} are accepted")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// The token does not have three parts.
    #[error("the token has {parts} parts; a signed token has 3")]
    Structure {
        /// How many parts it has.
        parts: usize,
    },
    /// The token has five parts, so it is encrypted.
    #[error("the token is encrypted; register the client for tokens that are only signed")]
    Encrypted,
    /// A part is not canonical base64url.
    #[error("the token's {part} is not base64url without padding")]
    Encoding {
        /// Which part: `header`, `payload` or `signature`.
        part: &'static str,
    },
    /// The header is not a JSON object with unique names.
    #[error("the token's header cannot be read: {0}")]
    Header(JsonError),
    /// A header member has the wrong type.
    #[error("`{name}` in the token's header has the wrong type")]
    HeaderMember {
        /// Its name.
        name: &'static str,
    },
    /// `alg` is missing, empty or `none`, or there is no signature.
    #[error("the token is not signed; every token must be")]
    Unsigned,
    /// `alg` is not supported.
    #[error("the token is signed with an algorithm that is not one of {}", listed(&Algorithm::ALL))]
    UnknownAlgorithm,
    /// `alg` is not the agreed algorithm.
    #[error("the token is signed with {found}, but {expected} is configured")]
    Algorithm {
        /// The agreed algorithm.
        expected: Algorithm,
        /// The algorithm of the token.
        found: Algorithm,
    },
    /// `crit` requires extensions, and none are supported.
    #[error("the token's `crit` requires extensions, and none are supported")]
    Critical,
    /// `b64` declares a payload that is not base64url (RFC 7797).
    #[error("the token's `b64` declares a payload that is not base64url")]
    UnencodedPayload,
    /// The provider has no key with the token's `kid`, or no suitable key if it has no `kid`.
    #[error("the provider has no key that the token could be signed with")]
    UnknownKey,
    /// The key with the token's `kid` is not for the algorithm, or the client secret is too short
    /// for it.
    #[error("{}", unfit(.algorithm))]
    UnfitKey {
        /// The agreed algorithm.
        algorithm: Algorithm,
    },
    /// The signature does not match.
    #[error("the signature does not match the token")]
    BadSignature,
    /// The claims are not a JSON object with unique names.
    #[error("the token's claims cannot be read: {0}")]
    Claims(JsonError),
}

impl JwsError {
    /// Whether newer keys could change the outcome.
    pub(crate) fn is_unknown_key(self) -> bool {
        match self {
            Self::UnknownKey => true,
            // A key of that name is there but fits another algorithm: perhaps an older one.
            Self::UnfitKey { algorithm } => !algorithm.is_symmetric(),
            _ => false,
        }
    }
}

debug_with_causes!(JwsError);

/// Why a key does not fit.
fn unfit(algorithm: &Algorithm) -> String {
    match algorithm.is_symmetric() {
        true => format!("the client secret must be at least as long as the hash of {algorithm}"),
        false => format!("the key that the token names is not for {algorithm}"),
    }
}

/// Splits a token at its dots: what is signed, and the three parts.
fn parts(token: &str) -> Result<(&str, &str, &str, &str), JwsError> {
    let signed = token.rsplit_once('.');
    let found = signed.and_then(|(message, signature)| {
        let (header, payload) = message.split_once('.')?;
        (!payload.contains('.')).then_some((message, header, payload, signature))
    });
    found.ok_or_else(|| match token.split('.').count() {
        5 => JwsError::Encrypted,
        parts => JwsError::Structure { parts },
    })
}

fn decode(text: &str, part: &'static str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD
        .decode_to_vec(text)
        .map_err(|_| JwsError::Encoding { part })
}

/// RFC 7515 §4.1 and RFC 7797 §3, as far as it matters before a key is known.
fn check_header(header: &Map<String, Value>) -> Result<Algorithm, JwsError> {
    for name in ["kid", "typ"] {
        if header.get(name).is_some_and(|value| !value.is_string()) {
            return Err(JwsError::HeaderMember { name });
        }
    }
    if header
        .get("b64")
        .is_some_and(|value| *value != Value::Bool(true))
    {
        return Err(JwsError::UnencodedPayload);
    }
    if header.contains_key("crit") {
        return Err(JwsError::Critical);
    }
    match header.get("alg") {
        None => Err(JwsError::Unsigned),
        Some(Value::String(name)) if name.is_empty() => Err(JwsError::Unsigned),
        Some(Value::String(name)) => name.parse().map_err(|error| match error {
            AlgorithmError::Unsigned => JwsError::Unsigned,
            AlgorithmError::Unknown(_) => JwsError::UnknownAlgorithm,
        }),
        Some(_) => Err(JwsError::HeaderMember { name: "alg" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::signer::Signer;
    use aws_lc_rs::signature::KeyPair as _;
    use proptest::prelude::*;
    use serde_json::json;

    const PAYLOAD: &str = r#"{"sub":"248289761001"}"#;

    fn keys(jwks: &[Value]) -> KeySet {
        KeySet::parse(json!({ "keys": jwks }).to_string().as_bytes()).unwrap()
    }

    fn text(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode_to_string(bytes)
    }

    /// A token with this header, signed with a key that the set has under the name `k`, and what
    /// comes of verifying it.
    fn verdict(algorithm: Algorithm, header: &str) -> Result<(), JwsError> {
        let signer = Signer::new(algorithm);
        let set = keys(&[signer.jwk_named("k")]);
        let token = signer.token(algorithm, header, PAYLOAD);
        Jws::parse(&token)?.verify(algorithm, &set).map(|_| ())
    }

    fn parse_error(token: &str) -> JwsError {
        Jws::parse(token).unwrap_err()
    }

    #[test]
    fn a_token_is_verified_with_eight_keys_at_most() {
        let signer = Signer::new(Algorithm::EdDsa);
        let token = signer.token(Algorithm::EdDsa, r#"{"alg":"EdDSA","kid":"k"}"#, PAYLOAD);
        let jws = Jws::parse(&token).unwrap();
        let verified = |decoys: usize| {
            let decoy = || Signer::new(Algorithm::EdDsa).jwk_named("k");
            let mut jwks: Vec<Value> = (0..decoys).map(|_| decoy()).collect();
            jwks.push(signer.jwk_named("k"));
            jws.verify(Algorithm::EdDsa, &keys(&jwks)).map(|_| ())
        };
        assert_eq!(verified(MAX_CANDIDATES - 1), Ok(()));
        assert_eq!(verified(MAX_CANDIDATES), Err(JwsError::BadSignature));
    }

    /// RFC 7515 §A.1 and §A.3, RFC 8037 §A.4.
    #[test]
    fn the_examples_of_the_standards_verify() {
        for (algorithm, jwk, token) in [
            (
                Algorithm::Es256,
                json!({
                    "kty": "EC", "crv": "P-256",
                    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
                }),
                "eyJhbGciOiJFUzI1NiJ9.\
                 eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
                 DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
            ),
            (
                Algorithm::EdDsa,
                json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
                "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
                 hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
            ),
        ] {
            let set = keys(&[jwk]);
            assert!(
                Jws::parse(token).unwrap().verify(algorithm, &set).is_ok(),
                "{algorithm}"
            );
            let other = token.replacen('.', ".A", 1);
            assert!(
                Jws::parse(&other)
                    .map(|jws| jws.verify(algorithm, &set).is_err())
                    .unwrap_or(true)
            );
        }

        let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let secret = Key::symmetric(&URL_SAFE_NO_PAD.decode_to_vec(secret).unwrap());
        let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
             eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
             dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(
            Jws::parse(token)
                .unwrap()
                .verify_with(Algorithm::Hs256, &secret),
            Ok(())
        );
    }

    #[test]
    fn a_token_shows_what_it_says_and_verifies() {
        let signer = Signer::new(Algorithm::Rs256);
        let token = signer.token(
            Algorithm::Rs256,
            r#"{"alg":"RS256","kid":"k","typ":"at+jwt"}"#,
            PAYLOAD,
        );
        let jws = Jws::parse(&token).unwrap();
        assert_eq!(
            (jws.algorithm, jws.kid(), jws.typ()),
            (Algorithm::Rs256, Some("k"), Some("at+jwt"))
        );
        assert_eq!(jws.payload, PAYLOAD.as_bytes());
        assert_eq!(jws.claims().unwrap()["sub"], "248289761001");
        let set = keys(&[
            Signer::new(Algorithm::Es256).jwk_named("k"),
            signer.jwk_named("k"),
        ]);
        assert_eq!(jws.verify(Algorithm::Rs256, &set).unwrap().kid(), Some("k"));
    }

    #[test]
    fn every_algorithm_verifies() {
        for algorithm in Algorithm::ALL {
            let header = format!(r#"{{"alg":"{algorithm}","kid":"k"}}"#);
            match algorithm.is_symmetric() {
                false => assert_eq!(verdict(algorithm, &header), Ok(())),
                true => {
                    let signer = Signer::new(algorithm);
                    let token = signer.token(algorithm, &header, PAYLOAD);
                    assert_eq!(
                        Jws::parse(&token)
                            .unwrap()
                            .verify_with(algorithm, &signer.key()),
                        Ok(())
                    );
                }
            }
        }
    }

    #[test]
    fn unsigned_tokens_are_refused() {
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":"NONE"}"#,
            r#"{"alg":"nOnE","kid":"k"}"#,
            r#"{"alg":""}"#,
            r#"{"kid":"k"}"#,
            r#"{"Alg":"RS256"}"#,
            "{}",
        ] {
            assert_eq!(
                verdict(Algorithm::Rs256, header),
                Err(JwsError::Unsigned),
                "{header}"
            );
            let bare = format!("{}.{}.", text(header), text(PAYLOAD));
            assert_eq!(parse_error(&bare), JwsError::Unsigned, "{header}");
        }
        let cut_off = format!("{}.{}.", text(r#"{"alg":"RS256"}"#), text(PAYLOAD));
        assert_eq!(parse_error(&cut_off), JwsError::Unsigned);
    }

    #[test]
    fn algorithms_we_do_not_verify_are_refused() {
        for name in ["ES521", "RSA1_5", "rs256", "RS256 ", "RSA-OAEP", "dir"] {
            assert_eq!(
                verdict(Algorithm::Rs256, &format!(r#"{{"alg":"{name}"}}"#)),
                Err(JwsError::UnknownAlgorithm)
            );
        }
        for value in ["null", "1", "[\"RS256\"]", "{}"] {
            let expected = JwsError::HeaderMember { name: "alg" };
            assert_eq!(
                verdict(Algorithm::Rs256, &format!(r#"{{"alg":{value}}}"#)),
                Err(expected)
            );
        }
    }

    /// The classic confusion: the public key, which everybody has, taken for the secret of an HMAC.
    #[test]
    fn a_public_key_is_no_shared_secret() {
        let rsa = Signer::new(Algorithm::Rs256);
        let jwk = rsa.jwk_named("k");
        let set = keys(std::slice::from_ref(&jwk));
        let Signer::Rsa(pair) = &rsa else {
            panic!("not RSA")
        };
        let der = base64_simd::STANDARD.encode_to_string(pair.public_key());
        let pem = format!("-----BEGIN RSA PUBLIC KEY-----\n{der}\n-----END RSA PUBLIC KEY-----\n");
        let n = jwk["n"].as_str().unwrap().to_owned();
        for secret in [n, der, pem, jwk.to_string()] {
            let forger = Signer::Secret(secret);
            let token = forger.token(Algorithm::Hs256, r#"{"alg":"HS256","kid":"k"}"#, PAYLOAD);
            let jws = Jws::parse(&token).unwrap();
            let mismatch = JwsError::Algorithm {
                expected: Algorithm::Rs256,
                found: Algorithm::Hs256,
            };
            assert_eq!(jws.verify(Algorithm::Rs256, &set).unwrap_err(), mismatch);
            let unfit = JwsError::UnfitKey {
                algorithm: Algorithm::Hs256,
            };
            assert_eq!(jws.verify(Algorithm::Hs256, &set).unwrap_err(), unfit);
            assert_eq!(jws.verify_with(Algorithm::Hs256, &rsa.key()), Err(unfit));
            let relabelled =
                forger.token(Algorithm::Hs256, r#"{"alg":"RS256","kid":"k"}"#, PAYLOAD);
            let jws = Jws::parse(&relabelled).unwrap();
            assert_eq!(
                jws.verify(Algorithm::Rs256, &set).unwrap_err(),
                JwsError::BadSignature
            );
        }
    }

    #[test]
    fn the_key_must_fit_the_algorithm() {
        let curve = Signer::new(Algorithm::Es256);
        let rsa = Signer::new(Algorithm::Rs256);
        let set = keys(&[rsa.jwk_named("rsa"), curve.jwk_named("ec")]);
        let token = curve.token(Algorithm::Es256, r#"{"alg":"ES256","kid":"rsa"}"#, PAYLOAD);
        let error = Jws::parse(&token)
            .unwrap()
            .verify(Algorithm::Es256, &set)
            .unwrap_err();
        assert_eq!(
            error,
            JwsError::UnfitKey {
                algorithm: Algorithm::Es256
            }
        );
        let token = rsa.token(Algorithm::Rs256, r#"{"alg":"PS256","kid":"rsa"}"#, PAYLOAD);
        let error = Jws::parse(&token)
            .unwrap()
            .verify(Algorithm::Ps256, &set)
            .unwrap_err();
        assert_eq!(
            error,
            JwsError::BadSignature,
            "RS256 under the name of PS256"
        );
        let secret = Signer::new(Algorithm::Hs256);
        let token = rsa.token(Algorithm::Rs256, r#"{"alg":"RS256"}"#, PAYLOAD);
        let error = Jws::parse(&token)
            .unwrap()
            .verify_with(Algorithm::Rs256, &secret.key())
            .unwrap_err();
        assert_eq!(
            error,
            JwsError::UnfitKey {
                algorithm: Algorithm::Rs256
            }
        );
        let error = Jws::parse(&token)
            .unwrap()
            .verify_with(Algorithm::Rs256, &rsa.key())
            .unwrap_err();
        assert_eq!(
            error,
            JwsError::UnfitKey {
                algorithm: Algorithm::Rs256
            },
            "a public key is no secret"
        );
    }

    #[test]
    fn every_algorithm_but_the_agreed_one_is_refused() {
        let signer = Signer::new(Algorithm::Ps256);
        let set = keys(&[signer.jwk()]);
        let token = signer.token(Algorithm::Ps256, r#"{"alg":"PS256"}"#, PAYLOAD);
        let jws = Jws::parse(&token).unwrap();
        for expected in Algorithm::ALL
            .into_iter()
            .filter(|other| *other != Algorithm::Ps256)
        {
            let error = JwsError::Algorithm {
                expected,
                found: Algorithm::Ps256,
            };
            assert_eq!(jws.verify(expected, &set).unwrap_err(), error);
            assert_eq!(jws.verify_with(expected, &signer.key()).unwrap_err(), error);
        }
    }

    #[test]
    fn unknown_keys_are_told_from_bad_signatures() {
        let signer = Signer::new(Algorithm::Es256);
        for header in [
            r#"{"alg":"ES256","kid":"new"}"#,
            r#"{"alg":"ES256","kid":"../../x"}"#,
            r#"{"alg":"ES256","kid":""}"#,
        ] {
            assert_eq!(
                verdict(Algorithm::Es256, header),
                Err(JwsError::UnknownKey),
                "{header}"
            );
        }
        assert_eq!(
            verdict(Algorithm::Es256, r#"{"alg":"ES256","kid":7}"#),
            Err(JwsError::HeaderMember { name: "kid" })
        );
        assert_eq!(verdict(Algorithm::Es256, r#"{"alg":"ES256"}"#), Ok(()));

        let token = signer.token(Algorithm::Es256, r#"{"alg":"ES256","kid":"k"}"#, PAYLOAD);
        let jws = Jws::parse(&token).unwrap();
        let of_another = keys(&[Signer::new(Algorithm::Es256).jwk_named("k")]);
        assert_eq!(
            jws.verify(Algorithm::Es256, &of_another).unwrap_err(),
            JwsError::BadSignature
        );
        assert_eq!(
            jws.verify(Algorithm::Es256, &keys(&[signer.jwk()]))
                .unwrap_err(),
            JwsError::UnknownKey
        );
        assert_eq!(
            jws.verify(Algorithm::Es256, &keys(&[])).unwrap_err(),
            JwsError::UnknownKey
        );
        let nameless = signer.token(Algorithm::Es256, r#"{"alg":"ES256"}"#, PAYLOAD);
        let jws = Jws::parse(&nameless).unwrap();
        assert_eq!(
            jws.verify(Algorithm::Es256, &keys(&[])).unwrap_err(),
            JwsError::UnknownKey
        );
        let several = keys(&[
            Signer::new(Algorithm::Es256).jwk(),
            signer.jwk_named("mine"),
        ]);
        assert_eq!(
            jws.verify(Algorithm::Es256, &several).unwrap().kid(),
            Some("mine")
        );
    }

    #[test]
    fn keys_that_a_token_brings_are_not_used() {
        let (forger, provider) = (Signer::new(Algorithm::Es256), Signer::new(Algorithm::Es256));
        let set = keys(&[provider.jwk_named("k")]);
        for extra in [
            json!({"jwk": forger.jwk_named("k")}),
            json!({"jku": "https://evil.example/jwks", "x5u": "https://evil.example/x5u"}),
            json!({"x5c": ["MIIB"], "x5t": "AA"}),
        ] {
            for kid in [json!({"kid": "k"}), json!({})] {
                let mut header = extra.clone();
                header["alg"] = json!("ES256");
                kid.get("kid").inspect(|kid| header["kid"] = (*kid).clone());
                let header = header.to_string();
                let forged = forger.token(Algorithm::Es256, &header, PAYLOAD);
                let error = Jws::parse(&forged)
                    .unwrap()
                    .verify(Algorithm::Es256, &set)
                    .unwrap_err();
                assert_eq!(error, JwsError::BadSignature, "{header}");
                let genuine = provider.token(Algorithm::Es256, &header, PAYLOAD);
                assert!(
                    Jws::parse(&genuine)
                        .unwrap()
                        .verify(Algorithm::Es256, &set)
                        .is_ok(),
                    "{header}"
                );
            }
        }
    }

    /// CVE-2022-21449: with r and s zero, a careless check finds every signature right.
    #[test]
    fn zero_signatures_are_refused() {
        for (algorithm, length) in [
            (Algorithm::Es256, 32),
            (Algorithm::Es384, 48),
            (Algorithm::Es512, 66),
            (Algorithm::EdDsa, 32),
            (Algorithm::Rs256, 128),
        ] {
            let signer = Signer::new(algorithm);
            let set = keys(&[signer.jwk()]);
            let message = format!(
                "{}.{}",
                text(format!(r#"{{"alg":"{algorithm}"}}"#)),
                text(PAYLOAD)
            );
            let genuine = signer.sign(algorithm, message.as_bytes());
            let mut zero_r = genuine.clone();
            zero_r[..length].fill(0);
            let mut zero_s = genuine.clone();
            zero_s[length..].fill(0);
            let mut longer = genuine.clone();
            longer.push(0);
            let der = [&[0x30, 6, 2, 1, 0, 2, 1, 0][..], &[0; 8]].concat();
            let wrong = [
                zero_r,
                zero_s,
                vec![0; length * 2],
                vec![0xff; length * 2],
                vec![0],
                genuine[1..].to_vec(),
                longer,
                der,
            ];
            for signature in wrong {
                let token = format!("{message}.{}", text(&signature));
                let error = Jws::parse(&token)
                    .unwrap()
                    .verify(algorithm, &set)
                    .unwrap_err();
                assert_eq!(error, JwsError::BadSignature, "{algorithm} {signature:?}");
            }
        }
    }

    #[test]
    fn critical_extensions_and_bare_payloads_are_refused() {
        for crit in [r#"["bork"]"#, r#"["exp"]"#, "[]", "null", r#""bork""#] {
            let header = format!(r#"{{"alg":"ES256","kid":"k","bork":1,"crit":{crit}}}"#);
            assert_eq!(
                verdict(Algorithm::Es256, &header),
                Err(JwsError::Critical),
                "{header}"
            );
        }
        for header in [
            r#"{"alg":"ES256","b64":false}"#,
            r#"{"alg":"ES256","b64":false,"crit":["b64"]}"#,
            r#"{"alg":"ES256","b64":"false"}"#,
            r#"{"alg":"ES256","b64":null}"#,
        ] {
            assert_eq!(
                verdict(Algorithm::Es256, header),
                Err(JwsError::UnencodedPayload),
                "{header}"
            );
        }
        assert_eq!(
            verdict(Algorithm::Es256, r#"{"alg":"ES256","b64":true}"#),
            Ok(())
        );
    }

    #[test]
    fn duplicate_members_are_refused() {
        for header in [
            r#"{"alg":"none","alg":"ES256"}"#,
            r#"{"alg":"ES256","alg":"ES256"}"#,
            r#"{"alg":"ES256","x":{"y":1,"y":2}}"#,
        ] {
            assert_eq!(
                verdict(Algorithm::Es256, header),
                Err(JwsError::Header(JsonError::DuplicateName)),
                "{header}"
            );
        }
        let signer = Signer::new(Algorithm::EdDsa);
        let claims = |payload: &str| {
            let token = signer.token(Algorithm::EdDsa, r#"{"alg":"EdDSA"}"#, payload);
            Jws::parse(&token).unwrap().claims().unwrap_err()
        };
        assert_eq!(
            claims(r#"{"sub":"me","sub":"admin"}"#),
            JwsError::Claims(JsonError::DuplicateName)
        );
        assert_eq!(claims("[]"), JwsError::Claims(JsonError::NotObject));
        assert_eq!(
            claims(""),
            JwsError::Claims(JsonError::Syntax { line: 1, column: 0 })
        );
    }

    #[test]
    fn only_three_canonical_parts_are_a_signed_token() {
        let signer = Signer::new(Algorithm::EdDsa);
        let token = signer.token(Algorithm::EdDsa, r#"{"alg":"EdDSA"}"#, PAYLOAD);
        let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
            panic!("{token}")
        };
        for (token, parts) in [
            ("", 1),
            ("a", 1),
            ("a.b", 2),
            ("a.b.c.d", 4),
            (".....", 6),
            (&format!("{token}."), 4),
        ] {
            assert_eq!(parse_error(token), JwsError::Structure { parts }, "{token}");
        }
        assert_eq!(parse_error("...."), JwsError::Encrypted);
        assert_eq!(
            parse_error(&format!(
                "{header}.{payload}.{signature}.{payload}.{payload}"
            )),
            JwsError::Encrypted
        );
        assert_eq!(
            parse_error(".."),
            JwsError::Header(JsonError::Syntax { line: 1, column: 0 })
        );
        for (part, token) in [
            ("header", format!("{header}=.{payload}.{signature}")),
            ("header", format!(" {token}")),
            ("payload", format!("{header}.{payload}==.{signature}")),
            ("payload", format!("{header}.\n{payload}.{signature}")),
            (
                "payload",
                format!("{header}.{}.{signature}", payload.replace('J', "/")),
            ),
            ("signature", format!("{token}\n")),
            ("signature", format!("{token}==")),
            ("signature", format!("{token}\u{e9}")),
        ] {
            assert_eq!(parse_error(&token), JwsError::Encoding { part }, "{token}");
        }
    }

    /// 64 bytes leave four bits of the last digit unused: fifteen other digits would mean the same
    /// signature.
    #[test]
    fn unused_bits_are_zero() {
        let signer = Signer::new(Algorithm::EdDsa);
        let mut token = signer.token(Algorithm::EdDsa, r#"{"alg":"EdDSA"}"#, PAYLOAD);
        let last = token.pop().unwrap();
        let same = token.clone() + &last.to_string();
        assert!(Jws::parse(&same).is_ok());
        let next = char::from(last as u8 + 1);
        assert_eq!(
            parse_error(&(token + &next.to_string())),
            JwsError::Encoding { part: "signature" }
        );
    }

    #[test]
    fn the_size_is_limited() {
        let signer = Signer::new(Algorithm::EdDsa);
        let token = |length: usize| {
            signer.token(Algorithm::EdDsa, r#"{"alg":"EdDSA"}"#, &"x".repeat(length))
        };
        assert!(Jws::parse(&token(48_000)).is_ok());
        let long = token(50_000);
        assert_eq!(parse_error(&long), JwsError::TooLong { bytes: long.len() });
    }

    #[test]
    fn errors_and_debug_show_nothing_of_the_token() {
        let signer = Signer::new(Algorithm::EdDsa);
        let token = signer.token(
            Algorithm::EdDsa,
            r#"{"alg":"EdDSA","kid":"hunter2"}"#,
            r#"{"sub":"hunter2"}"#,
        );
        let jws = Jws::parse(&token).unwrap();
        assert_eq!(format!("{jws:?}"), r#"Jws { alg: "EdDSA", .. }"#);
        for header in [
            r#"{"alg":"hunter2"}"#,
            r#"{"alg":"EdDSA","kid":"hunter2"}"#,
            "hunter2",
            r#"{"hunter2":1,"hunter2":2}"#,
        ] {
            let error = verdict(Algorithm::EdDsa, header).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_token_never_verifies(place in any::<prop::sample::Index>(), with in any::<char>()) {
            let signer = Signer::new(Algorithm::EdDsa);
            let set = keys(&[signer.jwk()]);
            let token = signer.token(Algorithm::EdDsa, r#"{"alg":"EdDSA"}"#, PAYLOAD);
            let place = place.index(token.len());
            let changed = format!("{}{with}{}", &token[..place], &token[place + 1..]);
            prop_assume!(changed != token);
            let verified = Jws::parse(&changed).and_then(|jws| jws.verify(Algorithm::EdDsa, &set).map(|_| ()));
            prop_assert!(verified.is_err());
        }

        #[test]
        fn no_token_makes_it_panic(token in "[A-Za-z0-9_.=-]{0,80}|.{0,80}", header in any::<String>()) {
            let _ = Jws::parse(&token);
            let _ = Jws::parse(&format!("{}.{}.AAAA", text(header), text(token)));
        }
    }
}
