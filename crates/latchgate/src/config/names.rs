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
    "response_mode",
    "par",
    "id_token_alg",
    "trusted_audiences",
    "userinfo",
    "preset",
    "role_claim",
    "permission_claim",
    "api_audience",
    "api_alg",
    "api_token_types",
    "api_token_binding",
    "api_introspection",
    "api_scopes",
    "store",
    "session_idle",
    "session_absolute",
    "session_ceiling",
    "remember",
    "revocations",
    "clear_site_data",
    "base_path",
    "login_path",
    "callback_path",
    "logout_path",
    "backchannel_logout_path",
    "frontchannel_logout_path",
    "after_logout_path",
    "ca_file",
];

/// The position of a setting; `None` if there is no setting of this name.
pub(crate) fn place(name: &str) -> Option<usize> {
    NAMES.iter().position(|known| *known == name)
}

/// The environment variable of a setting.
pub(crate) fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_uppercase())
}
