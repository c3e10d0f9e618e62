//! The settings of an API: of one beside a login, and of one without.

use super::Settings;
use crate::builder::{ApiBuilder, ProtectedResource};
use crate::config::{ConfigError, Mistake, Mistakes, Problem};
use crate::gate::{Api, BasePath};
use crate::resource::{AccessTokenBinding, AccessTokenTypes, ProofNonces};

/// What says nothing without an audience.
const OPTIONS: [&str; 7] = [
    "api_alg",
    "api_token_types",
    "api_token_binding",
    "api_dpop_nonces",
    "api_dpop_proofs",
    "api_introspection",
    "api_scopes",
];

impl Settings {
    /// Starts to build an API with these settings, for options that exist in code only: `issuer`, `discovery`, those that
    /// begin with `api_`, `preset`, `role_claim`, `permission_claim`, `base_url`, `base_path`, `session_keys` and `ca_file`; and `client_id`,
    /// `client_secret` and `client_auth` for introspection. The others are about logins, and are not looked at. Mistakes
    /// are reported when the API is built.
    pub fn api_builder(&self) -> ApiBuilder {
        let mut mistakes = self.mistakes.clone();
        let resource = self.resource(&mut mistakes);
        let mut resource = resource.unwrap_or_else(|| ProtectedResource::new(""));
        if let Some(Some(preset)) = mistakes.keep(self.preset()) {
            resource = resource.preset(preset);
        }
        if let Some(Some(path)) = mistakes.keep(self.parsed("role_claim", Problem::ClaimPath)) {
            resource = resource.role_claim(path);
        }
        if let Some(Some(path)) = mistakes.keep(self.parsed("permission_claim", Problem::ClaimPath))
        {
            resource = resource.permission_claim(path);
        }
        let mut builder = ApiBuilder::new(self.get("issuer").unwrap_or_default(), resource);
        if let Some(Some(discovery)) = mistakes.keep(self.discovery()) {
            builder = builder.discovery(discovery);
        }
        if let Some(url) = self.get("base_url") {
            builder = builder.base_url(url);
        }
        if let Some(keys) = mistakes.keep(self.session_keys()) {
            builder = builder.session_keys(keys);
        }
        let forms = [("kept", BasePath::Kept), ("stripped", BasePath::Stripped)];
        let arrives = self.word("base_path", "kept, stripped", &forms);
        if let Some(Some(arrives)) = mistakes.keep(arrives) {
            builder = builder.base_path(arrives);
        }
        if let Some(Some(pem)) = mistakes.keep(self.ca_file()) {
            builder = builder.extra_roots(pem);
        }
        builder.mistaken(mistakes)
    }

    /// Builds the API, without the network.
    ///
    /// # Errors
    ///
    /// Every setting that is unknown, missing, malformed or contradicts another.
    pub fn build_api(&self) -> Result<Api, ConfigError> {
        self.api_builder().build()
    }

    /// The API that access tokens are for, if there is one.
    pub(super) fn resource(&self, mistakes: &mut Mistakes) -> Option<ProtectedResource> {
        let Some(audience) = self.get("api_audience") else {
            if OPTIONS.iter().any(|name| self.get(name).is_some()) {
                mistakes.add(Mistake::new("api_audience", Problem::Missing));
            }
            return None;
        };
        let mut resource = ProtectedResource::new(audience);
        if let Some(alg) = self.get("api_alg") {
            let alg = alg.parse().map_err(Problem::Algorithm);
            let alg = alg.map_err(|problem| Mistake::new("api_alg", problem));
            if let Some(alg) = mistakes.keep(alg) {
                resource = resource.alg(alg);
            }
        }
        let types = [
            ("at+jwt", AccessTokenTypes::AtJwt),
            ("jwt", AccessTokenTypes::AnyJwt),
        ];
        let types = self.word("api_token_types", "at+jwt, jwt", &types);
        if let Some(Some(types)) = mistakes.keep(types) {
            resource = resource.token_types(types);
        }
        let bindings = [
            ("optional", AccessTokenBinding::Optional),
            ("required", AccessTokenBinding::Required),
        ];
        let binding = self.word("api_token_binding", "optional, required", &bindings);
        if let Some(Some(binding)) = mistakes.keep(binding) {
            resource = resource.token_binding(binding);
        }
        let nonces = [
            ("unused", ProofNonces::Unused),
            ("required", ProofNonces::Required),
        ];
        let nonces = self.word("api_dpop_nonces", "unused, required", &nonces);
        if let Some(Some(nonces)) = mistakes.keep(nonces) {
            resource = resource.proof_nonces(nonces);
        }
        if let Some(Some(store)) = mistakes.keep(self.shared_store("api_dpop_proofs")) {
            resource = resource.proofs_opened(store);
        }
        let switch = [("true", true), ("false", false)];
        let introspects = self.word("api_introspection", "true, false", &switch);
        if let Some(Some(true)) = mistakes.keep(introspects)
            && let Some(auth) = mistakes.keep(self.client_auth())
        {
            resource = resource.introspection(self.get("client_id").unwrap_or_default(), auth);
        }
        if let Some(scopes) = self.get("api_scopes") {
            resource = resource.scopes_supported(scopes.split_whitespace());
        }
        Some(resource)
    }
}
