//! One test for each step of [OpenID Connect Core 1.0 §3.1.3.7](https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation)
//! and for §3.1.3.8.

use super::*;
use crate::jose::JsonError;
use crate::provider::Issuer;

#[test]
fn an_honest_id_token_of_every_algorithm_is_verified() {
    for algorithm in [
        Algorithm::Rs256,
        Algorithm::Ps256,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Es512,
        Algorithm::EdDsa,
        Algorithm::Hs256,
    ] {
        let mut login = login(algorithm);
        login.claims["sid"] = json!("a session, there");
        let verified = login.with("auth_time", json!(NOW - 5)).unwrap();
        assert_eq!(verified.subject, "248289761001", "{algorithm}");
        assert_eq!(verified.sid.as_deref(), Some("a session, there"));
        assert_eq!(verified.auth_time, Some(NOW - 5));
        assert_eq!(verified.raw.split('.').count(), 3);
        assert_eq!(format!("{verified:?}"), "IdToken(redacted)");
    }
}

#[test]
fn the_token_must_be_there_whole_and_unencrypted() {
    let login = login(Algorithm::Rs256);
    let none = verify(&login.rules(), None, ACCESS_TOKEN, &login.expected);
    assert_eq!(none.unwrap_err(), IdTokenError::Missing);
    let token = login.token();
    for (text, reason) in [
        ("a.b.c.d.e".to_owned(), JwsError::Encrypted),
        (String::new(), JwsError::Structure { parts: 1 }),
        (format!("{token}."), JwsError::Structure { parts: 4 }),
        (
            format!("{token}="),
            JwsError::Encoding { part: "signature" },
        ),
    ] {
        assert_eq!(login.verify_text(&text).unwrap_err(), jws(reason), "{text}");
    }
}

#[test]
fn step_2_the_issuer_is_equal_to_the_letter() {
    let others = [
        json!(null),
        json!("https://op.example/"),
        json!("https://OP.example"),
        json!("https://op.example:443"),
        json!("http://op.example"),
        json!("https://evil.example"),
        json!(["https://op.example"]),
        json!(7),
    ];
    login(Algorithm::Rs256).refuses("iss", &others, &IdTokenError::Issuer);
    let mut slash = login(Algorithm::Rs256);
    slash.registration.issuer = Issuer::parse("https://op.example/").unwrap();
    assert_eq!(slash.verify().unwrap_err(), IdTokenError::Issuer);
    slash.accepts("iss", &[json!("https://op.example/")]);
}

#[test]
fn step_3_the_audience_is_this_client_and_nobody_unknown() {
    let mut login = login(Algorithm::Rs256);
    login.accepts("aud", &[json!("my-app"), json!(["my-app"])]);
    let wrong = [
        json!(null),
        json!(""),
        json!("other"),
        json!("my-app "),
        json!([]),
        json!(["other"]),
        json!(["my-app", "other"]),
        json!(["my-app", 7]),
        json!(7),
        json!({ "my-app": true }),
    ];
    login.refuses("aud", &wrong, &IdTokenError::Audience);
    login.claims["azp"] = json!("my-app");
    login.refuses(
        "aud",
        &[json!(["my-app", "other"])],
        &IdTokenError::Audience,
    );
    login.registration.trusted_audiences = vec!["other".to_owned()];
    login.accepts(
        "aud",
        &[json!(["my-app", "other"]), json!(["other", "my-app"])],
    );
    login.refuses("aud", &[json!("other")], &IdTokenError::Audience);
}

#[test]
fn steps_4_and_5_the_authorized_party_is_this_client() {
    let mut login = login(Algorithm::Rs256);
    login.accepts("azp", &[json!(null), json!("my-app")]);
    let others = [json!("other"), json!(""), json!(7), json!(["my-app"])];
    login.refuses("azp", &others, &IdTokenError::AuthorizedParty);
    login.registration.trusted_audiences = vec!["api".to_owned()];
    login.claims["aud"] = json!(["my-app", "api"]);
    login.accepts("azp", &[json!("my-app")]);
    let others = [json!(null), json!("api")];
    login.refuses("azp", &others, &IdTokenError::AuthorizedParty);
}

