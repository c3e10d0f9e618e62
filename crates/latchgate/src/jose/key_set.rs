//! The keys a provider publishes: a JWK Set of
//! [RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5), and which of them may have
//! signed a token: [Core §10.1](https://openid.net/specs/openid-connect-core-1_0.html#Signing).

use super::{
    algorithm::Algorithm,
    json::{JsonError, strict_object},
    key::Key,
};
use serde_json::Value;

/// How many members of a set are looked at; more than a provider needs even while it rotates its
/// keys.
const MAX_KEYS: usize = 100;

/// The usable keys of a JWK Set.
#[derive(Clone, Debug)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
    skipped: usize,
}

impl KeySet {
    /// Reads a JWK Set. Keys of a kind we do not know, or cannot use, are skipped as RFC 7517 §5
    /// asks, and so is what follows the hundredth: one bad key must not lock everybody out.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, KeySetError> {
        let set = strict_object(body).map_err(KeySetError::Json)?;
        let Some(Value::Array(members)) = set.get("keys") else {
            return Err(KeySetError::NoKeys);
        };
        let usable = |member: &Value| Key::from_jwk(member.as_object()?).ok();
        let keys: Vec<_> = members.iter().take(MAX_KEYS).filter_map(usable).collect();
        Ok(Self {
            skipped: members.len() - keys.len(),
            keys,
        })
    }

    /// The keys that may have signed a token with this `kid` and algorithm.
    ///
    /// A token that names a key is verified with keys of exactly that name (RFC 7515 §4.1.4), so
    /// never with one that has none. A token that names none, which OpenID Connect allows as long
    /// as the provider has a single key, is verified with every key that fits.
    pub(crate) fn candidates(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &Key> {
        self.keys
            .iter()
            .filter(move |key| (kid.is_none() || key.kid() == kid) && key.fits(algorithm))
    }

    /// Whether a key has this name, be it one that fits or not.
    pub(super) fn knows(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == Some(kid))
    }

    /// Whether no key can be used, so that no token can be verified.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many members the set has besides, which cannot be used.
    pub(crate) fn skipped(&self) -> usize {
        self.skipped
    }
}

/// Why a document is no JWK Set.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// It is not a JSON object with unique names.
    #[error("the key set cannot be read")]
    Json(#[source] JsonError),
    /// It has no array `keys`.
    #[error("the key set has no array `keys`; is `jwks_uri` right?")]
    NoKeys,
}

debug_with_causes!(KeySetError);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::signer::Signer;
    use serde_json::json;

    fn kids(set: &KeySet, kid: Option<&str>, algorithm: Algorithm) -> Vec<Option<String>> {
        set.candidates(kid, algorithm)
            .map(|key| key.kid().map(str::to_owned))
            .collect()
    }

    fn parse(set: &Value) -> Result<KeySet, KeySetError> {
        KeySet::parse(set.to_string().as_bytes())
    }

    #[test]
    fn candidates_have_the_name_and_fit() {
        let keys = [
            Signer::new(Algorithm::Rs256).jwk_named("a"),
            Signer::new(Algorithm::Es256).jwk_named("a"),
            Signer::new(Algorithm::Es256).jwk_named("b"),
            Signer::new(Algorithm::Es256).jwk(),
        ];
        let set = parse(&json!({ "keys": keys })).unwrap();
        assert_eq!(
            (set.keys.len(), set.skipped(), set.is_empty()),
            (4, 0, false)
        );
        let name = |kid: &str| Some(kid.to_owned());
        assert_eq!(kids(&set, Some("a"), Algorithm::Es256), [name("a")]);
        assert_eq!(kids(&set, Some("a"), Algorithm::Ps512), [name("a")]);
        assert_eq!(kids(&set, Some("b"), Algorithm::Rs256), []);
        assert_eq!(
            kids(&set, None, Algorithm::Es256),
            [name("a"), name("b"), None]
        );
        assert_eq!(kids(&set, None, Algorithm::Rs256), [name("a")]);
        assert_eq!(kids(&set, None, Algorithm::EdDsa), []);
        for kid in ["", "A", "c", "../../x", "a\0"] {
            assert_eq!(kids(&set, Some(kid), Algorithm::Es256), []);
            assert!(!set.knows(kid));
        }
        assert!(set.knows("b"));
    }

    #[test]
    fn no_key_answers_for_the_client_secret() {
        let set = parse(&json!({"keys": [{"kty": "oct", "k": "A".repeat(43)}, Signer::new(Algorithm::Rs256).jwk()]})).unwrap();
        for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
            assert_eq!(kids(&set, None, algorithm), []);
        }
    }

    #[test]
    fn unusable_keys_are_skipped_and_counted() {
        let good = Signer::new(Algorithm::Es256).jwk_named("good");
        let set = parse(&json!({"keys": [
            {"kty": "AKP", "alg": "ML-DSA-44"}, {"kty": "oct", "k": "AA"}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
            null, 7, [], "x", {}, good,
        ], "more": true}));
        let set = set.unwrap();
        assert_eq!((set.keys.len(), set.skipped()), (1, 8));
        assert_eq!(parse(&json!({"keys": []})).unwrap().keys.len(), 0);
    }

    #[test]
    fn a_hundred_keys_are_enough() {
        let key = Signer::new(Algorithm::EdDsa).jwk();
        let set = parse(&json!({ "keys": vec![key; 101] })).unwrap();
        assert_eq!((set.keys.len(), set.skipped()), (100, 1));
    }

    #[test]
    fn other_documents_are_refused() {
        for document in [
            json!({}),
            json!({"keys": {}}),
            json!({"keys": null}),
            json!({"key": []}),
        ] {
            assert_eq!(parse(&document).unwrap_err(), KeySetError::NoKeys);
        }
        for document in [
            "[]",
            "",
            "<html>",
            r#"{"keys":[],"keys":[]}"#,
            r#"{"keys":[{"kid":"a","kid":"b"}]}"#,
        ] {
            assert!(
                matches!(
                    KeySet::parse(document.as_bytes()),
                    Err(KeySetError::Json(_))
                ),
                "{document}"
            );
        }
    }
}
