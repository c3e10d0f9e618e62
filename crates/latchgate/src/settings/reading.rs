//! What the settings mean: from text to a builder, setting by setting.

use std::str::FromStr;
use std::sync::Arc;

use super::Settings;
use crate::authorization::{LoginOptions, Prompt};
use crate::builder::{GateBuilder, Provider};
use crate::client::{ResponseMode, Usage, UserinfoPolicy};
use crate::config::{Mistake, Mistakes, Problem};
use crate::gate::BasePath;
use crate::logout::ClearSiteData;
use crate::provider::ProviderPreset;
use crate::seal::SessionKey;
use crate::store::{MemoryStore, SessionStore};

/// The accepted response modes.
const RESPONSE_MODES: &str = "query, form_post, jwt, query.jwt, form_post.jwt";

impl Settings {
    /// Starts to build a gate with these settings, for options that exist in code only.
    /// Mistakes in the settings are reported when the gate is built.
    pub fn builder(&self) -> GateBuilder {
        let mut mistakes = self.mistakes.clone();
        let mut builder = self
            .begin(&mut mistakes)
            .session_keys(mistakes.keep(self.session_keys()).unwrap_or_default());
        builder = self.lifetimes(builder, &mut mistakes);
        if let Some(name) = self.get("cookie_name") {
            builder = builder.cookie_name(name);
        }
        let switch = [("true", true), ("false", false)];
        let from_browser = self.word("ui_locales_from_browser", "true, false", &switch);
        if let Some(Some(true)) = mistakes.keep(from_browser) {
            builder = builder.ui_locales_from_browser();
        }
        let forms = [("kept", BasePath::Kept), ("stripped", BasePath::Stripped)];
        let arrives = self.word("base_path", "kept, stripped", &forms);
        if let Some(Some(arrives)) = mistakes.keep(arrives) {
            builder = builder.base_path(arrives);
        }
        if let Some(path) = self.get("login_path") {
            builder = builder.login_path(path);
        }
        if let Some(path) = self.get("initiate_login_path") {
            builder = builder.initiate_login_path(path);
        }
        if let Some(path) = self.get("callback_path") {
            builder = builder.callback_path(path);
        }
        let csrf = self.word("csrf_protection", "true, false", &switch);
        if let Some(Some(true)) = mistakes.keep(csrf) {
            builder = builder.csrf_protection();
        }
        if let Some(origins) = self.get("trusted_origins") {
            builder = builder.trusted_origins(origins.split_whitespace());
        }
        if let Some(path) = self.get("session_path") {
            builder = builder.session_path(path);
        }
        if let Some(names) = self.get("session_claims") {
            builder = builder.session_claims(names.split_whitespace());
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
        if let Some(path) = self.get("after_logout_path") {
            builder = builder.after_logout_path(path);
        }
        if let Some(page) = self.get("sign_in_page") {
            builder = builder.sign_in_page(page);
        }
        if let Some(kinds) = mistakes.keep(self.clear_site_data()) {
            builder = builder.clear_site_data(kinds);
        }
        if let Some(Some(pem)) = mistakes.keep(self.ca_file()) {
            builder = builder.extra_roots(pem);
        }
        if let Some(Some(store)) = mistakes.keep(self.session_store()) {
            builder = builder.store_opened(store);
        }
        if let Some(Some(store)) = mistakes.keep(self.shared_store("revocations")) {
            builder = builder.revocations_opened(store);
        }
        if let Some(resource) = self.resource(&mut mistakes) {
            builder = builder.api(resource);
        }
        builder.mistaken(mistakes)
    }

    fn clear_site_data(&self) -> Result<Vec<ClearSiteData>, Mistake> {
        let Some(kinds) = self.get("clear_site_data") else {
            return Ok(Vec::new());
        };
        let accepted = "cache, storage, or both with a comma between them";
        ClearSiteData::parse_list(kinds)
            .ok_or(Mistake::new("clear_site_data", Problem::Word { accepted }))
    }

    pub(super) fn ca_file(&self) -> Result<Option<Vec<u8>>, Mistake> {
        let pem = self.get("ca_file").map(std::fs::read).transpose();
        pem.map_err(|problem| Mistake::new("ca_file", Problem::File(problem)))
    }

    /// Where sessions are kept; `None` for the cookie.
    fn session_store(&self) -> Result<Option<Arc<dyn SessionStore>>, Mistake> {
        match self.get("store") {
            None | Some("cookie") => Ok(None),
            Some("memory") => Ok(Some(Arc::new(MemoryStore::default()))),
            Some(url) => {
                let accepted = "cookie, memory, redis://…, postgres://…";
                self.opened("store", url, accepted).map(Some)
            }
        }
    }

    /// A store in which nodes tell each other something.
    pub(super) fn shared_store(
        &self,
        name: &'static str,
    ) -> Result<Option<Arc<dyn SessionStore>>, Mistake> {
        match self.get(name) {
            None => Ok(None),
            Some("cookie" | "memory") => Err(Mistake::new(name, Problem::SharesNothing)),
            Some(url) => {
                let accepted = "redis://…, postgres://…";
                self.opened(name, url, accepted).map(Some)
            }
        }
    }

    /// The store at a URL, by whichever opener knows its scheme.
    fn opened(
        &self,
        name: &'static str,
        url: &str,
        accepted: &'static str,
    ) -> Result<Arc<dyn SessionStore>, Mistake> {
        let elsewhere = ["redis", "valkey", "postgres"];
        match self.stores.iter().find_map(|open| open(url)) {
            Some(Ok(store)) => Ok(store),
            Some(Err(problem)) => Err(Mistake::new(name, Problem::Store(problem))),
            None if elsewhere.iter().any(|scheme| url.starts_with(scheme)) => {
                Err(Mistake::new(name, Problem::StoreElsewhere))
            }
            None => Err(Mistake::new(name, Problem::Word { accepted })),
        }
    }

    pub(super) fn provider(&self, mistakes: &mut Mistakes) -> Provider {
        let text = |name| self.get(name).unwrap_or_default();
        let mut provider = self.named_provider(mistakes);
        provider = self.choice(self.authenticated(provider, mistakes));
        provider = self.encrypted(provider, mistakes);
        if let Some(scopes) = self.get("scopes") {
            provider = provider.scopes(scopes.split_whitespace());
        }
        if let Some(audience) = self.get("audience") {
            provider = provider.audience(audience);
        }
        for resource in text("resource").split_whitespace() {
            provider = provider.resource(resource);
        }
        for audience in text("trusted_audiences").split_whitespace() {
            provider = provider.trusted_audience(audience);
        }
        let modes = [
            ("query", ResponseMode::Query),
            ("form_post", ResponseMode::FormPost),
            ("jwt", ResponseMode::Jwt),
            ("query.jwt", ResponseMode::QueryJwt),
            ("form_post.jwt", ResponseMode::FormPostJwt),
        ];
        let mode = self.word("response_mode", RESPONSE_MODES, &modes);
        if let Some(Some(mode)) = mistakes.keep(mode) {
            provider = provider.response_mode(mode);
        }
        if let Some(Some(par)) = mistakes.keep(self.usage("par")) {
            provider = provider.par(par);
        }
        if let Some(Some(dpop)) = mistakes.keep(self.usage("dpop")) {
            provider = provider.dpop(dpop);
        }
        let bound = [("true", true), ("false", false)];
        let bound = self.word("certificate_bound_tokens", "true, false", &bound);
        if let Some(Some(true)) = mistakes.keep(bound) {
            provider = provider.certificate_bound_tokens();
        }
        if let Some(Some(signed)) = mistakes.keep(self.usage("signed_requests")) {
            provider = provider.signed_requests(signed);
        }
        let profiles = [("fapi2", false), ("fapi2_message_signing", true)];
        let profile = self.word("profile", "fapi2, fapi2_message_signing", &profiles);
        provider = match mistakes.keep(profile).flatten() {
            Some(true) => provider.fapi2_message_signing(),
            Some(false) => provider.fapi2(),
            None => provider,
        };
        if let Some(alg) = self.get("id_token_alg") {
            let alg = alg.parse().map_err(Problem::Algorithm);
            let alg = alg.map_err(|problem| Mistake::new("id_token_alg", problem));
            if let Some(alg) = mistakes.keep(alg) {
                provider = provider.id_token_alg(alg);
            }
        }
        let policies = [
            ("true", UserinfoPolicy::Always),
            ("false", UserinfoPolicy::Never),
        ];
        let policy = self.word("userinfo", "true, false", &policies);
        if let Some(Some(policy)) = mistakes.keep(policy) {
            provider = provider.userinfo(policy);
        }
        if let Some(Some(preset)) = mistakes.keep(self.preset()) {
            provider = provider.preset(preset);
        }
        provider = provider.login_options(self.login_options(mistakes));
        let claims = self.parsed("claims", Problem::Claims);
        if let Some(Some(claims)) = mistakes.keep(claims) {
            provider = provider.claims(claims);
        }
        let details = self.parsed("authorization_details", Problem::AuthorizationDetails);
        if let Some(Some(details)) = mistakes.keep(details) {
            provider = provider.authorization_details(details);
        }
        let parameters = text("parameters").split(',').map(str::trim);
        for pair in parameters.filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some((name, value)) => provider = provider.parameter(name.trim(), value.trim()),
                None => mistakes.add(Mistake::new("parameters", Problem::Parameters)),
            }
        }
        if let Some(Some(path)) = mistakes.keep(self.parsed("role_claim", Problem::ClaimPath)) {
            provider = provider.role_claim(path);
        }
        if let Some(Some(path)) = mistakes.keep(self.parsed("permission_claim", Problem::ClaimPath))
        {
            provider = provider.permission_claim(path);
        }
        provider
    }

    /// When an extension of the protocol is used.
    fn usage(&self, name: &'static str) -> Result<Option<Usage>, Mistake> {
        let words = [
            ("auto", Usage::WhenRequired),
            ("true", Usage::Always),
            ("false", Usage::Never),
        ];
        self.word(name, "auto, true, false", &words)
    }

    /// Where the provider puts roles and permissions.
    pub(super) fn preset(&self) -> Result<Option<ProviderPreset>, Mistake> {
        let presets = [
            ("plain", ProviderPreset::Plain),
            ("auth0", ProviderPreset::Auth0),
            ("keycloak", ProviderPreset::Keycloak),
            ("entra_id", ProviderPreset::EntraId),
            ("okta", ProviderPreset::Okta),
            ("google", ProviderPreset::Google),
            ("gitlab", ProviderPreset::GitLab),
            ("apple", ProviderPreset::Apple),
            ("github", ProviderPreset::GitHub),
            ("discord", ProviderPreset::Discord),
            ("cognito", ProviderPreset::Cognito),
            ("zitadel", ProviderPreset::Zitadel),
            ("authentik", ProviderPreset::Authentik),
            ("authelia", ProviderPreset::Authelia),
            ("dex", ProviderPreset::Dex),
        ];
        let words = "plain, auth0, keycloak, entra_id, okta, google, gitlab, apple, github, discord, cognito, zitadel, authentik, authelia, dex";
        self.word("preset", words, &presets)
    }

    /// What every login asks for.
    fn login_options(&self, mistakes: &mut Mistakes) -> LoginOptions {
        let mut options = LoginOptions::new();
        let prompts = [
            ("none", Prompt::None),
            ("login", Prompt::Login),
            ("consent", Prompt::Consent),
            ("select_account", Prompt::SelectAccount),
            ("create", Prompt::Create),
        ];
        let accepted = "none, login, consent, select_account, create";
        if let Some(Some(prompt)) = mistakes.keep(self.word("prompt", accepted, &prompts)) {
            options = options.prompt(prompt);
        }
        if let Some(Some(age)) = mistakes.keep(self.seconds("max_age")) {
            options = options.max_age(age);
        }
        if let Some(values) = self.get("acr_values") {
            options = options.acr_values(values);
        }
        if let Some(locales) = self.get("ui_locales") {
            options = options.ui_locales(locales);
        }
        options
    }

    pub(super) fn session_keys(&self) -> Result<Vec<SessionKey>, Mistake> {
        let Some(keys) = self.get("session_keys") else {
            return Ok(Vec::new());
        };
        let key = |(index, key): (usize, &str)| {
            SessionKey::from_base64(key.trim()).map_err(|problem| {
                let position = index + 1;
                Mistake::new("session_keys", Problem::Key { position, problem })
            })
        };
        keys.split(',').enumerate().map(key).collect()
    }

    /// A value that its own type reads.
    pub(super) fn parsed<T: FromStr>(
        &self,
        name: &'static str,
        problem: impl Fn(T::Err) -> Problem,
    ) -> Result<Option<T>, Mistake> {
        let value = self.get(name).map(str::parse).transpose();
        value.map_err(|error| Mistake::new(name, problem(error)))
    }
}
