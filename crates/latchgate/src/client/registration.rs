//! Our registration at one provider: [OpenID Connect Dynamic Client Registration 1.0 §2](https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata)
//! names the members; here they come from configuration.

use std::sync::Arc;

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenResponse,
};
use oauth2::{
    AuthType, Client, ClientId, EndpointMaybeSet, EndpointNotSet, EndpointSet, RedirectUrl,
    StandardRevocableToken,
};

use super::authentication::ClientAuth;
use crate::jose::Algorithm;
use crate::provider::{ClaimPaths, Issuer, Metadata};

/// The registration at one provider.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    /// The short name of the provider within this gate, `default` when there is one.
    pub(crate) name: String,
    pub(crate) issuer: Issuer,
    pub(crate) client_id: String,
    pub(crate) auth: ClientAuth,
    /// The exact redirect URI, made from the configured base URL.
    pub(crate) redirect_uri: RedirectUrl,
    pub(crate) scopes: Vec<String>,
    /// Auth0's `audience` parameter.
    pub(crate) audience: Option<String>,
    /// Resource indicators, RFC 8707.
    pub(crate) resources: Vec<String>,
    pub(crate) response_mode: ResponseMode,
    /// The one signature algorithm an ID token may have.
    pub(crate) id_token_alg: Algorithm,
    /// Audiences an ID token may name besides our client id.
    pub(crate) trusted_audiences: Vec<String>,
    pub(crate) userinfo: UserinfoPolicy,
    /// The claims that contain roles and permissions.
    pub(crate) claim_paths: Arc<ClaimPaths>,
}

/// How the authorization response is returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseMode {
    /// In the query of the redirect, a same-site top-level navigation.
    #[default]
    Query,
    /// As a cross-site form POST (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// Whether the userinfo endpoint is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserinfoPolicy {
    /// Not called: the ID token's claims are enough.
    #[default]
    Never,
    /// Called at login, which fails without an answer, and at each refresh, which continues without one.
    /// The answer may be signed, with the ID token's algorithm.
    Always,
}

/// The `oauth2` client with the endpoints this crate uses.
pub(crate) type OAuthClient = Client<
    BasicErrorResponse,
    BasicTokenResponse,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
>;

impl Registration {
    /// The `oauth2` client for one provider's endpoints.
    pub(crate) fn oauth_client(&self, metadata: &Metadata) -> OAuthClient {
        let client = Client::new(ClientId::new(self.client_id.clone()))
            .set_auth_type(match self.auth {
                ClientAuth::ClientSecretBasic(_) => AuthType::BasicAuth,
                ClientAuth::ClientSecretPost(_) | ClientAuth::None => AuthType::RequestBody,
            })
            .set_auth_uri(metadata.authorization_endpoint().clone())
            .set_token_uri_option(metadata.token_endpoint().cloned())
            .set_redirect_uri(self.redirect_uri.clone());
        match self.auth.secret() {
            Some(secret) => {
                client.set_client_secret(oauth2::ClientSecret::new(secret.expose().to_owned()))
            }
            None => client,
        }
    }
}

#[cfg(test)]
impl Registration {
    /// The registration that tests start from.
    pub(crate) fn example() -> Self {
        Self {
            name: "default".to_owned(),
            issuer: Issuer::parse("https://op.example").unwrap(),
            client_id: "my-app".to_owned(),
            auth: ClientAuth::ClientSecretBasic("a secret of 32 bytes, at the least".into()),
            redirect_uri: RedirectUrl::new("https://app.example/callback".to_owned()).unwrap(),
            scopes: vec!["openid".to_owned(), "email".to_owned()],
            audience: None,
            resources: Vec::new(),
            response_mode: ResponseMode::Query,
            id_token_alg: Algorithm::Rs256,
            trusted_audiences: Vec::new(),
            userinfo: UserinfoPolicy::Never,
            claim_paths: Arc::new(ClaimPaths::of(crate::provider::ProviderPreset::Plain)),
        }
    }
}
