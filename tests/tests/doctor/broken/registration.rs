//! The client is registered otherwise.

use latchgate::FindingCode as Code;
use latchgate_dev_provider::{Client, RegisteredUris, TokenEndpointAuthMethod};

use super::Broken;
use crate::healthy::CLIENT_KEY;
use crate::set_up::SetUp;

/// The development client, registered like this.
fn client(change: impl FnOnce(Client) -> Client) -> Client {
    change(Client::development())
}

/// Each in one way.
pub(super) fn set_ups() -> Vec<Broken> {
    vec![
        SetUp::new("the redirect URI is not registered")
            .provider(|provider| {
                let elsewhere = vec!["http://127.0.0.1:3000/oauth/callback".to_owned()];
                let uris = RegisteredUris::Exactly(elsewhere);
                provider.client(client(|client| client.redirect_uris(uris)))
            })
            .fails(
                Code::RedirectUri,
                "Register exactly `http://127.0.0.1:3000/callback` at the provider",
            ),
        SetUp::new("the redirect URI is registered for localhost")
            .provider(|provider| {
                let elsewhere = vec!["http://localhost:3000/callback".to_owned()];
                let uris = RegisteredUris::Exactly(elsewhere);
                provider.client(client(|client| client.redirect_uris(uris)))
            })
            .fails(
                Code::RedirectUri,
                "a redirect URI of this client; if that is not the application's URL, correct `base_url`",
            ),
        SetUp::new("the post-logout redirect URI is not registered")
            .provider(|provider| {
                let elsewhere = vec!["http://127.0.0.1:3000/bye".to_owned()];
                let uris = RegisteredUris::Exactly(elsewhere);
                provider.client(client(|client| client.post_logout_redirect_uris(uris)))
            })
            .fails(
                Code::PostLogout,
                "Register exactly `http://127.0.0.1:3000/` at the provider as a post-logout redirect URI",
            ),
        SetUp::new("the client secret is wrong")
            .set("client_secret", "hunter2")
            .fails(
                Code::ClientAuthentication,
                "Set `client_id` and `client_secret`",
            ),
        SetUp::new("the client secret has a newline from its file")
            .set("client_secret", "dev-secret:100%+ loopback\n")
            .fails(Code::ClientAuthentication, "exactly those of the registration"),
        SetUp::new("the client id is another")
            .set("client_id", "dev-cleint")
            .fails(Code::ClientAuthentication, "Set `client_id`")
            .besides(&[Code::RedirectUri, Code::PostLogout]),
        SetUp::new("the client is registered for another method")
            .set("client_auth", "client_secret_post")
            .provider(|provider| {
                let basic = [TokenEndpointAuthMethod::ClientSecretBasic];
                provider.client(client(|client| client.token_endpoint_auth_methods(basic)))
            })
            .fails(
                Code::ClientAuthentication,
                "`client_auth` to the method for which the client is registered",
            ),
        SetUp::new("the client is a public one only here")
            .set("client_secret", "")
            .set("client_auth", "none")
            .fails(
                Code::ClientAuthentication,
                "Register the client as a public one",
            ),
        SetUp::new("the public key is not registered")
            .set("client_secret", "")
            .set("client_key_file", CLIENT_KEY)
            .fails(
                Code::ClientAuthentication,
                "Register the public key of `client_key_file`",
            ),
        SetUp::new("pushed requests fail for the secret, too")
            .set("client_secret", "hunter2")
            .set("par", "true")
            .fails(
                Code::ClientAuthentication,
                "Set `client_id`, the secret or key",
            ),
    ]
}
