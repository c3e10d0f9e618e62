//! The words that settings accept.

use crate::authorization::{Prompt, RememberMe};
use crate::client::{AssertionAudience, ResponseMode, SecurityProfile, Usage, UserinfoPolicy};
use crate::gate::BasePath;
use crate::provider::{Discovery, ProviderPreset};
use crate::resource::{AccessTokenBinding, AccessTokenTypes, ProofNonces};
use crate::session::SessionCeiling;

/// What one of a few words says.
pub(super) trait Word: Copy + 'static {
    /// Each word, and what it says.
    const WORDS: &'static [(&'static str, Self)];
}

/// Lists the words of types, in the order in which an error names them.
macro_rules! words {
    ($($type:ty { $($word:literal: $meaning:expr),+ $(,)? })+) => {$(
        impl Word for $type {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, $meaning)),+];
        }
    )+};
}

words! {
    bool { "true": true, "false": false }
    Usage { "auto": Self::WhenRequired, "true": Self::Always, "false": Self::Never }
    UserinfoPolicy { "true": Self::Always, "false": Self::Never }
    BasePath { "kept": Self::Kept, "stripped": Self::Stripped }
    Discovery { "openid": Self::OpenId, "oauth2": Self::OAuth2 }
    AssertionAudience { "issuer": Self::Issuer, "token_endpoint": Self::TokenEndpoint }
    SecurityProfile { "fapi2": Self::Fapi2, "fapi2_message_signing": Self::Fapi2MessageSigning }
    SessionCeiling { "session_expiry": Self::SessionExpiry, "id_token": Self::IdToken }
    RememberMe { "always": Self::Always, "never": Self::Never, "ask": Self::Ask }
    AccessTokenTypes { "at+jwt": Self::AtJwt, "jwt": Self::AnyJwt }
    AccessTokenBinding { "optional": Self::Optional, "required": Self::Required }
    ProofNonces { "unused": Self::Unused, "required": Self::Required }
    ResponseMode {
        "query": Self::Query,
        "form_post": Self::FormPost,
        "jwt": Self::Jwt,
        "query.jwt": Self::QueryJwt,
        "form_post.jwt": Self::FormPostJwt,
    }
    Prompt {
        "none": Self::None,
        "login": Self::Login,
        "consent": Self::Consent,
        "select_account": Self::SelectAccount,
        "create": Self::Create,
    }
    ProviderPreset {
        "plain": Self::Plain,
        "auth0": Self::Auth0,
        "keycloak": Self::Keycloak,
        "entra_id": Self::EntraId,
        "okta": Self::Okta,
        "google": Self::Google,
        "gitlab": Self::GitLab,
        "apple": Self::Apple,
        "github": Self::GitHub,
        "discord": Self::Discord,
        "cognito": Self::Cognito,
        "zitadel": Self::Zitadel,
        "authentik": Self::Authentik,
        "authelia": Self::Authelia,
        "dex": Self::Dex,
    }
}
