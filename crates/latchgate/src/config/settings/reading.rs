//! What the settings mean: from text to a builder, setting by setting.

use std::sync::Arc;

use super::super::{ConfigError, Problem};
use super::Settings;
use crate::authorization::{LoginOptions, Prompt};
use crate::builder::{GateBuilder, Provider, Ready};
use crate::client::{ClientAuth, ClientSecret, ResponseMode, UserinfoPolicy};
use crate::gate::{BasePath, Gate};
use crate::logout::ClearSiteData;
use crate::provider::{ClaimPath, ProviderPreset};
use crate::seal::SessionKey;
use crate::session::{MemoryStore, SessionStore};

impl Settings {
    /// Starts to build a gate with these settings, for knobs that only code can turn.
    ///
    /// # Errors
    ///
    /// As [`Settings::build`].
    pub fn builder(&self) -> Result<GateBuilder<Ready>, ConfigError> {
        let provider = self.provider()?;
        let mut builder = Gate::builder()
            .base_url(self.require("base_url")?)
            .provider(provider)
            .session_keys(self.session_keys()?);
        builder = self.lifetimes(builder)?;
        if let Some(name) = self.get("cookie_name") {
            builder = builder.cookie_name(name);
        }
        let forms = [("kept", BasePath::Kept), ("stripped", BasePath::Stripped)];
        if let Some(arrives) = self.word("base_path", "kept, stripped", &forms)? {
            builder = builder.base_path(arrives);
        }
        if let Some(path) = self.get("login_path") {
            builder = builder.login_path(path);
        }
        if let Some(path) = self.get("callback_path") {
            builder = builder.callback_path(path);
        }
        if let Some(path) = self.get("logout_path") {
            builder = builder.logout_path(path);
        }
        if let Some(path) = self.get("backchannel_logout_path") {
            builder = builder.back_channel_logout_path(path);
        }
        if let Some(path) = self.get("frontchannel_logout_path") {
            builder = builder.front_channel_logout_path(path);
        }
        if let Some(kinds) = self.get("clear_site_data") {
            let accepted = "cache, storage, or both with a comma between them";
            let kinds = ClearSiteData::parse_list(kinds).ok_or(ConfigError::new(
                "clear_site_data",
                Problem::Word { accepted },
            ))?;
            builder = builder.clear_site_data(kinds);
        }
        if let Some(path) = self.get("after_logout_path") {
            builder = builder.after_logout_path(path);
        }
        if let Some(path) = self.get("ca_file") {
            let pem = std::fs::read(path)
                .map_err(|problem| ConfigError::new("ca_file", Problem::File(problem)))?;
            builder = builder.extra_roots(pem);
        }
        if let Some(store) = self.store("store")? {
            builder = builder.store_opened(store);
        }
        if let Some(store) = self.store("revocations")? {
            builder = builder.revocations_opened(store);
        }
        for name in ["par", "dpop"] {
            let accepted = "auto, true, false";
            if self.word(
                name,
                accepted,
                &[("auto", false), ("false", false), ("true", true)],
            )? == Some(true)
            {
                return Err(ConfigError::new(name, Problem::NotInThisVersion));
            }
        }
        Ok(builder)
    }

    /// The store that a setting names; `None` for the cookie.
    fn store(&self, name: &'static str) -> Result<Option<Arc<dyn SessionStore>>, ConfigError> {
        let url = match self.get(name) {
            None | Some("cookie") => return Ok(None),
            Some("memory") => return Ok(Some(Arc::new(MemoryStore::default()))),
            Some(url) => url,
        };
        match self.stores.iter().find_map(|open| open(url)) {
            Some(Ok(store)) => Ok(Some(store)),
            Some(Err(problem)) => Err(ConfigError::new(name, Problem::Store(problem))),
            None if ["redis", "valkey", "postgres"]
                .iter()
                .any(|scheme| url.starts_with(scheme)) =>
            {
                Err(ConfigError::new(name, Problem::StoreElsewhere))
            }
            None => {
                let accepted = "cookie, memory, redis://…, postgres://…";
                Err(ConfigError::new(name, Problem::Word { accepted }))
            }
        }
    }

