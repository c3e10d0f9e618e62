//! The settings of an API: of one beside a login, and of one without.

use super::Settings;
use super::reading::{Given as _, Reading};
use crate::builder::{ApiBuilder, ProtectedResource};
use crate::config::{ConfigError, Problem};
use crate::gate::Api;

impl Settings {
    /// Starts to build an API with these settings, for options that exist in code only: `issuer`, `discovery`, those that
    /// begin with `api_`, `preset`, `role_claim`, `permission_claim`, `base_url`, `base_path`, `session_keys` and `ca_file`; and `client_id`,
    /// `client_secret` and `client_auth` for introspection. The others are about logins, and are not looked at. Mistakes
    /// are reported when the API is built.
    pub fn api_builder(&self) -> ApiBuilder {
        let mut read = self.reading();
        let resource = self.resource(&mut read);
        let resource = resource
            .unwrap_or_else(|| ProtectedResource::new(""))
            .given(read.word("preset"), ProtectedResource::preset)
            .given(
                read.parsed("role_claim", Problem::ClaimPath),
                ProtectedResource::role_claim,
            )
            .given(
                read.parsed("permission_claim", Problem::ClaimPath),
                ProtectedResource::permission_claim,
            );
        ApiBuilder::new(read.text("issuer").unwrap_or_default(), resource)
            .given(read.word("discovery"), ApiBuilder::discovery)
            .given(read.text("base_url"), ApiBuilder::base_url)
            .given(read.session_keys(), ApiBuilder::session_keys)
            .given(read.word("base_path"), ApiBuilder::base_path)
            .given(read.file("ca_file"), ApiBuilder::extra_roots)
            .mistaken(read.mistakes)
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
    pub(super) fn resource(&self, read: &mut Reading<'_>) -> Option<ProtectedResource> {
        let Some(audience) = read.text("api_audience") else {
            let mut given = self.values.keys().filter(|name| read.text(name).is_some());
            // What says nothing without an audience.
            if given.any(|name| name.starts_with("api_")) {
                read.mistakes.add("api_audience", Problem::Missing);
            }
            return None;
        };
        let introspection = match read.is_on("api_introspection") {
            true => {
                let auth = read.client_auth();
                read.mistakes.keep(auth)
            }
            false => None,
        };
        let client_id = read.text("client_id").unwrap_or_default();
        let resource = ProtectedResource::new(audience)
            .given(
                read.parsed("api_alg", Problem::Algorithm),
                ProtectedResource::alg,
            )
            .given(read.word("api_token_types"), ProtectedResource::token_types)
            .given(
                read.word("api_token_binding"),
                ProtectedResource::token_binding,
            )
            .given(
                read.word("api_dpop_nonces"),
                ProtectedResource::proof_nonces,
            )
            .given(
                read.shared_store("api_dpop_proofs", &self.stores),
                ProtectedResource::proofs_opened,
            )
            .given(introspection, |resource, auth| {
                resource.introspection(client_id, auth)
            })
            .given(
                read.words("api_scopes"),
                ProtectedResource::scopes_supported,
            );
        Some(resource)
    }
}
