//! The names of all settings, in the order in which mistakes are reported.

/// The prefix of all environment variables.
pub(crate) const PREFIX: &str = "LATCHGATE_";

/// Every setting, in the order of the table at [`Settings`](crate::Settings). The environment variable is [`PREFIX`] and
/// the name in capitals.
pub(crate) const NAMES: &[&str] = &[
    "base_url",
    "issuer",
    "client_id",
    "client_secret",
    "client_auth",
    "client_key_file",
    "client_key_id",
    "client_cert_file",
    "client_auth_alg",
    "assertion_audience",
    "session_keys",
    "cookie_name",
    "scopes",
    "audience",
    "resource",
    "prompt",
    "max_age",
    "acr_values",
    "ui_locales",
    "claims",
    "authorization_details",
    "parameters",
    "response_mode",
    "par",
    "dpop",
    "certificate_bound_tokens",
    "signed_requests",
    "profile",
    "id_token_alg",
    "id_token_encryption_alg",
    "id_token_encryption_enc",
    "decryption_key_file",
    "trusted_audiences",
    "userinfo",
    "userinfo_alg",
    "userinfo_encryption_alg",
    "userinfo_encryption_enc",
    "preset",
    "role_claim",
    "permission_claim",
    "api_audience",
    "api_alg",
    "api_token_types",
    "api_token_binding",
    "api_dpop_nonces",
    "api_dpop_proofs",
    "api_introspection",
    "api_scopes",
    "store",
    "session_idle",
    "session_absolute",
    "session_ceiling",
    "remember",
    "silent_login",
    "visitor_lifetime",
    "ui_locales_from_browser",
    "revocations",
    "clear_site_data",
    "base_path",
    "login_path",
    "initiate_login_path",
    "callback_path",
    "csrf_protection",
    "trusted_origins",
    "session_path",
    "session_claims",
    "logout_path",
    "backchannel_logout_path",
    "frontchannel_logout_path",
    "after_logout_path",
    "ca_file",
    "providers",
    "label",
    "email_domains",
    "sign_in_page",
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "emails_endpoint",
    "claim_mapping",
    "discovery",
    "apple_team_id",
];

/// The settings that are not about one provider.
const OF_THE_APPLICATION: &[&str] = &[
    "base_url",
    "session_keys",
    "cookie_name",
    "store",
    "session_idle",
    "session_absolute",
    "session_ceiling",
    "remember",
    "silent_login",
    "visitor_lifetime",
    "ui_locales_from_browser",
    "revocations",
    "clear_site_data",
    "base_path",
    "login_path",
    "initiate_login_path",
    "callback_path",
    "csrf_protection",
    "trusted_origins",
    "session_path",
    "session_claims",
    "logout_path",
    "backchannel_logout_path",
    "frontchannel_logout_path",
    "after_logout_path",
    "ca_file",
    "providers",
    "sign_in_page",
    "api_audience",
    "api_alg",
    "api_token_types",
    "api_token_binding",
    "api_dpop_nonces",
    "api_dpop_proofs",
    "api_introspection",
    "api_scopes",
];

/// Whether a setting is about one provider: each of several has its own.
pub(crate) fn is_of_a_provider(setting: &str) -> bool {
    !OF_THE_APPLICATION.contains(&setting) && !setting.starts_with("providers.")
}

/// The provider and its setting in a name such as `providers.github.client_id`.
fn of_a_provider(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("providers.")?.split_once('.')
}

/// The position of a setting, be it a provider's own; `None` if there is no setting of this name.
pub(crate) fn place(name: &str) -> Option<usize> {
    let own = of_a_provider(name).map_or(name, |(_, setting)| setting);
    NAMES.iter().position(|known| *known == own)
}

/// The environment variable of a setting.
pub(crate) fn variable(name: &str) -> String {
    match of_a_provider(name) {
        Some((provider, setting)) => {
            let provider = provider.to_uppercase().replace('-', "_");
            format!("{PREFIX}PROVIDER_{provider}_{}", setting.to_uppercase())
        }
        None => format!("{PREFIX}{}", name.to_uppercase()),
    }
}
