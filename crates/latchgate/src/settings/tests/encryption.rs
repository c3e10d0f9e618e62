//! Encrypted tokens: what arrives, and every contradiction as one mistake.

use super::mistakes::refused;
use super::*;

const KEY: &str = "src/jose/private_key/tests/p256.pkcs8.pem";

#[test]
fn what_was_agreed_upon_arrives() {
    let gate = build(&[
        ("decryption_key_file", KEY),
        ("id_token_encryption_alg", "ECDH-ES+A192KW"),
        ("id_token_encryption_enc", "A256GCM"),
        ("userinfo_encryption_alg", "ECDH-ES"),
        ("userinfo_alg", "PS256"),
    ]);
    let gate = gate.unwrap();
    let registration = gate.0.context.relying_parties.first().registration();
    let names = |encryption: &Option<crate::jose::Encryption>| {
        let encryption = encryption.as_ref().unwrap();
        assert_eq!(encryption.keys.len(), 1);
        (encryption.alg.as_str(), encryption.enc.as_str())
    };
    let id_token = names(&registration.id_token_encryption);
    assert_eq!(id_token, ("ECDH-ES+A192KW", "A256GCM"));
    let userinfo = names(&registration.userinfo_encryption);
    assert_eq!(userinfo, ("ECDH-ES", "A128CBC-HS256"));
    assert_eq!(registration.userinfo_alg, Some(Algorithm::Ps256));
    assert!(
        build(&[])
            .unwrap()
            .0
            .context
            .relying_parties
            .first()
            .registration()
            .id_token_encryption
            .is_none()
    );
}

#[test]
fn settings_of_encryption_must_fit_together() {
    let alg = ("id_token_encryption_alg", "ECDH-ES");
    for (changes, setting, cure) in [
        (&[alg][..], "decryption_key_file", "has no key for ECDH-ES"),
        (
            &[
                ("userinfo_encryption_alg", "RSA-OAEP"),
                ("decryption_key_file", KEY),
            ],
            "decryption_key_file",
            "has no key for RSA-OAEP",
        ),
        (
            &[("decryption_key_file", KEY)],
            "decryption_key_file",
            "nothing is configured to be encrypted",
        ),
        (
            &[alg, ("decryption_key_file", "/there/is/no/such.pem")],
            "decryption_key_file",
            "cannot be read",
        ),
        (
            &[
                alg,
                (
                    "decryption_key_file",
                    "src/jose/private_key/tests/ed25519.pkcs8.pem",
                ),
            ],
            "decryption_key_file",
            "can sign but not decrypt",
        ),
        (
            &[("id_token_encryption_alg", "RSA1_5")],
            "id_token_encryption_alg",
            "use one of RSA-OAEP",
        ),
        (
            &[
                alg,
                ("id_token_encryption_enc", "A512GCM"),
                ("decryption_key_file", ""),
            ],
            "id_token_encryption_enc",
            "use one of A128CBC-HS256",
        ),
        (
            &[("userinfo_encryption_enc", "A128GCM")],
            "userinfo_encryption_alg",
            "is required",
        ),
        (
            &[("userinfo_alg", "none")],
            "userinfo_alg",
            "never accepted",
        ),
        (
            &[
                ("userinfo_alg", "HS256"),
                ("client_auth", "none"),
                ("client_secret", ""),
            ],
            "userinfo_alg",
            "needs a client secret",
        ),
    ] {
        refused(changes, setting, cure);
    }
}