    fn provider(&self) -> Result<Provider, ConfigError> {
        let mut provider = Provider::new(self.require("issuer")?, self.require("client_id")?)
            .client_auth(self.client_auth()?);
        if let Some(scopes) = self.get("scopes") {
            provider = provider.scopes(scopes.split_whitespace());
        }
        if let Some(audience) = self.get("audience") {
            provider = provider.audience(audience);
        }
        for resource in self.get("resource").unwrap_or_default().split_whitespace() {
            provider = provider.resource(resource);
        }
        for audience in self
            .get("trusted_audiences")
            .unwrap_or_default()
            .split_whitespace()
        {
            provider = provider.trusted_audience(audience);
        }
        if let Some(mode) = self.word(
            "response_mode",
            "query, form_post",
            &[
                ("query", ResponseMode::Query),
                ("form_post", ResponseMode::FormPost),
            ],
        )? {
            provider = provider.response_mode(mode);
        }
        if let Some(alg) = self.get("id_token_alg") {
            let alg = alg
                .parse()
                .map_err(|problem| ConfigError::new("id_token_alg", Problem::Algorithm(problem)))?;
            provider = provider.id_token_alg(alg);
        }
        if let Some(policy) = self.word(
            "userinfo",
            "true, false",
            &[
                ("true", UserinfoPolicy::Always),
                ("false", UserinfoPolicy::Never),
            ],
        )? {
            provider = provider.userinfo(policy);
        }
        let presets = [
            ("plain", ProviderPreset::Plain),
            ("auth0", ProviderPreset::Auth0),
            ("keycloak", ProviderPreset::Keycloak),
            ("entra_id", ProviderPreset::EntraId),
            ("okta", ProviderPreset::Okta),
        ];
        if let Some(preset) =
            self.word("preset", "plain, auth0, keycloak, entra_id, okta", &presets)?
        {
            provider = provider.preset(preset);
        }
        provider = provider.login_options(self.login_options()?);
        if let Some(path) = self.claim_path("role_claim")? {
            provider = provider.role_claim(path);
        }
        if let Some(path) = self.claim_path("permission_claim")? {
            provider = provider.permission_claim(path);
        }
        Ok(provider)
    }

    /// What every login asks for.
    fn login_options(&self) -> Result<LoginOptions, ConfigError> {
        let mut options = LoginOptions::new();
        let prompts = [
            ("none", Prompt::None),
            ("login", Prompt::Login),
            ("consent", Prompt::Consent),
            ("select_account", Prompt::SelectAccount),
            ("create", Prompt::Create),
        ];
        let accepted = "none, login, consent, select_account, create";
        if let Some(prompt) = self.word("prompt", accepted, &prompts)? {
            options = options.prompt(prompt);
        }
        if let Some(age) = self.duration("max_age")? {
            options = options.max_age(age);
        }
        if let Some(values) = self.get("acr_values") {
            options = options.acr_values(values);
        }
        if let Some(locales) = self.get("ui_locales") {
            options = options.ui_locales(locales);
        }
        Ok(options)
    }

    fn client_auth(&self) -> Result<ClientAuth, ConfigError> {
        let secret = self
            .values
            .get("client_secret")
            .filter(|secret| !secret.is_empty())
            .cloned()
            .map(ClientSecret::new);
        let missing = ConfigError::new("client_secret", Problem::NoClientAuth);
        match (self.get("client_auth"), secret) {
            (None | Some("client_secret_basic"), Some(secret)) => {
                Ok(ClientAuth::ClientSecretBasic(secret))
            }
            (Some("client_secret_post"), Some(secret)) => Ok(ClientAuth::ClientSecretPost(secret)),
            (Some("none"), None) => Ok(ClientAuth::None),
            (Some("none"), Some(_)) => {
                Err(ConfigError::new("client_secret", Problem::SecretWithoutUse))
            }
            (None | Some("client_secret_basic" | "client_secret_post"), None) => Err(missing),
            (Some("client_secret_jwt" | "private_key_jwt" | "tls_client_auth"), _) => {
                Err(ConfigError::new("client_auth", Problem::NotInThisVersion))
            }
            (Some(_), _) => {
                let accepted = "client_secret_basic, client_secret_post, none";
                Err(ConfigError::new("client_auth", Problem::Word { accepted }))
            }
        }
    }

    fn session_keys(&self) -> Result<Vec<SessionKey>, ConfigError> {
        let Some(keys) = self.get("session_keys") else {
            return Ok(Vec::new());
        };
        keys.split(',')
            .enumerate()
            .map(|(index, key)| {
                SessionKey::from_base64(key.trim()).map_err(|problem| {
                    ConfigError::new(
                        "session_keys",
                        Problem::Key {
                            position: index + 1,
                            problem,
                        },
                    )
                })
            })
            .collect()
    }

    fn claim_path(&self, name: &'static str) -> Result<Option<ClaimPath>, ConfigError> {
        self.get(name)
            .map(|path| {
                path.parse()
                    .map_err(|problem| ConfigError::new(name, Problem::ClaimPath(problem)))
            })
            .transpose()
    }
}
