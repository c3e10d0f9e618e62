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

use super::authentication::{AssertionAudience, ClientAuth};
use super::security_profile::SecurityProfile;
use super::usage::Usage;
use crate::io::ClientCertificate;
use crate::jose::{Algorithm, Encryption};
use crate::provider::{CheckedOAuth2, ClaimPaths, Endpoints, Issuer, Metadata};

/// The registration at one provider.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    /// Names this registration in sessions and pending logins: [`registration_id`], for a tenant with its name.
    pub(crate) id: String,
    /// The short name of the provider within this gate; empty when it needs none, for a tenant's the tenant's name.
    pub(crate) name: String,
    /// The endpoints of a provider without OpenID Connect.
    pub(crate) plain_oauth2: Option<Arc<CheckedOAuth2>>,
    /// What people know the provider by, if it has its own text.
    pub(crate) label: Option<String>,
    /// The domains, in lower case, whose e-mail addresses sign in there.
    pub(crate) email_domains: Vec<String>,
    pub(crate) issuer: Issuer,
    pub(crate) client_id: String,
    pub(crate) auth: ClientAuth,
    /// The algorithm of client assertions that are signed with the secret; a key has its own.
    pub(crate) assertion_alg: Option<Algorithm>,
    /// The certificate that calls to the provider present.
    pub(crate) certificate: Option<ClientCertificate>,
    /// Whom client assertions are for.
    pub(crate) assertion_audience: AssertionAudience,
    /// The exact redirect URI, made from the configured base URL.
    pub(crate) redirect_uri: RedirectUrl,
    pub(crate) scopes: Vec<String>,
    /// Auth0's `audience` parameter.
    pub(crate) audience: Option<String>,
    /// Resource indicators, RFC 8707.
    pub(crate) resources: Vec<String>,
    pub(crate) response_mode: ResponseMode,
    /// Whether authorization requests are pushed, RFC 9126.
    pub(crate) par: Usage,
    /// Whether authorization requests are signed, RFC 9101.
    pub(crate) signed_requests: Usage,
    pub(crate) profile: SecurityProfile,
    /// What tokens are bound to.
    pub(crate) binding: SenderConstraint,
    /// The one signature algorithm an ID token may have.
    pub(crate) id_token_alg: Algorithm,
    /// Audiences an ID token may name besides our client id.
    pub(crate) trusted_audiences: Vec<String>,
    pub(crate) userinfo: UserinfoPolicy,
    /// The one signature algorithm of userinfo, if a signed answer was agreed upon.
    pub(crate) userinfo_alg: Option<Algorithm>,
    /// How ID tokens are encrypted, if that was agreed upon.
    pub(crate) id_token_encryption: Option<Encryption>,
    /// How userinfo is encrypted, if that was agreed upon.
    pub(crate) userinfo_encryption: Option<Encryption>,
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
    /// As a signed JWT (JARM), in the query, which is where the provider puts it for `jwt`. Nothing but the
    /// JWT counts.
    Jwt,
    /// As a signed JWT (JARM), in the query.
    QueryJwt,
    /// As a signed JWT (JARM), as a cross-site form POST.
    FormPostJwt,
}

impl ResponseMode {
    /// The `response_mode` parameter; `None` for the default of the flow.
    pub(crate) fn parameter(self) -> Option<&'static str> {
        match self {
            Self::Query => None,
            Self::FormPost => Some("form_post"),
            Self::Jwt => Some("jwt"),
            Self::QueryJwt => Some("query.jwt"),
            Self::FormPostJwt => Some("form_post.jwt"),
        }
    }

    /// Whether the response is a cross-site POST.
    pub(crate) fn is_posted(self) -> bool {
        matches!(self, Self::FormPost | Self::FormPostJwt)
    }

    /// Whether the response is a signed JWT.
    pub(crate) fn is_jwt(self) -> bool {
        matches!(self, Self::Jwt | Self::QueryJwt | Self::FormPostJwt)
    }
}

/// What tokens are bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SenderConstraint {
    /// Nothing: whoever has them can use them.
    None,
    /// A key of each session (RFC 9449).
    Dpop,
    /// The certificate that the client presents (RFC 8705 §3).
    Certificate,
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

