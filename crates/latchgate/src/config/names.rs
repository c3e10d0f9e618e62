//! The names of all settings: what a mistake is called by, and where it stands among others.

/// What the names of environment variables begin with.
pub(crate) const PREFIX: &str = "LATCHGATE_";

/// Every setting, in the order of the table at [`Settings`](crate::Settings). The environment variable is the name in
/// capitals behind [`PREFIX`].
pub(crate) const NAMES: [&str; 36] = [
    "base_url",
    "issuer",
    "client_id",
    "client_secret",
    "client_auth",
    "session_keys",
    "cookie_name",
    "scopes",
    "audience",
    "resource",
    "prompt",
    "max_age",
    "acr_values",
    "ui_locales",
    "response_mode",
    "id_token_alg",
    "trusted_audiences",
    "userinfo",
    "preset",
    "role_claim",
    "permission_claim",
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

/// The place of a setting among all; `None` when there is none of this name.
pub(crate) fn place(name: &str) -> Option<usize> {
    NAMES.iter().position(|known| *known == name)
}

/// The variable of a setting.
pub(crate) fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_uppercase())
}
