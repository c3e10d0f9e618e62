//! The registration at one provider, as the application declares it.

mod credentials;

use std::sync::Arc;

use url::Url;

use super::checks::issuer;
use super::client_auth::client_auth;
use super::encryption::EncryptedTokens;
use super::profile::SecurityChoices;
use crate::authorization::{AuthorizationDetails, ClaimsRequest, LoginOptions, check_parameter};
use crate::client::{ClientAuth, Registration, ResponseMode, UserinfoPolicy, registration_id};
use crate::config::{Mistakes, Problem};
use crate::io::ClientCertificate;
use crate::jose::Algorithm;
use crate::provider::{ClaimPath, ClaimPaths, DiscoveryError, PlainOAuth2, ProviderPreset};

/// The registration at one OpenID Provider.
///
/// ```
/// use latchgate::{Provider, ProviderPreset};
///
/// let auth0 = Provider::new("https://tenant.eu.auth0.com/", "my-client-id")
///     .client_secret("my-client-secret")
///     .scopes(["openid", "profile", "email", "offline_access"])
///     .audience("https://api.example.com")
///     .preset(ProviderPreset::Auth0);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Provider {
    pub(super) name: String,
    pub(super) label: Option<String>,
    pub(super) email_domains: Vec<String>,
    pub(super) issuer: String,
    pub(super) plain_oauth2: Option<PlainOAuth2>,
    client_id: String,
    auth: Option<ClientAuth>,
    auth_alg: Option<Algorithm>,
    certificate: Option<ClientCertificate>,
    scopes: Vec<String>,
    audience: Option<String>,
    resources: Vec<String>,
    pub(super) security: SecurityChoices,
    trusted_audiences: Vec<String>,
    userinfo: UserinfoPolicy,
    userinfo_alg: Option<Algorithm>,
    encrypted: EncryptedTokens,
    login_options: LoginOptions,
    claims: Option<ClaimsRequest>,
    authorization_details: Option<AuthorizationDetails>,
    parameters: Vec<(String, String)>,
    preset: ProviderPreset,
    roles: Option<ClaimPath>,
    permissions: Option<ClaimPath>,
}

impl Provider {
    /// A registration: the issuer, spelled as the provider spells it, and the client id.
    pub fn new(issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self {
            name: String::new(),
            label: None,
            email_domains: Vec::new(),
            issuer: issuer.into(),
            plain_oauth2: None,
            client_id: client_id.into(),
            auth: None,
            auth_alg: None,
            certificate: None,
            scopes: ["openid", "profile", "email"].map(str::to_owned).to_vec(),
            audience: None,
            resources: Vec::new(),
            security: SecurityChoices::default(),
            trusted_audiences: Vec::new(),
            userinfo: UserinfoPolicy::Never,
            userinfo_alg: None,
            encrypted: EncryptedTokens::default(),
            login_options: LoginOptions::new(),
            claims: None,
            authorization_details: None,
            parameters: Vec::new(),
            preset: ProviderPreset::Plain,
            roles: None,
            permissions: None,
        }
    }

    /// The scope values to request; the default is `openid profile email`. Add `offline_access` for a
    /// refresh token.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// The API the access token is for, as Auth0's `audience` parameter.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// The API the access token is for, as a resource indicator (RFC 8707): an absolute URI without
    /// fragment. May be called several times.
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// How the authorization response is returned; by default in the query. Signed responses (JARM) are checked
    /// with [`id_token_alg`](Self::id_token_alg).
    pub fn response_mode(mut self, mode: ResponseMode) -> Self {
        self.security.response_mode = Some(mode);
        self
    }

    /// The one signature algorithm accepted for ID tokens, logout tokens and signed userinfo; the default
    /// is RS256.
    pub fn id_token_alg(mut self, alg: Algorithm) -> Self {
        self.security.id_token_alg = Some(alg);
        self
    }

    /// An audience that ID tokens may name in addition to the client id. Any other is refused
    /// (OpenID Connect Core 1.0 §3.1.3.7 step 3).
    pub fn trusted_audience(mut self, audience: impl Into<String>) -> Self {
        self.trusted_audiences.push(audience.into());
        self
    }

    /// Whether the userinfo endpoint is called at login and at each refresh; by default it is not.
    ///
    /// Its claims replace those of the ID token, claim by claim, while they are newer. `email` and
    /// `email_verified`, and `phone_number` and `phone_number_verified`, always come from one of the two.
    pub fn userinfo(mut self, policy: UserinfoPolicy) -> Self {
        self.userinfo = policy;
        self
    }

    /// Options for every login: a prompt, `acr_values`, `max_age`, and so on. A handler's own
    /// [`LoginOptions`] take precedence, one by one.
    pub fn login_options(mut self, options: LoginOptions) -> Self {
        self.login_options = options;
        self
    }

