use super::*;
use crate::jose::{Key, strict_object};

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("tests/", $name, ".pem"))
    };
}

/// Every accepted file that OpenSSL writes, and what the key signs with unless told otherwise.
const FILES: [(&str, Algorithm); 9] = [
    (pem!("rsa.pkcs8"), Algorithm::Rs256),
    (pem!("rsa.pkcs1"), Algorithm::Rs256),
    (pem!("p256.pkcs8"), Algorithm::Es256),
    (pem!("p256.sec1"), Algorithm::Es256),
    (pem!("p384.pkcs8"), Algorithm::Es384),
    (pem!("p384.sec1"), Algorithm::Es384),
    (pem!("p521.pkcs8"), Algorithm::Es512),
    (pem!("p521.sec1"), Algorithm::Es512),
    (pem!("ed25519.pkcs8"), Algorithm::EdDsa),
];

fn key(pem: &str) -> PrivateKey {
    PrivateKey::from_pem(pem.as_bytes()).unwrap()
}

fn refused(pem: &str) -> PrivateKeyError {
    PrivateKey::from_pem(pem.as_bytes()).unwrap_err()
}

fn from_jwk(jwk: &Value) -> Result<PrivateKey, PrivateKeyError> {
    PrivateKey::from_jwk(jwk.as_object().unwrap())
}

fn der(pem: &str) -> Vec<u8> {
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap() {
        PrivateKeyDer::Pkcs8(der) => der.secret_pkcs8_der().to_vec(),
        _ => panic!("not PKCS#8"),
    }
}

#[test]
fn files_of_every_kind_sign_what_the_public_key_verifies() {
    for (pem, usual) in FILES {
        let key = key(pem);
        assert_eq!(key.usual_algorithm(), usual);
        let public = Key::from_jwk(key.public_jwk()).unwrap();
        for algorithm in Algorithm::ALL {
            assert_eq!(key.fits(algorithm), public.fits(algorithm), "{algorithm}");
            match key.sign(algorithm, b"message") {
                Ok(signature) => {
                    assert!(
                        public.verify(algorithm, b"message", &signature),
                        "{algorithm}"
                    );
                }
                Err(error) => {
                    assert!(!public.fits(algorithm), "{algorithm}");
                    assert_eq!(error, PrivateKeyError::Algorithm(algorithm));
                }
            }
        }
    }
}

#[test]
fn one_key_in_two_files_is_one_key() {
    for pair in FILES[..8].chunks(2) {
        assert_eq!(key(pair[0].0).public_jwk(), key(pair[1].0).public_jwk());
    }
    let pkcs8 = pem!("rsa.pkcs8");
    let by_der = PrivateKey::from_pkcs8_der(&der(pkcs8)).unwrap();
    assert_eq!(by_der.public_jwk(), key(pkcs8).public_jwk());
}

#[test]
fn what_stands_around_a_key_is_skipped() {
    let around = format!(
        "Bag Attributes\n{}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{}",
        pem!("public"),
        pem!("p384.sec1")
    );
    assert_eq!(key(&around).usual_algorithm(), Algorithm::Es384);
}

#[test]
fn a_text_without_a_key_of_use_is_told_what_it_has() {
    let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let damaged = pem!("p256.pkcs8").replacen("MIGH", "MIGI", 1);
    let broken = pem!("p256.pkcs8").replacen("MIGH", "M!GH", 1);
    for (text, error) in [
        ("", PrivateKeyError::NotPem),
        ("hunter2", PrivateKeyError::NotPem),
        ("-----BEGIN PRIVATE KEY-----", PrivateKeyError::Unusable),
        (certificate, PrivateKeyError::PublicOnly),
        (pem!("public"), PrivateKeyError::PublicOnly),
        (pem!("encrypted.pkcs8"), PrivateKeyError::Encrypted),
        (pem!("encrypted.pkcs1"), PrivateKeyError::Encrypted),
        (pem!("rsa-1024.pkcs8"), PrivateKeyError::Size),
        (pem!("rsa-1024.pkcs1"), PrivateKeyError::Size),
        (pem!("x25519.pkcs8"), PrivateKeyError::Unusable),
        (pem!("secp256k1.sec1"), PrivateKeyError::Unusable),
        (&damaged, PrivateKeyError::Unusable),
        (&broken, PrivateKeyError::Unusable),
    ] {
        assert_eq!(refused(text), error, "{text}");
        assert!(!error.to_string().contains("hunter2"));
    }
}

