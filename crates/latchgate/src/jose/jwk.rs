//! Reading a JSON Web Key: [RFC 7517 §4](https://www.rfc-editor.org/rfc/rfc7517#section-4), of type
//! RSA or EC ([RFC 7518 §6](https://www.rfc-editor.org/rfc/rfc7518#section-6)) or OKP
//! ([RFC 8037 §2](https://www.rfc-editor.org/rfc/rfc8037#section-2)).

use super::{
    algorithm::Algorithm,
    curve::Curve,
    verifier::{KeyParts, Verifier},
};
use aws_lc_rs::signature::{
    ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Reads a public key for verifying signatures.
pub(super) fn parse(jwk: &Map<String, Value>) -> Result<KeyParts, KeyRejection> {
    check_use(jwk)?;
    let only: Option<Algorithm> = match text(jwk, "alg")? {
        Some(name) => Some(name.parse().map_err(|_| KeyRejection::Algorithm)?),
        None => None,
    };
    if jwk.contains_key("d") {
        return Err(KeyRejection::Private);
    }
    let mut verifiers = match text(jwk, "kty")?.ok_or(KeyRejection::Missing("kty"))? {
        "RSA" => rsa(jwk)?,
        "EC" => elliptic_curve(jwk)?,
        "OKP" => octet_key_pair(jwk)?,
        "oct" => return Err(KeyRejection::Symmetric),
        _ => return Err(KeyRejection::Type),
    };
    verifiers.retain(|(algorithm, _)| only.is_none_or(|only| only == *algorithm));
    if verifiers.is_empty() {
        return Err(KeyRejection::Algorithm);
    }
    Ok(KeyParts {
        kid: text(jwk, "kid")?.map(str::to_owned),
        verifiers,
    })
}

/// Why a JSON Web Key is of no use to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyRejection {
    /// A member that the key type needs is missing.
    #[error("the key has no `{0}`")]
    Missing(&'static str),
    /// A member has the wrong type, length or encoding.
    #[error("`{0}` of the key is malformed")]
    Malformed(&'static str),
    /// `kty` is another one than RSA, EC and OKP.
    #[error("`kty` is not RSA, EC or OKP")]
    Type,
    /// `crv` is another one than P-256, P-384, P-521 and Ed25519.
    #[error("`crv` is not P-256, P-384, P-521 or Ed25519")]
    Curve,
    /// `use` or `key_ops` do not allow verifying signatures.
    #[error("the key is not for verifying signatures")]
    Use,
    /// `alg` is no algorithm of ours, or none of the key's type and curve.
    #[error("`alg` is not an algorithm that fits the key")]
    Algorithm,
    /// An RSA modulus outside 2048 to 8192 bits.
    #[error("an RSA key of {bits} bits, where 2048 to 8192 are accepted")]
    Size {
        /// How long it is.
        bits: usize,
    },
    /// A key that is not valid mathematically, such as a point beside its curve.
    #[error("the numbers do not make a key")]
    Invalid,
    /// The private part is there too, so others may have it as well.
    #[error("the private key is published with it")]
    Private,
    /// A shared secret (`oct`) in a place for public keys.
    #[error("`oct` keys are secrets, not public keys")]
    Symmetric,
}

/// RFC 7517 §4.2 and §4.3: what a key says it is for must include verifying.
fn check_use(jwk: &Map<String, Value>) -> Result<(), KeyRejection> {
    let key_use = text(jwk, "use")?;
    let verifies = match jwk.get("key_ops") {
        None => true,
        Some(Value::Array(operations)) => operations.iter().any(|operation| operation == "verify"),
        Some(_) => return Err(KeyRejection::Malformed("key_ops")),
    };
    match verifies && key_use.is_none_or(|key_use| key_use == "sig") {
        true => Ok(()),
        false => Err(KeyRejection::Use),
    }
}

/// RFC 7518 §6.3.1. Leading zeros of the modulus, which some libraries write, do not count.
fn rsa(jwk: &Map<String, Value>) -> Result<Vec<(Algorithm, Verifier)>, KeyRejection> {
    let (n, e) = (bytes(jwk, "n")?, bytes(jwk, "e")?);
    let (n, e) = (without_leading_zeros(&n), without_leading_zeros(&e));
    let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
    if !(2048..=8192).contains(&bits) {
        return Err(KeyRejection::Size { bits });
    }
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    if !is_odd(n) || !is_odd(e) || e == [1] || e.len() > 4 {
        return Err(KeyRejection::Invalid);
    }
    let algorithms: [(Algorithm, &'static RsaParameters); 6] = [
        (Algorithm::Rs256, &RSA_PKCS1_2048_8192_SHA256),
        (Algorithm::Rs384, &RSA_PKCS1_2048_8192_SHA384),
        (Algorithm::Rs512, &RSA_PKCS1_2048_8192_SHA512),
        (Algorithm::Ps256, &RSA_PSS_2048_8192_SHA256),
        (Algorithm::Ps384, &RSA_PSS_2048_8192_SHA384),
        (Algorithm::Ps512, &RSA_PSS_2048_8192_SHA512),
    ];
    let parse = |(algorithm, parameters)| {
        let key = RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters);
        key.map(|key| (algorithm, Verifier::Public(key)))
            .map_err(|_| KeyRejection::Invalid)
    };
    algorithms.into_iter().map(parse).collect()
}

/// RFC 7518 §6.2.1: an uncompressed point, whose coordinates have the full length of the field.
fn elliptic_curve(jwk: &Map<String, Value>) -> Result<Vec<(Algorithm, Verifier)>, KeyRejection> {
    let name = text(jwk, "crv")?.ok_or(KeyRejection::Missing("crv"))?;
    let curve = Curve::named(name).ok_or(KeyRejection::Curve)?;
    let length = curve.length();
    let point = [
        vec![4],
        bytes_of_length(jwk, "x", length)?,
        bytes_of_length(jwk, "y", length)?,
    ]
    .concat();
    public(curve.algorithm(), curve.verification(), &point)
}

/// RFC 8037 §2, of which we take Ed25519.
fn octet_key_pair(jwk: &Map<String, Value>) -> Result<Vec<(Algorithm, Verifier)>, KeyRejection> {
    match text(jwk, "crv")?.ok_or(KeyRejection::Missing("crv"))? {
        "Ed25519" => public(Algorithm::EdDsa, &ED25519, &bytes_of_length(jwk, "x", 32)?),
        _ => Err(KeyRejection::Curve),
    }
}

fn public(
    algorithm: Algorithm,
    parameters: &'static dyn VerificationAlgorithm,
    key: &[u8],
) -> Result<Vec<(Algorithm, Verifier)>, KeyRejection> {
    let key = ParsedPublicKey::new(parameters, key).map_err(|_| KeyRejection::Invalid)?;
    Ok(vec![(algorithm, Verifier::Public(key))])
}

pub(super) fn text<'j>(
    jwk: &'j Map<String, Value>,
    member: &'static str,
) -> Result<Option<&'j str>, KeyRejection> {
    match jwk.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(KeyRejection::Malformed(member)),
    }
}