/// A short name for a registration, by what makes it another one: the issuer and the client id. A session of one is
/// never taken for a session of another, whatever the providers of a gate are called and in whatever order they come.
///
/// It is no secret and needs no key: sessions and pending logins are sealed. 48 bits tell the handful of registrations
/// apart that an application ever has, all of which it has chosen itself.
pub(crate) fn registration_id(issuer: &Issuer, client_id: &str) -> String {
    let digest = registration_digest(issuer, client_id);
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(&digest[..6])
}

/// The same at a length at which nobody can find another registration with this digest.
pub(super) fn registration_digest(issuer: &Issuer, client_id: &str) -> [u8; 16] {
    let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in [issuer.as_str(), client_id] {
        digest.update(&(part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    let digest = digest.finish();
    std::array::from_fn(|place| digest.as_ref()[place])
}

impl Registration {
    /// Whether the client has to present a certificate: as its proof, or for its tokens.
    pub(crate) fn needs_certificate(&self) -> bool {
        self.auth.is_by_certificate() || self.binding == SenderConstraint::Certificate
    }

    /// The endpoints to call: a client that presents a certificate may have others (RFC 8705 §5).
    pub(crate) fn endpoints(&self) -> Endpoints {
        match self.certificate.is_some() || self.needs_certificate() {
            true => Endpoints::Mtls,
            false => Endpoints::Usual,
        }
    }

    /// The `oauth2` client for one provider's endpoints. An assertion is not its business: where the client has one, the
    /// caller adds it.
    pub(crate) fn oauth_client(&self, metadata: &Metadata) -> OAuthClient {
        let client = Client::new(ClientId::new(self.client_id.clone()))
            .set_auth_type(match self.auth {
                ClientAuth::ClientSecretBasic(_) => AuthType::BasicAuth,
                _ => AuthType::RequestBody,
            })
            .set_auth_uri(metadata.authorization_endpoint().clone())
            .set_token_uri_option(metadata.token_endpoint().cloned())
            .set_redirect_uri(self.redirect_uri.clone());
        match &self.auth {
            ClientAuth::ClientSecretBasic(secret) | ClientAuth::ClientSecretPost(secret) => {
                client.set_client_secret(oauth2::ClientSecret::new(secret.expose().to_owned()))
            }
            _ => client,
        }
    }
}

#[cfg(test)]
impl Registration {
    /// The registration that tests start from.
    pub(crate) fn example() -> Self {
        Self {
            id: "default".to_owned(),
            name: String::new(),
            plain_oauth2: None,
            label: None,
            email_domains: Vec::new(),
            issuer: Issuer::parse("https://op.example").unwrap(),
            client_id: "my-app".to_owned(),
            auth: ClientAuth::ClientSecretBasic("a secret of 32 bytes, at the least".into()),
            assertion_alg: None,
            certificate: None,
            assertion_audience: AssertionAudience::Issuer,
            redirect_uri: RedirectUrl::new("https://app.example/callback".to_owned()).unwrap(),
            scopes: vec!["openid".to_owned(), "email".to_owned()],
            audience: None,
            resources: Vec::new(),
            response_mode: ResponseMode::Query,
            par: Usage::WhenRequired,
            signed_requests: Usage::WhenRequired,
            profile: SecurityProfile::None,
            binding: SenderConstraint::None,
            id_token_alg: Algorithm::Rs256,
            trusted_audiences: Vec::new(),
            userinfo: UserinfoPolicy::Never,
            userinfo_alg: None,
            id_token_encryption: None,
            userinfo_encryption: None,
            claim_paths: Arc::new(ClaimPaths::of(crate::provider::ProviderPreset::Plain)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_is_named_by_issuer_and_client() {
        let id =
            |issuer: &str, client: &str| registration_id(&Issuer::parse(issuer).unwrap(), client);
        let ids = [
            id("https://op.example", "my-app"),
            id("https://op.example", "my-app2"),
            id("https://op.example/", "my-app"),
            id("https://op.example/m", "y-app"),
            id("https://other.example", "my-app"),
        ];
        for (place, one) in ids.iter().enumerate() {
            assert_eq!(one.len(), 8, "{one}");
            assert!(!ids[..place].contains(one), "{one}");
        }
        // Sessions carry it: it may never change.
        assert_eq!(ids[0], "3NP96XrE");
    }
}
