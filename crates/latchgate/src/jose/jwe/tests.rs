use super::*;
use serde_json::json;

/// Every pair of algorithms, sealed for our test keys by the library `jose` for JavaScript.
fn others() -> Vec<Value> {
    let others = include_str!("tests/jose.json");
    serde_json::from_str(others).unwrap()
}

fn key(name: &str) -> DecryptionKey {
    let pem = match name {
        "rsa" => include_str!("../private_key/tests/rsa.pkcs8.pem"),
        "p256" => include_str!("../private_key/tests/p256.pkcs8.pem"),
        "p384" => include_str!("../private_key/tests/p384.pkcs8.pem"),
        _ => include_str!("../private_key/tests/p521.pkcs8.pem"),
    };
    DecryptionKey::from_pem(pem).unwrap()
}

fn encryption(one: &Value) -> Encryption {
    let text = |name: &str| one[name].as_str().unwrap();
    Encryption {
        alg: text("alg").parse().unwrap(),
        enc: text("enc").parse().unwrap(),
        keys: vec![key(text("key"))],
    }
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

/// The first of the fixtures with this algorithm, and its token.
fn example(alg: &str) -> (Encryption, String) {
    let others = others();
    let one = others.iter().find(|one| one["alg"] == alg).unwrap();
    (encryption(one), one["jwe"].as_str().unwrap().to_owned())
}

/// The token with another header, which its tag does not fit any more.
fn with_header(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let (header, rest) = token.split_once('.').unwrap();
    let header = URL_SAFE_NO_PAD.decode_to_vec(header).unwrap();
    let mut header: Value = serde_json::from_slice(&header).unwrap();
    change(&mut header);
    format!("{}.{rest}", text(header.to_string()))
}

#[test]
fn every_algorithm_opens_what_another_implementation_sealed() {
    let others = others();
    assert_eq!(others.len(), 60);
    for one in &others {
        let content = encryption(one).decrypt(one["jwe"].as_str().unwrap());
        let expected = "Sealed by another implementation.".to_owned();
        assert_eq!(content, Ok(expected), "{} {}", one["alg"], one["enc"]);
    }
}

/// RFC 7516 §A.1.
#[test]
fn the_example_of_the_standard_opens() {
    let token = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.\
        OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGe\
        ipsEdY3mx_etLbbWSrFr05kLzcSr4qKAq7YN7e9jwQRb23nfa6c9d-StnImGyFDb\
        Sv04uVuxIp5Zms1gNxKKK2Da14B8S4rzVRltdYwam_lDp5XnZAYpQdb76FdIKLaV\
        mqgfwX7XWRxv2322i-vDxRfqNzo_tETKzpVLzfiwQyeyPGLBIO56YJ7eObdv0je8\
        1860ppamavo35UgoRdbYaBcoh9QcfylQr66oc6vFWXRcZ_ZT2LawVCWTIy3brGPi\
        6UklfCpIMfIjf7iGdXKHzg.\
        48V1_ALb6US04U3b.\
        5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6ji\
        SdiwkIr3ajwQzaBtQD_A.\
        XFBoMYUZodetZdvTiFvSkQ";
    let key = DecryptionKey::from_jwk(include_str!("tests/rfc7516-a1.json")).unwrap();
    let encryption = Encryption {
        alg: KeyManagement::RsaOaep,
        enc: ContentEncryption::A256Gcm,
        keys: vec![key],
    };
    let content = "The true sign of intelligence is not knowledge but imagination.";
    assert_eq!(encryption.decrypt(token).as_deref(), Ok(content));
}

#[test]
fn a_change_anywhere_is_one_and_the_same_error() {
    for one in others() {
        let encryption = encryption(&one);
        let token = one["jwe"].as_str().unwrap();
        let parts: Vec<_> = token.split('.').collect();
        for place in 1..5 {
            let mut changed: Vec<_> = parts.iter().map(|part| (*part).to_owned()).collect();
            let mut bytes = URL_SAFE_NO_PAD.decode_to_vec(parts[place]).unwrap();
            match bytes.first_mut() {
                Some(byte) => *byte ^= 1,
                None => bytes.push(0),
            }
            changed[place] = text(&bytes);
            let refused = encryption.decrypt(&changed.join("."));
            assert_eq!(refused, Err(JweError::Undecryptable), "{place} of {one}");
            // Shorter ones too: a tag of one byte would be guessed by the 256th try.
            bytes.truncate(bytes.len() / 2);
            changed[place] = text(&bytes);
            if changed[place] == parts[place] {
                continue;
            }
            let refused = encryption.decrypt(&changed.join("."));
            assert_eq!(refused, Err(JweError::Undecryptable), "{place} of {one}");
        }
        let header = with_header(token, |header| header["more"] = json!(1));
        assert_eq!(encryption.decrypt(&header), Err(JweError::Undecryptable));
    }
}

#[test]
fn other_keys_open_nothing_and_several_are_tried() {
    let (mut encryption, token) = example("ECDH-ES");
    let right = encryption.keys.pop().unwrap();
    assert_eq!(encryption.decrypt(&token), Err(JweError::Undecryptable));
    encryption.keys = vec![key("rsa"), key("p384")];
    assert_eq!(encryption.decrypt(&token), Err(JweError::Undecryptable));
    encryption.keys.push(right.clone());
    assert!(encryption.decrypt(&token).is_ok());
    let named = |kid: &str| with_header(&token, |header| header["kid"] = json!(kid));
    // The tag does not fit the new header, whichever key is used: only whether one is tried can be told here.
    encryption.keys = vec![right.kid("k1")];
    assert!(encryption.keys[0].may_be(Some("k1")) && encryption.keys[0].may_be(None));
    assert!(!encryption.keys[0].may_be(Some("k2")));
    assert_eq!(
        encryption.decrypt(&named("k2")),
        Err(JweError::Undecryptable)
    );
    assert!(encryption.decrypt(&token).is_ok());
}

#[test]
fn only_the_agreed_algorithms_are_used() {
    for one in others() {
        let encryption = encryption(&one);
        for other in others() {
            let token = other["jwe"].as_str().unwrap();
            let refused = encryption.decrypt(token).err();
            if other["alg"] != one["alg"] {
                let expected = encryption.alg;
                assert_eq!(refused, Some(JweError::KeyManagement { expected }));
            } else if other["enc"] != one["enc"] {
                let expected = encryption.enc;
                assert_eq!(refused, Some(JweError::ContentEncryption { expected }));
            }
        }
    }
    let (encryption, token) = example("RSA-OAEP-256");
    let expected = encryption.alg;
    for alg in ["RSA1_5", "dir", "none", "A128KW", "PBES2-HS256+A128KW", ""] {
        let token = with_header(&token, |header| header["alg"] = json!(alg));
        let refused = encryption.decrypt(&token);
        assert_eq!(refused, Err(JweError::KeyManagement { expected }), "{alg}");
    }
}

#[test]
fn what_cannot_be_understood_is_refused_before_any_key_is_used() {
    let (encryption, token) = example("RSA-OAEP");
    let refused = |token: &str| encryption.decrypt(token).unwrap_err();
    let changed =
        |name: &str, value: Value| refused(&with_header(&token, |header| header[name] = value));
    assert_eq!(changed("zip", json!("DEF")), JweError::Compressed);
    assert_eq!(changed("zip", json!(null)), JweError::Compressed);
    assert_eq!(changed("crit", json!(["exp"])), JweError::Critical);
    assert_eq!(changed("crit", json!([])), JweError::Critical);
    for name in ["alg", "enc", "kid"] {
        assert_eq!(changed(name, json!(1)), JweError::HeaderMember { name });
    }
    let duplicate = text(r#"{"alg":"RSA-OAEP","alg":"RSA-OAEP","enc":"A128GCM"}"#);
    let (_, rest) = token.split_once('.').unwrap();
    assert_eq!(
        refused(&format!("{duplicate}.{rest}")),
        JweError::Header(JsonError::DuplicateName)
    );
    let deep = text(format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100)));
    assert_eq!(
        refused(&format!("{deep}.{rest}")),
        JweError::Header(JsonError::TooDeep)
    );
    for (token, error) in [
        ("", JweError::Structure { parts: 1 }),
        ("a.b.c", JweError::NotEncrypted),
        ("a.b.c.d", JweError::Structure { parts: 4 }),
        (&format!("{token}."), JweError::Structure { parts: 6 }),
        (&".".repeat(1_000), JweError::Structure { parts: 6 }),
        (
            &format!("{token}="),
            JweError::Encoding {
                part: "authentication tag",
            },
        ),
        (&format!(" {token}"), JweError::Encoding { part: "header" }),
        (
            &"x".repeat(MAX_LEN + 1),
            JweError::TooLong { bytes: MAX_LEN + 1 },
        ),
    ] {
        assert_eq!(refused(token), error);
    }
}

#[test]
fn a_key_that_only_signs_or_is_for_signatures_is_told_so() {
    let ed25519 = include_str!("../private_key/tests/ed25519.pkcs8.pem");
    use crate::jose::PrivateKeyError;
    assert_eq!(
        DecryptionKey::from_pem(ed25519).unwrap_err(),
        PrivateKeyError::SignsOnly
    );
    let jwk = include_str!("tests/rfc7516-a1.json");
    let signs = jwk.replacen('{', r#"{"use":"sig","#, 1);
    assert_eq!(
        DecryptionKey::from_jwk(signs).unwrap_err(),
        PrivateKeyError::Use
    );
    let named = jwk.replacen('{', r#"{"use":"enc","kid":"k1","#, 1);
    let named = DecryptionKey::from_jwk(named).unwrap();
    let public: Value = serde_json::from_str(&named.public_jwk()).unwrap();
    assert_eq!(
        (&public["use"], &public["kid"]),
        (&json!("enc"), &json!("k1"))
    );
    assert!(public.get("d").is_none());
    assert_eq!(
        format!("{named:?}"),
        r#"DecryptionKey { kid: Some("k1"), .. }"#
    );
}