pub(super) fn bytes(
    jwk: &Map<String, Value>,
    member: &'static str,
) -> Result<Vec<u8>, KeyRejection> {
    let text = text(jwk, member)?.ok_or(KeyRejection::Missing(member))?;
    URL_SAFE_NO_PAD
        .decode_to_vec(text)
        .map_err(|_| KeyRejection::Malformed(member))
}

pub(super) fn bytes_of_length(
    jwk: &Map<String, Value>,
    member: &'static str,
    length: usize,
) -> Result<Vec<u8>, KeyRejection> {
    let bytes = bytes(jwk, member)?;
    match bytes.len() == length {
        true => Ok(bytes),
        false => Err(KeyRejection::Malformed(member)),
    }
}

pub(super) fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let start = number
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(number.len());
    &number[start..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{key::Key, signer::Signer};
    use proptest::prelude::*;
    use serde_json::json;

    fn key(jwk: &Value) -> Result<Key, KeyRejection> {
        Key::from_jwk(jwk.as_object().unwrap())
    }

    fn rejection(jwk: &Value) -> KeyRejection {
        key(jwk).unwrap_err()
    }

    fn changed(signer: &Signer, member: &str, value: Value) -> Value {
        let mut jwk = signer.jwk();
        jwk[member] = value;
        jwk
    }

    const RSA: [Algorithm; 6] = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
    ];

    #[test]
    fn a_key_is_for_signatures_or_refused() {
        let signer = Signer::new(Algorithm::Es256);
        for (member, value) in [
            ("use", json!("enc")),
            ("use", json!("SIG")),
            ("key_ops", json!([])),
            ("key_ops", json!(["encrypt", "sign"])),
        ] {
            assert_eq!(
                rejection(&changed(&signer, member, value)),
                KeyRejection::Use
            );
        }
        assert_eq!(
            rejection(&changed(&signer, "key_ops", json!("verify"))),
            KeyRejection::Malformed("key_ops")
        );
        assert_eq!(
            rejection(&changed(&signer, "use", json!(1))),
            KeyRejection::Malformed("use")
        );
        for (member, value) in [
            ("use", json!("sig")),
            ("key_ops", json!(["verify"])),
            ("x5c", json!(["junk"])),
            ("jku", json!(1)),
        ] {
            assert!(key(&changed(&signer, member, value)).is_ok());
        }
    }

    #[test]
    fn alg_must_be_an_algorithm_of_the_key() {
        let signer = Signer::new(Algorithm::Rs256);
        for algorithm in ["ES256", "HS256", "none", "RSA-OAEP", "RSA1_5", ""] {
            assert_eq!(
                rejection(&changed(&signer, "alg", json!(algorithm))),
                KeyRejection::Algorithm,
                "{algorithm}"
            );
        }
        assert_eq!(
            rejection(&changed(&signer, "alg", json!(["RS256"]))),
            KeyRejection::Malformed("alg")
        );
        let curve = Signer::new(Algorithm::Es256);
        assert_eq!(
            rejection(&changed(&curve, "alg", json!("ES384"))),
            KeyRejection::Algorithm
        );
    }

    #[test]
    fn secret_and_private_keys_are_refused() {
        assert_eq!(
            rejection(&json!({"kty": "oct", "k": "AAAA"})),
            KeyRejection::Symmetric
        );
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
            assert_eq!(
                rejection(&changed(&Signer::new(algorithm), "d", json!("AQ"))),
                KeyRejection::Private
            );
        }
    }

    #[test]
    fn rsa_keys_have_a_decent_size_and_exponent() {
        let modulus = |bits: usize| {
            let mut n = vec![0xff; bits.div_ceil(8)];
            n[0] >>= n.len() * 8 - bits;
            URL_SAFE_NO_PAD.encode_to_string(n)
        };
        let rsa = |bits: usize, e: &str| key(&json!({"kty": "RSA", "n": modulus(bits), "e": e}));
        for bits in [512, 1024, 2040, 2047, 8193, 16_384] {
            assert_eq!(rsa(bits, "AQAB").unwrap_err(), KeyRejection::Size { bits });
        }
        assert!(rsa(2048, "AQAB").is_ok());
        assert!(rsa(8192, "Aw").is_ok());
        for e in ["AQ", "AA", "", "Ag", "AQAA", "AQAAAAAB"] {
            assert_eq!(rsa(2048, e).unwrap_err(), KeyRejection::Invalid, "{e}");
        }
        let even = URL_SAFE_NO_PAD.encode_to_string([0xfe; 256]);
        assert_eq!(
            rejection(&json!({"kty": "RSA", "n": even, "e": "AQAB"})),
            KeyRejection::Invalid
        );
        assert_eq!(
            rejection(&json!({"kty": "RSA", "n": "", "e": "AQAB"})),
            KeyRejection::Size { bits: 0 }
        );
    }

    #[test]
    fn leading_zeros_of_a_modulus_are_forgiven() {
        let signer = Signer::new(Algorithm::Rs256);
        let mut n = vec![0];
        n.extend(
            URL_SAFE_NO_PAD
                .decode_to_vec(signer.jwk()["n"].as_str().unwrap())
                .unwrap(),
        );
        let key = key(&changed(
            &signer,
            "n",
            json!(URL_SAFE_NO_PAD.encode_to_string(n)),
        ))
        .unwrap();
        assert!(key.verify(Algorithm::Rs256, b"m", &signer.sign(Algorithm::Rs256, b"m")));
    }

    #[test]
    fn points_lie_on_their_curve() {
        for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512] {
            let signer = Signer::new(algorithm);
            let length = URL_SAFE_NO_PAD
                .decode_to_vec(signer.jwk()["x"].as_str().unwrap())
                .unwrap()
                .len();
            let filled = |byte: u8, length: usize| {
                json!(URL_SAFE_NO_PAD.encode_to_string(vec![byte; length]))
            };
            assert_eq!(
                rejection(&changed(&signer, "y", filled(1, length))),
                KeyRejection::Invalid
            );
            let mut zero = changed(&signer, "x", filled(0, length));
            zero["y"] = filled(0, length);
            assert_eq!(rejection(&zero), KeyRejection::Invalid);
            for wrong in [length - 1, length + 1, 0] {
                assert_eq!(
                    rejection(&changed(&signer, "x", filled(1, wrong))),
                    KeyRejection::Malformed("x")
                );
            }
        }
        let p256 = Signer::new(Algorithm::Es256);
        assert_eq!(
            rejection(&changed(&p256, "crv", json!("P-384"))),
            KeyRejection::Malformed("x")
        );
    }

    #[test]
    fn other_types_curves_and_encodings_are_refused() {
        let signer = Signer::new(Algorithm::EdDsa);
        for (member, value, expected) in [
            ("kty", json!("EC2"), KeyRejection::Type),
            ("kty", json!("rsa"), KeyRejection::Type),
            ("kty", json!("RSA"), KeyRejection::Missing("n")),
            ("kty", json!(null), KeyRejection::Malformed("kty")),
            ("crv", json!("X25519"), KeyRejection::Curve),
            ("crv", json!("Ed448"), KeyRejection::Curve),
            ("x", json!("AA=="), KeyRejection::Malformed("x")),
            ("x", json!("AB"), KeyRejection::Malformed("x")),
            ("x", json!("+/+/"), KeyRejection::Malformed("x")),
            ("x", json!("AAAA AAAA"), KeyRejection::Malformed("x")),
            ("x", json!([1, 2]), KeyRejection::Malformed("x")),
            ("kid", json!(7), KeyRejection::Malformed("kid")),
        ] {
            assert_eq!(
                rejection(&changed(&signer, member, value)),
                expected,
                "{member}"
            );
        }
        for crv in ["P-224", "secp256k1", "Ed25519"] {
            assert_eq!(
                rejection(&changed(&Signer::new(Algorithm::Es256), "crv", json!(crv))),
                KeyRejection::Curve
            );
        }
        assert_eq!(rejection(&json!({})), KeyRejection::Missing("kty"));
        assert_eq!(
            rejection(&json!({"kty": "EC", "x": "AA"})),
            KeyRejection::Missing("crv")
        );
    }

    proptest! {
        #[test]
        fn no_key_makes_it_panic(kty in "RSA|EC|OKP|oct", crv in "P-256|P-384|P-521|Ed25519", n in any::<Vec<u8>>(), e in any::<[u8; 3]>()) {
            let n = URL_SAFE_NO_PAD.encode_to_string(n);
            let e = URL_SAFE_NO_PAD.encode_to_string(e);
            let _ = key(&json!({"kty": kty, "crv": crv, "n": n, "e": e, "x": n, "y": n}));
        }

        #[test]
        fn odd_numbers_of_rsa_size_never_verify_junk(mut n in prop::collection::vec(any::<u8>(), 256..300), signature in any::<[u8; 32]>()) {
            n[0] |= 0x80;
            *n.last_mut().unwrap() |= 1;
            let length = n.len();
            let key = key(&json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode_to_string(n), "e": "AQAB"})).unwrap();
            for algorithm in RSA {
                prop_assert!(!key.verify(algorithm, b"m", &signature));
                prop_assert!(!key.verify(algorithm, b"m", &vec![0; length]));
            }
        }
    }
}
