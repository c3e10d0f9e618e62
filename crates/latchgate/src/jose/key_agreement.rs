//! Agreeing on a key with the sender: ECDH-ES,
//! [RFC 7518 §4.6](https://www.rfc-editor.org/rfc/rfc7518#section-4.6).

use super::{curve::Curve, undecryptable::Undecryptable};
use aws_lc_rs::{
    agreement::{self, PrivateKey, UnparsedPublicKey},
    kdf::{SskdfDigestAlgorithmId, get_sskdf_digest_algorithm, sskdf_digest},
};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// The key of `length` bytes that the sender of a token and we agree on, for the algorithm of this name.
pub(super) fn agree(
    curve: Curve,
    ours: &PrivateKey,
    header: &Map<String, Value>,
    algorithm: &str,
    length: usize,
) -> Result<Vec<u8>, Undecryptable> {
    let theirs = ephemeral_key(curve, header).ok_or(Undecryptable)?;
    let info = other_info(header, algorithm, length).ok_or(Undecryptable)?;
    // The point is checked to be on the curve: others would give our key away, bit by bit.
    let theirs = UnparsedPublicKey::new(curve.agreement(), theirs);
    agreement::agree(ours, theirs, Undecryptable, |secret| {
        let hash = get_sskdf_digest_algorithm(SskdfDigestAlgorithmId::Sha256);
        let mut key = vec![0; length];
        sskdf_digest(hash.ok_or(Undecryptable)?, secret, &info, &mut key)?;
        Ok(key)
    })
}

/// `epk` (§4.6.1.1) as a point, which has to be on the curve of our key.
fn ephemeral_key(curve: Curve, header: &Map<String, Value>) -> Option<Vec<u8>> {
    let key = header.get("epk")?.as_object()?;
    let text = |name| key.get(name).and_then(Value::as_str);
    let is_ours = text("kty") == Some("EC") && text("crv") == Some(curve.name());
    let coordinate = |name| {
        let bytes = URL_SAFE_NO_PAD.decode_to_vec(text(name)?).ok()?;
        (bytes.len() == curve.length()).then_some(bytes)
    };
    let (x, y) = (coordinate("x")?, coordinate("y")?);
    is_ours.then(|| [vec![4], x, y].concat())
}

/// What the key is bound to (§4.6.2): the algorithm, both parties as far as they are named, and the length.
fn other_info(header: &Map<String, Value>, algorithm: &str, length: usize) -> Option<Vec<u8>> {
    let party = |name| match header.get(name) {
        None => Some(Vec::new()),
        Some(value) => URL_SAFE_NO_PAD.decode_to_vec(value.as_str()?).ok(),
    };
    let mut info = Vec::new();
    for part in [algorithm.as_bytes(), &party("apu")?, &party("apv")?] {
        info.extend(u32::try_from(part.len()).ok()?.to_be_bytes());
        info.extend(part);
    }
    info.extend(u32::try_from(length * 8).ok()?.to_be_bytes());
    Some(info)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ALICE: [&str; 2] = [
        "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
        "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps",
    ];

    fn bob() -> PrivateKey {
        let d = URL_SAFE_NO_PAD
            .decode_to_vec("VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw")
            .unwrap();
        PrivateKey::from_private_key(Curve::P256.agreement(), &d).unwrap()
    }

    fn agreed(header: Value) -> Result<String, Undecryptable> {
        let key = agree(
            Curve::P256,
            &bob(),
            header.as_object().unwrap(),
            "A128GCM",
            16,
        )?;
        Ok(URL_SAFE_NO_PAD.encode_to_string(key))
    }

    /// RFC 7518 appendix C.
    #[test]
    fn the_example_of_the_standard_comes_out() {
        let header = json!({
            "alg": "ECDH-ES", "enc": "A128GCM", "apu": "QWxpY2U", "apv": "Qm9i",
            "epk": { "kty": "EC", "crv": "P-256", "x": ALICE[0], "y": ALICE[1] },
        });
        assert_eq!(agreed(header).as_deref(), Ok("VqqN6vgjbSBcIijNcacQGg"));
    }

    #[test]
    fn keys_beside_the_curve_and_other_junk_are_refused() {
        let [x, y] = ALICE;
        for epk in [
            json!(null),
            json!("epk"),
            json!({}),
            json!({ "kty": "EC", "crv": "P-256", "x": x, "y": x }),
            json!({ "kty": "EC", "crv": "P-256", "x": x }),
            json!({ "kty": "EC", "crv": "P-384", "x": x, "y": y }),
            json!({ "kty": "OKP", "crv": "P-256", "x": x, "y": y }),
            json!({ "kty": "EC", "crv": "P-256", "x": format!("{x}AA"), "y": y }),
        ] {
            assert_eq!(agreed(json!({ "epk": epk })), Err(Undecryptable), "{epk}");
        }
        let epk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
        assert_eq!(
            agreed(json!({ "epk": epk, "apu": "A=" })),
            Err(Undecryptable)
        );
        assert_eq!(agreed(json!({ "epk": epk, "apv": 1 })), Err(Undecryptable));
    }
}
