//! Registrations at well-known providers, and at those without OpenID Connect.

use super::Provider;
#[cfg(doc)]
use crate::client::ClientAuth;
use crate::client::ResponseMode;
use crate::provider::{PlainOAuth2, ProviderPreset};

impl Provider {
    /// A registration at a provider that supports OAuth 2.0 but not OpenID Connect. Choose the issuer yourself, an https
    /// URL such as the provider's site: together with the `sub` it is the identity of a person, so it must never change.
    ///
    /// No scope is requested unless [`scopes`](Self::scopes) says so. What concerns ID tokens has no effect:
    /// algorithms, `max_age`, the userinfo policy, logouts by the provider.
    pub fn plain_oauth2(
        issuer: impl Into<String>,
        client_id: impl Into<String>,
        endpoints: PlainOAuth2,
    ) -> Self {
        let mut provider = Self::new(issuer, client_id).scopes::<String>([]);
        provider.plain_oauth2 = Some(endpoints);
        provider
    }

    /// A registration at GitHub, as an OAuth app or a GitHub App, with the scopes `read:user user:email`. The issuer is
    /// `https://github.com`, the `sub` the account's numeric id.
    ///
    /// ```
    /// # use latchgate::Provider;
    /// let github = Provider::github("my-client-id").client_secret("s3cret");
    /// ```
    pub fn github(client_id: impl Into<String>) -> Self {
        Self::plain_oauth2("https://github.com", client_id, PlainOAuth2::github())
            .scopes(["read:user", "user:email"])
            .preset(ProviderPreset::GitHub)
            .label("GitHub")
    }

    /// A registration at Discord, with the scopes `identify email`. The issuer is `https://discord.com`, the `sub` the
    /// account's id.
    pub fn discord(client_id: impl Into<String>) -> Self {
        Self::plain_oauth2("https://discord.com", client_id, PlainOAuth2::discord())
            .scopes(["identify", "email"])
            .preset(ProviderPreset::Discord)
            .label("Discord")
    }

    /// A registration at Google. Google knows no `offline_access`: for a refresh token, add
    /// `.parameter("access_type", "offline")` (or the setting `parameters`) and, in [`login_options`](Self::login_options), the prompt `consent`. The
    /// claim `hd` is the Workspace that somebody belongs to.
    pub fn google(client_id: impl Into<String>) -> Self {
        Self::new("https://accounts.google.com", client_id)
            .preset(ProviderPreset::Google)
            .label("Google")
    }

    /// A registration at gitlab.com. For a self-managed GitLab, use [`Provider::new`] and [`ProviderPreset::GitLab`].
    pub fn gitlab(client_id: impl Into<String>) -> Self {
        Self::new("https://gitlab.com", client_id)
            .preset(ProviderPreset::GitLab)
            .label("GitLab")
    }

    /// A registration at Microsoft Entra ID. The tenant is a tenant id, or `organizations` or `common` for those of all tenants
    /// (and personal accounts): then the issuer of a person is that of their own tenant, which the token's `tid` must
    /// name. Anybody with an account at Microsoft can sign in there: let the
    /// [`on_login`](crate::GateBuilder::on_login) hook decide by the claim `tid`.
    ///
    /// A tenant's domain name is not enough: Microsoft's issuers have the id.
    pub fn entra_id(tenant: impl AsRef<str>, client_id: impl Into<String>) -> Self {
        let tenant = tenant.as_ref();
        Self::new(
            format!("https://login.microsoftonline.com/{tenant}/v2.0"),
            client_id,
        )
        .preset(ProviderPreset::EntraId)
        .label("Microsoft")
    }

    /// A registration at Amazon Cognito: an app client of the user pool with this id, such as `eu-central-1_AbCdEfGhI`, which
    /// names its region. The user pool needs a domain; its metadata says which.
    ///
    /// ```
    /// # use latchgate::Provider;
    /// let cognito = Provider::cognito("eu-central-1_AbCdEfGhI", "my-client-id").client_secret("s3cret");
    /// ```
    pub fn cognito(user_pool_id: impl AsRef<str>, client_id: impl Into<String>) -> Self {
        let pool = user_pool_id.as_ref();
        let region = pool.split_once('_').map_or("", |(region, _)| region);
        Self::new(
            format!("https://cognito-idp.{region}.amazonaws.com/{pool}"),
            client_id,
        )
        .preset(ProviderPreset::Cognito)
        .label("Cognito")
    }

    /// A registration at Apple: the client id is that of the Services ID. Apple sends the response by a form, from another
    /// site, and authenticates clients with a JWT that expires: [`ClientAuth::AppleClientSecret`] makes a new one for each
    /// request. The name of a person, which Apple sends once, unsigned and outside the ID token, is not read.
    pub fn apple(client_id: impl Into<String>) -> Self {
        Self::new("https://appleid.apple.com", client_id)
            .preset(ProviderPreset::Apple)
            .scopes(["openid", "email", "name"])
            .response_mode(ResponseMode::FormPost)
            .label("Apple")
    }

    /// The same at another issuer.
    pub(crate) fn at_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = issuer.into();
        self
    }
}
