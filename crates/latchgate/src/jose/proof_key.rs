//! Keys that tokens are bound to, on P-256: drawn for one login, kept with its session, and named by their thumbprint
//! ([RFC 7638 §3](https://www.rfc-editor.org/rfc/rfc7638#section-3)).

use super::{
    algorithm::Algorithm, curve::Curve, pair::Pair, private_key::PrivateKey,
    private_key_error::PrivateKeyError,
};
use aws_lc_rs::{
    agreement,
    digest::{SHA256, digest},
    signature::EcdsaKeyPair,
};
use base64_simd::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A private key on P-256, as the 32 bytes that it is made of. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProofKey([u8; 32]);

/// A [`ProofKey`], ready to sign.
#[derive(Debug)]
pub(crate) struct ProofSigner(PrivateKey);

impl ProofKey {
    /// The key of 32 random bytes; `None` for the one draw in four billion that is not a key.
    pub(crate) fn of(chance: [u8; 32]) -> Option<Self> {
        let key = Self(chance);
        key.signer().is_ok().then_some(key)
    }

    /// Computes the public half, which takes some ten microseconds.
    pub(crate) fn signer(&self) -> Result<ProofSigner, PrivateKeyError> {
        let unusable = |_| PrivateKeyError::Unusable;
        let private = agreement::PrivateKey::from_private_key(&agreement::ECDH_P256, &self.0);
        let public = private
            .map_err(unusable)?
            .compute_public_key()
            .map_err(|_| PrivateKeyError::Unusable)?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            Curve::P256.signing(),
            &self.0,
            public.as_ref(),
        );
        let pair = Pair::Ec(Curve::P256, pair.map_err(unusable)?);
        Ok(ProofSigner(PrivateKey::new(pair)))
    }
}

debug_redacted!(ProofKey);

impl ProofSigner {
    /// The public half as a JSON Web Key.
    pub(crate) fn public_jwk(&self) -> &Map<String, Value> {
        self.0.public_jwk()
    }

    /// The SHA-256 thumbprint of the public half, in base64url.
    pub(crate) fn thumbprint(&self) -> String {
        // Its members in lexicographic order, without white space.
        let jwk = self.public_jwk();
        let member = |name| format!("\"{name}\":{}", jwk.get(name).unwrap_or(&Value::Null));
        let members = ["crv", "kty", "x", "y"].map(member).join(",");
        let hash = digest(&SHA256, format!("{{{members}}}").as_bytes());
        URL_SAFE_NO_PAD.encode_to_string(hash)
    }

    /// Signs a JWT with ES256; `alg` is added to the header.
    pub(crate) fn sign_jwt(
        &self,
        header: Map<String, Value>,
        claims: &Map<String, Value>,
    ) -> Result<String, PrivateKeyError> {
        self.0.sign_jwt(Algorithm::Es256, header, claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Jws, KeySet};
    use serde_json::json;

    /// The private key of RFC 7515 §A.3.
    fn example() -> ProofKey {
        let d = URL_SAFE_NO_PAD.decode_to_vec("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI");
        ProofKey::of(d.unwrap().try_into().unwrap()).unwrap()
    }

    #[test]
    fn the_public_half_is_the_private_ones() {
        let signer = example().signer().unwrap();
        let jwk = json!({
            "kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        });
        assert_eq!(Value::Object(signer.public_jwk().clone()), jwk);
        let claims = Map::from_iter([("a".to_owned(), json!(1))]);
        let jwt = signer.sign_jwt(Map::new(), &claims).unwrap();
        let jws = Jws::parse(&jwt).unwrap();
        let keys = KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
        assert!(jws.verify(Algorithm::Es256, &keys).is_ok());
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_7638() {
        let canonical = r#"{"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
        let expected = URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, canonical.as_bytes()));
        assert_eq!(example().signer().unwrap().thumbprint(), expected);
        assert_eq!(expected, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
    }

    #[test]
    fn numbers_beyond_the_curve_are_no_keys() {
        assert!(ProofKey::of([0; 32]).is_none());
        assert!(ProofKey::of([255; 32]).is_none());
        assert!(ProofKey::of([1; 32]).is_some());
    }

    #[test]
    fn debug_shows_nothing() {
        let key = ProofKey::of([7; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "ProofKey(redacted)");
        assert!(!format!("{:?}", key.signer().unwrap()).contains('7'));
    }
}
