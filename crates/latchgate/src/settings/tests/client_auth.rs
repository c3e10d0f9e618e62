//! How the client authenticates: every contradiction is one mistake.

use super::mistakes::refused;
use super::*;
use crate::io::scripted::ScriptedHttp;
use crate::provider::Endpoints;

#[test]
fn settings_of_client_authentication_must_fit_together() {
    for (changes, setting, cure) in [
        (
            &[("client_auth", "private_key_jwt")][..],
            "client_secret",
            "`private_key_jwt`, which does not use it",
        ),
        (
            &[("client_auth", "private_key_jwt"), ("client_secret", "")],
            "client_key_file",
            "give the path of a private key",
        ),
        (
            &[
                ("client_secret", ""),
                ("client_key_file", "/there/is/no/such.pem"),
            ],
            "client_key_file",
            "cannot be read",
        ),
        (
            &[("client_secret", ""), ("client_key_file", "Cargo.toml")],
            "client_key_file",
            "openssl genpkey",
        ),
        (
            &[
                ("client_secret", ""),
                (
                    "client_key_file",
                    "src/jose/private_key/tests/rsa-1024.pkcs8.pem",
                ),
            ],
            "client_key_file",
            "make a longer one",
        ),
        (
            &[
                ("client_secret", ""),
                (
                    "client_key_file",
                    "src/jose/private_key/tests/encrypted.pkcs8.pem",
                ),
            ],
            "client_key_file",
            "decrypt it with `openssl pkey",
        ),
        (
            &[(
                "client_key_file",
                "src/jose/private_key/tests/p256.pkcs8.pem",
            )],
            "client_key_file",
            "`client_secret_basic`, which does not use it",
        ),
        (
            &[
                ("client_secret", ""),
                ("client_auth", "none"),
                (
                    "client_key_file",
                    "src/jose/private_key/tests/p256.pkcs8.pem",
                ),
            ],
            "client_key_file",
            "`none`, which does not use it",
        ),
        (
            &[
                ("client_secret", ""),
                (
                    "client_key_file",
                    "src/jose/private_key/tests/p256.pkcs8.pem",
                ),
                ("client_auth_alg", "PS256"),
            ],
            "client_auth_alg",
            "the client's key cannot sign with",
        ),
        (
            &[
                ("client_secret", ""),
                (
                    "client_key_file",
                    "src/jose/private_key/tests/p256.pkcs8.pem",
                ),
                ("client_auth_alg", "ES-256"),
            ],
            "client_auth_alg",
            "use one of RS256",
        ),
        (
            &[("client_auth_alg", "HS256")],
            "client_auth_alg",
            "`client_secret_basic`, which does not use it",
        ),
        (
            &[
                ("client_auth", "client_secret_jwt"),
                ("client_auth_alg", "ES256"),
            ],
            "client_auth_alg",
            "use HS256, HS384 or HS512",
        ),
        (
            &[
                ("client_auth", "client_secret_jwt"),
                ("client_auth_alg", "HS512"),
            ],
            "client_secret",
            "64 bytes",
        ),
        (
            &[("client_key_id", "k1")],
            "client_key_id",
            "`client_secret_basic`, which does not use it",
        ),
        (
            &[("assertion_audience", "everybody")],
            "assertion_audience",
            "issuer, token_endpoint",
        ),
        (
            &[("client_secret", ""), ("client_auth", "tls_client_auth")],
            "client_cert_file",
            "authenticates by its certificate",
        ),
        (
            &[
                ("client_auth", "self_signed_tls_client_auth"),
                CERTIFICATE,
                KEY,
            ],
            "client_secret",
            "`self_signed_tls_client_auth`, which does not use it",
        ),
        (
            &[
                ("client_secret", ""),
                ("client_auth", "tls_client_auth"),
                KEY,
            ],
            "client_key_file",
            "`tls_client_auth`, which does not use it",
        ),
        (
            &[("client_cert_file", "/there/is/no/such.pem")],
            "client_cert_file",
            "cannot be read",
        ),
        (
            &[CERTIFICATE],
            "client_cert_file",
            "the private key that belongs to it",
        ),
        (
            &[
                CERTIFICATE,
                (
                    "client_key_file",
                    "src/jose/private_key/tests/p384.pkcs8.pem",
                ),
            ],
            "client_cert_file",
            "the private key that belongs to it",
        ),
    ] {
        refused(changes, setting, cure);
    }
}

const CERTIFICATE: (&str, &str) = ("client_cert_file", "src/settings/tests/client.cert.pem");
const KEY: (&str, &str) = (
    "client_key_file",
    "src/jose/private_key/tests/p256.pkcs8.pem",
);

#[test]
fn a_certificate_is_presented_with_any_method() {
    for (method, secret) in [
        ("tls_client_auth", ""),
        ("self_signed_tls_client_auth", ""),
        ("private_key_jwt", ""),
        ("none", ""),
        ("client_secret_post", "a secret"),
    ] {
        let gate = build(&[
            ("client_auth", method),
            ("client_secret", secret),
            CERTIFICATE,
            KEY,
        ]);
        let gate = gate.unwrap_or_else(|error| panic!("{method}: {error}"));
        let registration = gate.0.context.relying_parties.first().registration();
        assert_eq!(registration.auth.method(), method);
        assert_eq!(registration.endpoints(), Endpoints::Mtls);
        assert!(!format!("{registration:?}").contains("PRIVATE"));
    }
}

/// It would have to present the certificate itself.
#[test]
fn a_certificate_and_another_http_client_contradict_each_other() {
    let settings = Settings::from_toml(&table(&[CERTIFICATE, KEY]));
    let builder = settings.builder().http_client(ScriptedHttp::default());
    let error = builder.build().map(|_| ()).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("(LATCHGATE_CLIENT_CERT_FILE)") && said.contains("remove one of them"),
        "{said}"
    );
}
