//! Security profiles, by one setting, and what contradicts them.

use super::*;
use crate::client::{SecurityProfile, SenderConstraint};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/jose/private_key/tests/");

fn profiled(changes: &[(&str, &str)]) -> Result<Gate, ConfigError> {
    let key = format!("{FOLDER}p256.pkcs8.pem");
    let profile = [
        ("client_secret", ""),
        ("client_auth", "private_key_jwt"),
        ("client_key_file", &key),
        ("profile", "fapi2"),
    ];
    build(&[&profile, changes].concat())
}

#[test]
fn one_setting_turns_everything_on() {
    for (name, profile) in [
        ("fapi2", SecurityProfile::Fapi2),
        (
            "fapi2_message_signing",
            SecurityProfile::Fapi2MessageSigning,
        ),
    ] {
        let gate = profiled(&[("profile", name)]).unwrap();
        let registration = gate.0.context.relying_parties.first().registration();
        assert_eq!(registration.profile, profile);
        assert_eq!(registration.par, Usage::Always);
        assert_eq!(registration.binding, SenderConstraint::Dpop);
        assert_eq!(registration.id_token_alg, Algorithm::Ps256);
        let signs = profile == SecurityProfile::Fapi2MessageSigning;
        assert_eq!(registration.signed_requests == Usage::Always, signs);
        assert_eq!(registration.response_mode.is_jwt(), signs);
    }
}

const CERTIFICATE: (&str, &str) = ("client_cert_file", "src/settings/tests/client.cert.pem");

/// Either stands in for the key: as the client's proof, and as what tokens are bound to.
#[test]
fn a_certificate_is_enough_for_the_security_profile() {
    let by_certificate = ("client_auth", "tls_client_auth");
    let bound = ("certificate_bound_tokens", "true");
    for (changes, method, binding) in [
        (
            &[CERTIFICATE, by_certificate][..],
            "tls_client_auth",
            SenderConstraint::Dpop,
        ),
        (
            &[CERTIFICATE, by_certificate, bound],
            "tls_client_auth",
            SenderConstraint::Certificate,
        ),
        (
            &[CERTIFICATE, bound, ("dpop", "false")],
            "private_key_jwt",
            SenderConstraint::Certificate,
        ),
    ] {
        let gate = profiled(changes).unwrap();
        let registration = gate.0.context.relying_parties.first().registration();
        assert_eq!(registration.auth.method(), method);
        assert_eq!(registration.binding, binding);
    }
}

#[test]
fn what_contradicts_a_profile_is_named_with_its_cure() {
    let rsa = format!("{FOLDER}rsa.pkcs8.pem");
    let signing = ("profile", "fapi2_message_signing");
    let basic = [
        ("client_auth", ""),
        ("client_key_file", ""),
        ("client_secret", SECRET),
    ];
    for (changes, setting, cure) in [
        (&[("par", "false")][..], "par", "leave it at `auto`"),
        (&[("dpop", "false")], "dpop", "leave it at `auto`"),
        (&[("id_token_alg", "RS256")], "id_token_alg", "set `PS256`"),
        (
            &[("client_key_file", rsa.as_str())],
            "client_auth_alg",
            "set `PS256`",
        ),
        (
            &basic,
            "client_auth",
            "`private_key_jwt`, `tls_client_auth`",
        ),
        (
            &[("client_auth", "tls_client_auth"), CERTIFICATE, signing],
            "client_auth",
            "its key signs the requests too",
        ),
        (
            &[("dpop", "false")],
            "dpop",
            "or set `certificate_bound_tokens`",
        ),
        (
            &[
                CERTIFICATE,
                ("dpop", "true"),
                ("certificate_bound_tokens", "true"),
            ],
            "certificate_bound_tokens",
            "leave out one of them",
        ),
        (
            &[("certificate_bound_tokens", "true")],
            "client_cert_file",
            "tokens are bound to it",
        ),
        (
            &[("certificate_bound_tokens", "auto")],
            "certificate_bound_tokens",
            "true, false",
        ),
        (
            &[signing, ("signed_requests", "false")],
            "signed_requests",
            "leave it",
        ),
        (
            &[signing, ("response_mode", "query")],
            "response_mode",
            "`query.jwt`",
        ),
        (
            &[("profile", "fapi")],
            "profile",
            "fapi2, fapi2_message_signing",
        ),
    ] {
        let error = profiled(changes).map(drop).unwrap_err();
        let named: Vec<_> = error.mistakes().map(|mistake| mistake.setting()).collect();
        assert_eq!(named, [setting], "{error}");
        assert!(error.to_string().contains(cure), "{error}");
    }
    let rsa = [
        ("client_key_file", rsa.as_str()),
        ("client_auth_alg", "PS256"),
    ];
    assert!(profiled(&rsa).is_ok());
    let every = ["query.jwt", "form_post.jwt", "jwt"];
    assert!(
        every
            .iter()
            .all(|mode| profiled(&[signing, ("response_mode", mode)]).is_ok())
    );
}

#[test]
fn signing_needs_a_key() {
    let error = build(&[("signed_requests", "true")]).map(drop).unwrap_err();
    assert!(
        error.to_string().contains("needs the client's key"),
        "{error}"
    );
}
