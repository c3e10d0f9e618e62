//! The names of all settings, in the order in which mistakes are reported.

use SettingKind::{List, Seconds, Switch, Tables, Text, Words};
use Subject::{Application, Provider};

/// The prefix of all environment variables.
pub(crate) const PREFIX: &str = "LATCHGATE_";

/// A setting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// Its TOML key. The environment variable is [`PREFIX`] and the name in capitals.
    pub(crate) name: &'static str,
    pub(crate) kind: SettingKind,
    subject: Subject,
}

/// The kind of a setting, for which a TOML table may have another type than string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SettingKind {
    /// A string.
    Text,
    /// A string, or `true` or `false`.
    Switch,
    /// A string, or a number of seconds.
    Seconds,
    /// A space-separated string, or an array of strings.
    Words,
    /// A comma-separated string, or an array of strings.
    List,
    /// A comma-separated string; in TOML tables instead, which are read elsewhere.
    Tables,
}

/// What a setting is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Application,
    /// One provider: each of several has its own.
    Provider,
}

const fn setting(name: &'static str, kind: SettingKind, subject: Subject) -> Setting {
    Setting {
        name,
        kind,
        subject,
    }
}

/// Every setting, in the order of the table at [`Settings`](crate::Settings).
pub(crate) const SETTINGS: &[Setting] = &[
    setting("base_url", Text, Application),
    setting("issuer", Text, Provider),
    setting("client_id", Text, Provider),
    setting("client_secret", Text, Provider),
    setting("client_auth", Text, Provider),
    setting("client_key_file", Text, Provider),
    setting("client_key_id", Text, Provider),
    setting("client_cert_file", Text, Provider),
    setting("client_auth_alg", Text, Provider),
    setting("assertion_audience", Text, Provider),
    setting("session_keys", List, Application),
    setting("cookie_name", Text, Application),
    setting("scopes", Words, Provider),
    setting("audience", Text, Provider),
    setting("resource", Words, Provider),
    setting("prompt", Text, Provider),
    setting("max_age", Seconds, Provider),
    setting("acr_values", Words, Provider),
    setting("ui_locales", Words, Provider),
    setting("claims", Text, Provider),
    setting("authorization_details", Text, Provider),
    setting("parameters", List, Provider),
    setting("response_mode", Text, Provider),
    setting("par", Switch, Provider),
    setting("dpop", Switch, Provider),
    setting("certificate_bound_tokens", Switch, Provider),
    setting("signed_requests", Switch, Provider),
    setting("profile", Text, Provider),
    setting("id_token_alg", Text, Provider),
    setting("id_token_encryption_alg", Text, Provider),
    setting("id_token_encryption_enc", Text, Provider),
    setting("decryption_key_file", Text, Provider),
    setting("trusted_audiences", Words, Provider),
    setting("userinfo", Switch, Provider),
    setting("userinfo_alg", Text, Provider),
    setting("userinfo_encryption_alg", Text, Provider),
    setting("userinfo_encryption_enc", Text, Provider),
    setting("preset", Text, Provider),
    setting("role_claim", Text, Provider),
    setting("permission_claim", Text, Provider),
    setting("api_audience", Text, Application),
    setting("api_alg", Text, Application),
    setting("api_token_types", Text, Application),
    setting("api_token_binding", Text, Application),
    setting("api_dpop_nonces", Text, Application),
    setting("api_dpop_proofs", Text, Application),
    setting("api_introspection", Switch, Application),
    setting("api_scopes", Words, Application),
    setting("store", Text, Application),
    setting("session_idle", Text, Application),
    setting("session_absolute", Text, Application),
    setting("session_ceiling", Text, Application),
    setting("remember", Text, Application),
    setting("silent_login", Text, Application),
    setting("visitor_lifetime", Text, Application),
    setting("ui_locales_from_browser", Switch, Application),
    setting("revocations", Text, Application),
    setting("clear_site_data", List, Application),
    setting("base_path", Text, Application),
    setting("login_path", Text, Application),
    setting("initiate_login_path", Text, Application),
    setting("callback_path", Text, Application),
    setting("csrf_protection", Switch, Application),
    setting("trusted_origins", Words, Application),
    setting("session_path", Text, Application),
    setting("session_claims", Words, Application),
    setting("logout_path", Text, Application),
    setting("backchannel_logout_path", Text, Application),
    setting("frontchannel_logout_path", Text, Application),
    setting("after_logout_path", Text, Application),
    setting("ca_file", Text, Application),
    setting("providers", Tables, Application),
    setting("label", Text, Provider),
    setting("email_domains", Words, Provider),
    setting("sign_in_page", Text, Application),
    setting("authorization_endpoint", Text, Provider),
    setting("token_endpoint", Text, Provider),
    setting("userinfo_endpoint", Text, Provider),
    setting("emails_endpoint", Text, Provider),
    setting("claim_mapping", List, Provider),
    setting("discovery", Text, Provider),
    setting("apple_team_id", Text, Provider),
];

impl Setting {
    /// The setting of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }

    pub(crate) fn is_of_a_provider(&self) -> bool {
        self.subject == Subject::Provider
    }
}

/// Whether a mistake is about one provider: each of several has its own.
pub(super) fn is_of_a_provider(name: &str) -> bool {
    let own = !name.starts_with("providers.");
    own && Setting::named(name).is_none_or(Setting::is_of_a_provider)
}

/// The provider and its setting in a name such as `providers.github.client_id`.
fn of_a_provider(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("providers.")?.split_once('.')
}

/// The position of a setting, be it a provider's own; `None` if there is no setting of this name.
pub(crate) fn place(name: &str) -> Option<usize> {
    let own = of_a_provider(name).map_or(name, |(_, setting)| setting);
    SETTINGS.iter().position(|setting| setting.name == own)
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