    /// The claims that every login asks for one by one, as the `claims` parameter
    /// ([OpenID Connect Core 1.0 §5.5](https://openid.net/specs/openid-connect-core-1_0.html#ClaimsParameter)).
    pub fn claims(mut self, claims: ClaimsRequest) -> Self {
        self.claims = Some(claims);
        self
    }

    /// What every login asks permission for beyond the scope, as `authorization_details`
    /// ([RFC 9396](https://www.rfc-editor.org/rfc/rfc9396)). A handler's own
    /// ([`LoginOptions::authorization_details`]) take their place.
    pub fn authorization_details(mut self, details: AuthorizationDetails) -> Self {
        self.authorization_details = Some(details);
        self
    }

    /// An additional parameter for every authorization request, such as Auth0's `organization` or Google's `access_type`.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Where this provider puts roles and permissions.
    pub fn preset(mut self, preset: ProviderPreset) -> Self {
        self.preset = preset;
        self
    }

    /// The claim that contains a person's roles, instead of the preset's.
    pub fn role_claim(mut self, path: ClaimPath) -> Self {
        self.roles = Some(path);
        self
    }

    /// The claim that contains a person's permissions, instead of the preset's.
    pub fn permission_claim(mut self, path: ClaimPath) -> Self {
        self.permissions = Some(path);
        self
    }

    /// The options of every login, parameters included.
    pub(super) fn every_login(&self) -> LoginOptions {
        let mut parameters = LoginOptions::new();
        parameters.parameters.clone_from(&self.parameters);
        parameters.claims.clone_from(&self.claims);
        parameters
            .authorization_details
            .clone_from(&self.authorization_details);
        self.login_options.clone().or(&parameters)
    }

    /// The registration, unless one of its parts is missing. Errors are added to `mistakes`.
    pub(super) fn register(
        self,
        redirect_uri: String,
        mistakes: &mut Mistakes,
    ) -> Option<Registration> {
        let blank = |text: &str| text.trim().is_empty();
        let issuer = mistakes.keep_of("issuer", issuer(&self.issuer));
        if blank(&self.client_id) {
            mistakes.add("client_id", Problem::Missing);
        }
        let auth = client_auth(self.auth, self.auth_alg, mistakes);
        let profile = self.security.decide(auth.as_ref(), mistakes);
        let has_no_secret = |auth: &ClientAuth| auth.secret().is_none();
        for (name, alg) in [
            ("id_token_alg", Some(profile.id_token_alg)),
            ("userinfo_alg", self.userinfo_alg),
        ] {
            let is_symmetric = alg.is_some_and(Algorithm::is_symmetric);
            if is_symmetric && auth.as_ref().is_some_and(has_no_secret) {
                mistakes.add(name, Problem::SymmetricWithoutSecret);
            }
        }
        let encryption = self.encrypted.check(mistakes);
        let is_openid = self.plain_oauth2.is_none();
        if is_openid && !self.scopes.iter().any(|scope| scope == "openid") {
            mistakes.add("scopes", Problem::NoOpenidScope);
        }
        let is_resource =
            |text: &String| Url::parse(text).is_ok_and(|url| url.fragment().is_none());
        if !self.resources.iter().all(is_resource) {
            mistakes.add("resource", Problem::Resource);
        }
        for (name, _) in &self.parameters {
            let fits = check_parameter(name).map_err(Problem::Parameter);
            mistakes.keep_of("parameters", fits);
        }
        let claim_paths = ClaimPaths::of_preset(self.preset, &self.client_id);
        let claim_paths = claim_paths.or_these(self.roles, self.permissions);
        let redirect_uri = oauth2::RedirectUrl::new(redirect_uri).map_err(|_| Problem::Path);
        let issuer = issuer?;
        let plain_oauth2 = match self.plain_oauth2.map(|plain| plain.check(&issuer)) {
            Some(Ok(checked)) => Some(Arc::new(checked)),
            Some(Err(DiscoveryError::Endpoint { member })) => {
                mistakes.add(member, Problem::Endpoint);
                None
            }
            _ => None,
        };
        Some(Registration {
            plain_oauth2,
            id: registration_id(&issuer, &self.client_id),
            name: self.name,
            label: self.label,
            email_domains: self.email_domains,
            issuer,
            client_id: self.client_id,
            auth: auth?,
            assertion_alg: self.auth_alg,
            certificate: self.certificate,
            assertion_audience: self.security.assertion_audience,
            redirect_uri: mistakes.keep_of("callback_path", redirect_uri)?,
            scopes: self.scopes,
            audience: self.audience,
            resources: self.resources,
            response_mode: profile.response_mode,
            par: profile.par,
            signed_requests: profile.signed_requests,
            profile: self.security.profile,
            binding: profile.binding,
            id_token_alg: profile.id_token_alg,
            trusted_audiences: self.trusted_audiences,
            userinfo: self.userinfo,
            userinfo_alg: self.userinfo_alg,
            id_token_encryption: encryption.id_token,
            userinfo_encryption: encryption.userinfo,
            claim_paths: Arc::new(claim_paths),
        })
    }
}
