//! Set-ups in which logins work.

use latchgate::ClientKey;
use latchgate_dev_provider::{Client, SigningAlg};

use crate::set_up::SetUp;

/// The client's private key, where it has one.
pub(crate) const CLIENT_KEY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../crates/latchgate/src/jose/private_key/tests/p256.pkcs8.pem"
);

/// The development client, with [`CLIENT_KEY`] in place of its secret.
pub(crate) fn with_key() -> Client {
    let key = ClientKey::from_pem(std::fs::read(CLIENT_KEY).unwrap()).unwrap();
    Client::with_keys("dev-client", ClientKey::public_jwks([&key]))
}

pub(crate) fn table() -> Vec<SetUp> {
    vec![
        SetUp::new("the default"),
        SetUp::new("refresh tokens").set("scopes", "openid profile email offline_access"),
        SetUp::new("userinfo").set("userinfo", "true"),
        SetUp::new("sessions in memory").set("store", "memory"),
        SetUp::new("an answer by form_post").set("response_mode", "form_post"),
        SetUp::new("a signed answer").set("response_mode", "jwt"),
        SetUp::new("pushed requests").set("par", "true"),
        SetUp::new("pushed requests only").provider(|provider| provider.require_pushed_requests()),
        SetUp::new("tokens bound to a key").set("dpop", "true"),
        SetUp::new("somebody is signed in there")
            .running(|provider| provider.auto_sign_in(Some("alice"))),
        SetUp::new("ES256")
            .set("id_token_alg", "ES256")
            .provider(|provider| provider.id_token_alg(SigningAlg::Es256)),
        SetUp::new("the secret in the body").set("client_auth", "client_secret_post"),
        SetUp::new("private_key_jwt")
            .set("client_secret", "")
            .set("client_key_file", CLIENT_KEY)
            .provider(|provider| provider.client(with_key())),
        SetUp::new("signed requests")
            .set("client_secret", "")
            .set("client_key_file", CLIENT_KEY)
            .provider(|provider| provider.client(with_key()).require_signed_requests()),
        SetUp::new("a public client")
            .set("client_secret", "")
            .set("client_auth", "none")
            .provider(|provider| provider.client(Client::public("dev-client"))),
        SetUp::new("an issuer with a slash at its end")
            .provider(|provider| provider.issuer_with_slash()),
    ]
}