#[test]
fn step_6_the_signature_is_that_of_a_key_of_the_provider() {
    let mut login = login(Algorithm::Es256);
    let token = login.token();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    login.claims["sub"] = json!("admin");
    let other = login.token();
    let payload = other.split('.').nth(1).unwrap();
    let swapped = format!("{header}.{payload}.{signature}");
    assert_eq!(
        login.verify_text(&swapped).unwrap_err(),
        jws(JwsError::BadSignature)
    );
    let bare = format!("{signed}.");
    assert_eq!(
        login.verify_text(&bare).unwrap_err(),
        jws(JwsError::Unsigned)
    );

    login.signer = Signer::new(Algorithm::Es256);
    assert_eq!(login.verify().unwrap_err(), jws(JwsError::BadSignature));
    let unknown = login.headed("kid", json!("new"));
    assert_eq!(unknown.unwrap_err(), jws(JwsError::UnknownKey));
    let critical = login.headed("crit", json!(["exp"]));
    assert_eq!(critical.unwrap_err(), jws(JwsError::Critical));
}

#[test]
fn step_7_the_algorithm_is_the_registered_one() {
    let mut login = login(Algorithm::Rs256);
    for unsigned in [json!("none"), json!("None"), json!("")] {
        let refused = login
            .headed("alg", unsigned.clone())
            .map(|_| ())
            .unwrap_err();
        let expected = [jws(JwsError::Unsigned), jws(JwsError::UnknownAlgorithm)];
        assert!(expected.contains(&refused), "{unsigned}: {refused:?}");
    }
    for found in Algorithm::ALL
        .into_iter()
        .filter(|alg| *alg != Algorithm::Rs256)
    {
        let refused = login.headed("alg", json!(found.as_str())).unwrap_err();
        let expected = Algorithm::Rs256;
        assert_eq!(refused, jws(JwsError::Algorithm { expected, found }));
    }
}

#[test]
fn step_8_a_public_key_is_no_shared_secret() {
    let mut rsa = login(Algorithm::Rs256);
    let forger = Signer::Secret(rsa.signer.jwk()["n"].as_str().unwrap().to_owned());
    rsa.header["alg"] = json!("HS256");
    let (header, claims) = (rsa.header.to_string(), rsa.claims.to_string());
    let forged = forger.token(Algorithm::Hs256, &header, &claims);
    let (expected, found) = (Algorithm::Rs256, Algorithm::Hs256);
    let refused = rsa.verify_text(&forged).unwrap_err();
    assert_eq!(refused, jws(JwsError::Algorithm { expected, found }));

    rsa.registration.id_token_alg = Algorithm::Hs256;
    assert_eq!(
        rsa.verify_text(&forged).unwrap_err(),
        jws(JwsError::BadSignature)
    );
}

#[test]
fn step_8_a_shared_secret_signs_for_one_audience() {
    let mut login = login(Algorithm::Hs256);
    login.registration.trusted_audiences = vec!["api".to_owned()];
    login.claims["azp"] = json!("my-app");
    login.accepts("aud", &[json!("my-app"), json!(["my-app"])]);
    let several = [json!(["my-app", "api"])];
    login.refuses("aud", &several, &IdTokenError::SharedSecretAudience);
    let short = Registration {
        auth: ClientAuth::ClientSecretPost("too short".into()),
        ..Registration::example()
    };
    login.registration.auth = short.auth;
    let unfit = JwsError::UnfitKey {
        algorithm: Algorithm::Hs256,
    };
    assert_eq!(login.verify().unwrap_err(), jws(unfit));
}

#[test]
fn step_9_it_has_not_expired() {
    let mut login = login(Algorithm::Rs256);
    login.accepts(
        "exp",
        &[
            json!(NOW - LEEWAY + 1),
            json!(NOW as f64 + 0.5),
            json!(u64::MAX),
        ],
    );
    let wrong = [
        json!(null),
        json!(NOW - LEEWAY),
        json!(0),
        json!(-1),
        json!((NOW + 300).to_string()),
        json!([NOW + 300]),
        json!(1e300),
    ];
    login.refuses("exp", &wrong, &IdTokenError::Expired);
}

#[test]
fn step_10_it_was_not_issued_in_the_future() {
    let mut login = login(Algorithm::Rs256);
    login.accepts(
        "iat",
        &[json!(NOW + LEEWAY), json!(0), json!(NOW as f64 - 0.5)],
    );
    let wrong = [
        json!(null),
        json!(NOW + LEEWAY + 1),
        json!("0"),
        json!(-1),
        json!(u64::MAX),
    ];
    login.refuses("iat", &wrong, &IdTokenError::IssuedAt);
    login.accepts("nbf", &[json!(null), json!(NOW + LEEWAY), json!(0)]);
    let wrong = [json!(NOW + LEEWAY + 1), json!("0"), json!(-1), json!([])];
    login.refuses("nbf", &wrong, &IdTokenError::NotBefore);
}

