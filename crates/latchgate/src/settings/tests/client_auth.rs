//! How the client authenticates: every contradiction is one mistake.

use super::mistakes::refused;

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
    ] {
        refused(changes, setting, cure);
    }
}
