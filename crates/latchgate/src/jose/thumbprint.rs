//! The thumbprint of a public key: [RFC 7638 §3](https://www.rfc-editor.org/rfc/rfc7638#section-3), and
//! [RFC 8037 §2](https://www.rfc-editor.org/rfc/rfc8037#section-2) for Ed25519.

use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// The SHA-256 thumbprint of a key, in base64url. `None` if a member that it is made of is missing.
pub(super) fn thumbprint(jwk: &Map<String, Value>) -> Option<String> {
    let text = |name: &str| jwk.get(name)?.as_str();
    // In the order of their names.
    let names: &[&str] = match text("kty")? {
        "RSA" => &["e", "kty", "n"],
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        _ => return None,
    };
    let members: Option<Vec<String>> = names
        .iter()
        .map(|name| Some(format!("\"{name}\":{}", Value::from(text(name)?))))
        .collect();
    let canonical = format!("{{{}}}", members?.join(","));
    Some(URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, canonical.as_bytes()).as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// RFC 7638 §3.1 and RFC 8037 §A.3.
    #[test]
    fn the_examples_of_the_standards() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let rsa = json!({ "kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29" });
        let ed25519 = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        for (jwk, expected) in [
            (rsa, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
            (ed25519, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        ] {
            assert_eq!(
                thumbprint(jwk.as_object().unwrap()).as_deref(),
                Some(expected)
            );
        }
        for incomplete in [
            json!({}),
            json!({ "kty": "EC", "crv": "P-256", "x": "a" }),
            json!({ "kty": "oct", "k": "a" }),
        ] {
            assert_eq!(thumbprint(incomplete.as_object().unwrap()), None);
        }
    }
}