#[test]
fn step_11_the_nonce_is_this_logins() {
    let mut login = login(Algorithm::Rs256);
    let nonce = login.claims["nonce"].clone();
    let other = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
    assert_ne!(nonce, other);
    let wrong = [
        json!(null),
        json!(""),
        json!(other),
        json!(format!("{}=", nonce.as_str().unwrap())),
        json!([nonce]),
        json!(7),
    ];
    login.refuses("nonce", &wrong, &IdTokenError::Nonce);
}

/// Step 12, with the `amr` and the person of a step-up.
#[test]
fn step_12_the_authentication_context_is_one_that_was_required() {
    let mut login = login(Algorithm::Rs256);
    login.accepts("acr", &[json!(null), json!("0"), json!(7)]);
    let required = StepUp {
        acr: vec!["phr".to_owned(), "mfa".to_owned()],
        amr: vec!["otp".to_owned()],
        max_age: None,
    };
    let subject = login.claims["sub"].as_str().unwrap().to_owned();
    let of = |subject| LoginOptions::step_up(&required, "https://op.example", subject).step_up;
    login.expected.step_up = of(&subject);
    login.claims["amr"] = json!(["pwd", "otp"]);
    login.accepts("acr", &[json!("phr"), json!("mfa")]);
    let wrong = [
        json!(null),
        json!("pwd"),
        json!("phr mfa"),
        json!(["mfa"]),
        json!(7),
    ];
    login.refuses("acr", &wrong, &IdTokenError::AuthenticationContext);
    login.claims["acr"] = json!("mfa");
    let wrong = [json!(null), json!("otp"), json!(["pwd"]), json!([])];
    login.refuses("amr", &wrong, &IdTokenError::AuthenticationContext);
    login.expected.step_up = of("somebody else");
    login.refuses("sub", &[json!(subject)], &IdTokenError::AnotherPerson);
}

#[test]
fn step_13_authentication_is_as_fresh_as_was_asked_for() {
    let mut login = login(Algorithm::Rs256);
    login.accepts("auth_time", &[json!(null), json!(0), json!("yesterday")]);
    login.expected.max_age = Some(300);
    login.accepts("auth_time", &[json!(NOW), json!(NOW - 300 - LEEWAY)]);
    let wrong = [
        json!(null),
        json!(NOW - 300 - LEEWAY - 1),
        json!(NOW + LEEWAY + 1),
        json!(0),
        json!(NOW.to_string()),
        json!([NOW]),
    ];
    login.refuses("auth_time", &wrong, &IdTokenError::AuthTime);
    login.expected.max_age = Some(u64::MAX);
    login.accepts("auth_time", &[json!(0)]);
}

#[test]
fn the_subject_is_a_text_of_1_to_255_characters() {
    let mut login = login(Algorithm::Rs256);
    login.accepts("sub", &[json!("a"), json!("a".repeat(255))]);
    let wrong = [
        json!(null),
        json!(""),
        json!("a".repeat(256)),
        json!(7),
        json!(["a"]),
    ];
    login.refuses("sub", &wrong, &IdTokenError::Subject);
}

#[test]
fn the_access_token_hash_is_the_access_tokens_if_it_is_there() {
    let mut login = login(Algorithm::Rs256);
    login.accepts("at_hash", &[json!(null), json!(AT_HASH)]);
    let wrong = [
        json!(""),
        json!("AAAAAAAAAAAAAAAAAAAAAA"),
        json!(format!("{AT_HASH}==")),
        json!([AT_HASH]),
        json!(7),
    ];
    login.refuses("at_hash", &wrong, &IdTokenError::AccessTokenHash);
}

#[test]
fn other_kinds_of_jwt_are_no_id_token() {
    let mut login = login(Algorithm::Rs256);
    for typ in ["JWT", "jwt"] {
        assert!(login.headed("typ", json!(typ)).is_ok(), "{typ}");
    }
    for typ in [
        "at+jwt",
        "application/at+jwt",
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "",
    ] {
        let refused = login.headed("typ", json!(typ)).unwrap_err();
        assert_eq!(refused, IdTokenError::Type, "{typ}");
    }
    let refused = login.headed("typ", json!(7)).unwrap_err();
    assert_eq!(refused, jws(JwsError::HeaderMember { name: "typ" }));
}

#[test]
fn duplicate_claims_are_refused() {
    let login = login(Algorithm::Rs256);
    let claims = login
        .claims
        .to_string()
        .replacen('{', r#"{"sub":"admin","#, 1);
    let token = login
        .signer
        .token(Algorithm::Rs256, &login.header.to_string(), &claims);
    let refused = login.verify_text(&token).unwrap_err();
    assert_eq!(refused, jws(JwsError::Claims(JsonError::DuplicateName)));
}