/// RFC 7515 §A.2, §A.3 and §A.4; RFC 8037 §A.1.
#[test]
fn the_keys_of_the_standards_are_read() {
    let keys = include_str!("tests/standards.json");
    let keys = strict_object(keys.as_bytes()).unwrap();
    let keys = keys["keys"].as_array().unwrap();
    let usual: Vec<_> = keys
        .iter()
        .map(|jwk| from_jwk(jwk).unwrap().usual_algorithm())
        .collect();
    let expected = [
        Algorithm::Rs256,
        Algorithm::Es256,
        Algorithm::Es512,
        Algorithm::EdDsa,
    ];
    assert_eq!(usual, expected);
    for jwk in keys {
        let key = from_jwk(jwk).unwrap();
        for (name, value) in key.public_jwk() {
            assert_eq!(value, &jwk[name], "{name}");
        }
        assert!(
            ["d", "p", "q"]
                .iter()
                .all(|name| !key.public_jwk().contains_key(*name))
        );
        let without = |name: &str| {
            let mut jwk = jwk.as_object().unwrap().clone();
            jwk.remove(name);
            PrivateKey::from_jwk(&jwk).unwrap_err()
        };
        for name in [
            "kty", "crv", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi",
        ] {
            if jwk.get(name).is_some() {
                assert_eq!(without(name), PrivateKeyError::Missing(name));
            }
        }
        let mut changed = jwk.clone();
        changed["d"] = json!("AA==");
        assert_eq!(
            from_jwk(&changed).unwrap_err(),
            PrivateKeyError::Malformed("d")
        );
    }
}

/// RFC 8037 §A.4: an Ed25519 signature has no randomness in it.
#[test]
fn the_signature_of_the_standard_comes_out() {
    let jwk = json!({
        "kty": "OKP", "crv": "Ed25519",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    });
    let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = from_jwk(&jwk).unwrap().sign(Algorithm::EdDsa, message);
    let expected =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(
        URL_SAFE_NO_PAD.encode_to_string(signature.unwrap()),
        expected
    );
}

#[test]
fn halves_that_do_not_belong_together_are_refused() {
    let keys = strict_object(include_bytes!("tests/standards.json")).unwrap();
    for (place, member) in [(0, "d"), (0, "dp"), (0, "n"), (1, "d"), (2, "d"), (3, "x")] {
        let mut jwk = keys["keys"][place].clone();
        let mut bytes = URL_SAFE_NO_PAD
            .decode_to_vec(jwk[member].as_str().unwrap())
            .unwrap();
        *bytes.last_mut().unwrap() ^= 2;
        jwk[member] = json!(URL_SAFE_NO_PAD.encode_to_string(bytes));
        let error = from_jwk(&jwk).map(|_| ()).unwrap_err();
        assert_eq!(error, PrivateKeyError::Unusable, "{member} of {place}");
    }
}

#[test]
fn other_json_is_told_what_it_is() {
    for (jwk, error) in [
        (json!({}), PrivateKeyError::Missing("kty")),
        (json!({ "kty": 1 }), PrivateKeyError::Malformed("kty")),
        (
            json!({ "kty": "oct", "k": "AAAA" }),
            PrivateKeyError::Symmetric,
        ),
        (json!({ "keys": [] }), PrivateKeyError::KeySet),
        (json!({ "kty": "AKP" }), PrivateKeyError::Unusable),
        (
            json!({ "kty": "OKP", "crv": "X25519" }),
            PrivateKeyError::Unusable,
        ),
        (
            json!({ "kty": "EC", "crv": "secp256k1" }),
            PrivateKeyError::Unusable,
        ),
    ] {
        assert_eq!(from_jwk(&jwk).unwrap_err(), error, "{jwk}");
    }
}

#[test]
fn debug_shows_nothing() {
    for (pem, _) in FILES {
        assert_eq!(format!("{:?}", key(pem)), "PrivateKey(redacted)");
    }
}
