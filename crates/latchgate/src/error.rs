//! All errors in one type, with who is at fault, what the visitor is told, and a stable code.

mod authorization;
mod explained;
mod fault;
mod forward;
mod hook;
mod id_token;
mod layer;
mod request;
mod tenant;

use http::StatusCode;
use tracing::Level;

use crate::authorization::{
    AuthorizationError, InitiateLoginError, PushedRequestError, RequestObjectError,
};
use crate::client::ProfileError;
use crate::hook::HookError;
use crate::io::{HttpError, RandomError};
use crate::logout::{FrontChannelLogoutError, LogoutTokenError};
use crate::provider::{DiscoveryError, KeysError};
use crate::resource::{BearerError, IntrospectionError};
use crate::session::{DataError, SessionTooLarge};
use crate::store::StoreError;
use crate::token::{IdTokenError, JwtError, TokenError};
use crate::userinfo::UserinfoError;
use crate::visitor::VisitorError;

use authorization::refused_by;
pub use explained::ErrorCode;
pub use fault::Fault;
pub use forward::ForwardError;
pub use layer::LayerError;
pub use request::RequestError;
pub use tenant::TenantError;

/// Everything that can go wrong while somebody signs in, stays signed in, or signs out.
///
/// `Display` says what is wrong and what would be right, for logs. Visitors see a page with
/// [`Error::status`], [`Error::code`] and an id, and nothing else.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request to one of our routes is not acceptable.
    #[error("{0}")]
    Request(#[from] RequestError),
    /// A login that a third party wanted to start was refused.
    #[error("{0}")]
    InitiateLogin(#[from] InitiateLoginError),
    /// The login layer is in a place where the gate's own routes do not work.
    #[error("{0}")]
    Layer(#[from] LayerError),
    /// The provider's metadata does not meet the security profile.
    #[error("{0}")]
    Profile(#[from] ProfileError),
    /// The authorization request could not be signed.
    #[error("{0}")]
    RequestObject(#[from] RequestObjectError),
    /// The authorization request could not be pushed to the provider.
    #[error("{0}")]
    PushedRequest(#[from] PushedRequestError),
    /// The authorization response was refused.
    #[error("{0}")]
    Authorization(#[from] AuthorizationError),
    /// The authorization response came as a JWT, which was refused.
    #[error("the authorization response JWT is refused")]
    ResponseJwt(#[from] JwtError),
    /// The provider could not be reached, or its answer could not be read.
    #[error("{0}")]
    Http(#[from] HttpError),
    /// The provider's metadata could not be used.
    #[error("{0}")]
    Discovery(#[from] DiscoveryError),
    /// The provider's keys could not be used.
    #[error("{0}")]
    Keys(#[from] KeysError),
    /// The token request failed.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// The ID token was refused.
    #[error("{0}")]
    IdToken(#[from] IdTokenError),
    /// The userinfo claims could not be used.
    #[error("{0}")]
    Userinfo(#[from] UserinfoError),
    /// The logout token was refused.
    #[error("{0}")]
    LogoutToken(#[from] LogoutTokenError),
    /// The access token of a request to this API was refused.
    #[error("{0}")]
    Bearer(#[from] BearerError),
    /// An access token could not be introspected.
    #[error("{0}")]
    Introspection(#[from] IntrospectionError),
    /// The front-channel logout request was refused.
    #[error("{0}")]
    FrontChannelLogout(#[from] FrontChannelLogoutError),
    /// The session does not fit into cookies.
    #[error("{0}")]
    SessionTooLarge(#[from] SessionTooLarge),
    /// The session store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The random generator failed.
    #[error("{0}")]
    Random(#[from] RandomError),
    /// There is no provider for a login, because of the name of a tenant.
    #[error("{0}")]
    Tenant(#[from] TenantError),
    /// The access token has expired and the provider is unavailable.
    #[error("the access token has expired and cannot be refreshed at the moment")]
    RefreshUnavailable,
    /// The access token has expired, and the provider has granted no refresh token.
    #[error(
        "the access token cannot be refreshed: the provider granted no refresh token; request the scope `offline_access`, and allow it at the provider"
    )]
    NoRefreshToken,
    /// The application has started the session itself, so no provider has issued an access token for it.
    #[error(
        "the application has started this session itself, so there is no access token; whoever needs one signs in at the provider"
    )]
    NoAccessToken,
    /// The subject of somebody to sign in is empty or longer than 255 characters.
    #[error("the subject of somebody to sign in must have 1 to 255 characters")]
    NoSubject,
    /// What was asked for comes with a session, and the request presents an access token instead.
    #[error(
        "this needs a session, and the request presents an access token instead; a token for this API must not be passed on to another"
    )]
    SessionRequired,
    /// A hook of the application refused the login or failed.
    #[error("{0}")]
    Hook(#[source] HookError),
    /// A rule of the application in a guard could not decide.
    #[error("a rule of the application in a guard could not decide")]
    Guard(#[source] HookError),
    /// The application's data in the session cannot be read or stored.
    #[error("{0}")]
    Data(#[from] DataError),
    /// The application's data for a visitor cannot be stored.
    #[error("{0}")]
    Visitor(#[from] VisitorError),
    /// An API that a handler calls could not be reached, or the call could not be made.
    #[error("a call to another API failed")]
    ApiCall(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A request was not forwarded to an API, or the API's response not passed on.
    #[error("{0}")]
    Forward(#[from] ForwardError),
    /// The session has ended since the request arrived.
    #[error("the session has ended since the request arrived")]
    SessionEnded,
    /// The server stopped before this was done.
    #[error("the server stopped before this was done")]
    Interrupted,
    /// The provider limits the session to a time that has already passed.
    #[error(
        "the session would expire before it begins: the ID token's `session_expiry`, or its `exp` where `session_ceiling` is `id_token`, is in the past; check both clocks"
    )]
    CeilingReached,
}

impl Error {
    /// Who has to do something about it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Request(_)
            | Self::InitiateLogin(_)
            | Self::FrontChannelLogout(_)
            | Self::Bearer(_) => Fault::Visitor,
            Self::Tenant(error) => error.fault(),
            Self::Forward(error) => error.fault(),
            Self::Introspection(IntrospectionError::NoEndpoint) => Fault::Configuration,
            Self::Introspection(IntrospectionError::Status(StatusCode::UNAUTHORIZED)) => {
                Fault::Configuration
            }
            // Anybody can send an unsigned token, or replay a signed one.
            Self::LogoutToken(
                LogoutTokenError::Form
                | LogoutTokenError::Replayed
                | LogoutTokenError::Token(JwtError::Jws(_)),
            ) => Fault::Visitor,
            Self::Authorization(error) => match error {
                AuthorizationError::IssMismatch
                | AuthorizationError::IssMissing
                | AuthorizationError::ResponseMissing => Fault::Provider,
                AuthorizationError::Refused { error, .. } => refused_by(error),
                _ => Fault::Visitor,
            },
            Self::ResponseJwt(JwtError::Jws(_)) => Fault::Visitor,
            Self::PushedRequest(error) if error.is_by_configuration() => Fault::Configuration,
            Self::Token(TokenError::Refused { error, .. }) => match error.as_str() {
                "invalid_grant" => Fault::Visitor,
                "invalid_client" | "unauthorized_client" | "invalid_scope" | "invalid_target" => {
                    Fault::Configuration
                }
                _ => Fault::Provider,
            },
            Self::Token(TokenError::Unbuildable | TokenError::Resource(_)) | Self::Layer(_) => {
                Fault::Configuration
            }
            Self::Profile(_) | Self::RequestObject(_) => Fault::Configuration,
            Self::SessionTooLarge(_)
            | Self::Userinfo(UserinfoError::NoEndpoint)
            | Self::NoRefreshToken => Fault::Configuration,
            Self::Store(_) | Self::Random(_) | Self::Interrupted => Fault::Store,
            Self::Hook(HookError::Refused { .. })
            | Self::SessionEnded
            | Self::Visitor(VisitorError::CrossSite) => Fault::Visitor,
            Self::Hook(_)
            | Self::Guard(_)
            | Self::Data(_)
            | Self::Visitor(_)
            | Self::ApiCall(_)
            | Self::SessionRequired
            | Self::NoAccessToken
            | Self::NoSubject => Fault::Application,
            Self::IdToken(IdTokenError::AuthenticationContext | IdTokenError::AnotherPerson) => {
                Fault::Visitor
            }
            _ => Fault::Provider,
        }
    }

    /// Whether a refresh that failed with it is final: the grant is gone, or the tokens are somebody else's.
    pub(crate) fn ends_the_session(&self) -> bool {
        match self {
            Self::Token(error) => error.is_final(),
            Self::IdToken(error) => error.disowns_the_session(),
            Self::Userinfo(error) => matches!(error, UserinfoError::Subject),
            _ => false,
        }
    }

    /// The log level: an error needs somebody to act, so what any stranger can cause is not one.
    pub(crate) fn level(&self) -> Level {
        match (self, self.fault()) {
            (_, Fault::Visitor) => Level::INFO,
            // An invented `kid` is enough to cause this, or invented names.
            (Self::Http(HttpError::NoNewerKeys) | Self::Tenant(_), _) => Level::WARN,
            // One person with many connections is enough.
            (Self::Forward(ForwardError::Busy), _) => Level::WARN,
            _ => Level::ERROR,
        }
    }

    /// The status the visitor gets.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match (self, self.fault()) {
            (Self::Request(RequestError::Method { .. }), _) => StatusCode::METHOD_NOT_ALLOWED,
            (
                Self::Request(RequestError::NotANavigation | RequestError::CrossSite)
                | Self::Visitor(VisitorError::CrossSite),
                _,
            ) => StatusCode::FORBIDDEN,
            (Self::Authorization(AuthorizationError::Refused { .. }), Fault::Visitor) => {
                StatusCode::FORBIDDEN
            }
            (Self::LogoutToken(_) | Self::ResponseJwt(_), _) => StatusCode::BAD_REQUEST,
            (Self::Tenant(error), _) => error.status(),
            (Self::Bearer(error), _) if error.error() == "invalid_request" => {
                StatusCode::BAD_REQUEST
            }
            (Self::Bearer(_), _) => StatusCode::UNAUTHORIZED,
            // Not the client's fault, and worth another attempt.
            (Self::Introspection(_), _) => StatusCode::SERVICE_UNAVAILABLE,
            (Self::SessionEnded | Self::NoRefreshToken, _) => StatusCode::UNAUTHORIZED,
            (
                Self::Hook(HookError::Refused { .. }) | Self::SessionRequired | Self::NoAccessToken,
                _,
            ) => StatusCode::FORBIDDEN,
            (Self::ApiCall(_), _) => StatusCode::BAD_GATEWAY,
            (Self::Forward(error), _) => error.status(),
            (Self::IdToken(_), Fault::Visitor) => StatusCode::FORBIDDEN,
            (Self::Hook(_) | Self::Guard(_), _) => StatusCode::SERVICE_UNAVAILABLE,
            (Self::Authorization(_), Fault::Visitor | Fault::Provider) => StatusCode::BAD_REQUEST,
            (Self::Http(error), _) if error.is_redirect() => StatusCode::BAD_GATEWAY,
            (Self::Http(_) | Self::RefreshUnavailable, _) | (_, Fault::Store) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            (_, Fault::Visitor) => StatusCode::BAD_REQUEST,
            (_, Fault::Provider) => StatusCode::BAD_GATEWAY,
            (_, Fault::Configuration | Fault::Application) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    #[doc = include_str!("error/codes.md")]
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Request(RequestError::Method { .. }) => "method_not_allowed",
            Self::Request(RequestError::NotANavigation) => "not_a_navigation",
            Self::Request(RequestError::CrossSite) => "cross_site_request",
            Self::Request(RequestError::Body) => "unreadable_form",
            Self::InitiateLogin(InitiateLoginError::Duplicate(_)) => "duplicate_parameter",
            Self::InitiateLogin(_) => "initiate_login_iss",
            Self::Layer(LayerError::OutOfReach { .. }) => "layer_out_of_reach",
            Self::Layer(LayerError::BasePathStripped { .. }) => "base_path_stripped",
            Self::Layer(LayerError::Missing) => "layer_missing",
            Self::Profile(_) => "security_profile",
            Self::RequestObject(_) => "request_object",
            Self::ResponseJwt(_) => "authorization_response_jwt",
            Self::PushedRequest(PushedRequestError::Refused { .. }) => "pushed_request_refused",
            Self::PushedRequest(_) => "pushed_request",
            Self::Authorization(error) => authorization::code(error),
            Self::Http(HttpError::NoNewerKeys) => "provider_keys",
            Self::Http(error) if error.is_redirect() => "provider_redirect",
            Self::Http(_) => "provider_unreachable",
            Self::Discovery(_) => "provider_metadata",
            Self::Keys(_) => "provider_keys",
            Self::Token(TokenError::Refused { .. }) => "token_request_refused",
            Self::Token(TokenError::Resource(_)) => "token_resource",
            Self::Token(_) => "token_response",
            Self::IdToken(error) => id_token::code(error),
            Self::Userinfo(UserinfoError::Subject | UserinfoError::NoSubject) => "userinfo_sub",
            Self::Userinfo(_) => "userinfo",
            Self::LogoutToken(_) => "logout_token",
            Self::Bearer(error) => error.code(),
            Self::Introspection(_) => "introspection",
            Self::FrontChannelLogout(_) => "front_channel_logout",
            Self::SessionTooLarge(_) => "session_too_large",
            Self::Store(_) => "store_unavailable",
            Self::Random(_) => "random_unavailable",
            Self::Tenant(error) => error.code(),
            Self::RefreshUnavailable => "refresh_unavailable",
            Self::NoRefreshToken => "no_refresh_token",
            Self::SessionRequired => "session_required",
            Self::NoAccessToken => "no_access_token",
            Self::NoSubject => "no_subject",
            Self::Hook(HookError::Refused { .. }) => "login_refused",
            Self::Hook(_) => "hook_failed",
            Self::Guard(_) => "guard_failed",
            Self::Data(DataError::TooLarge { .. }) => "session_data_too_large",
            Self::Data(_) => "session_data",
            Self::Visitor(VisitorError::TooLarge { .. }) => "visitor_data_too_large",
            Self::Visitor(VisitorError::CrossSite) => "visitor_data_cross_site",
            Self::Visitor(_) => "visitor_data",
            Self::ApiCall(_) => "api_call",
            Self::Forward(error) => error.code(),
            Self::SessionEnded => "session_ended",
            Self::Interrupted => "interrupted",
            Self::CeilingReached => "session_ceiling",
        }
    }
}

debug_with_causes!(Error);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{JsonError, JweError, JwsError};
    use std::collections::BTreeMap;

    /// Every error there is, with what is promised about it for ever: code, status, fault.
    fn table() -> Vec<(Error, &'static str, u16, Fault)> {
        use Fault::{Application, Configuration, Provider, Store, Visitor};
        let refused = |error: &str| AuthorizationError::Refused {
            error: error.to_owned(),
            description: String::new(),
        };
        let token_refused = |error: &str| TokenError::Refused {
            error: error.to_owned(),
            description: String::new(),
        };
        let bad_gateway = StatusCode::BAD_GATEWAY;
        let too_large = SessionTooLarge { bytes: 2, limit: 1 };
        let down = || StoreError::Unavailable("down".into());
        let json = || TokenError::Json(JsonError::NotObject);
        vec![
            (
                RequestError::Method { allow: "GET" }.into(),
                "method_not_allowed",
                405,
                Visitor,
            ),
            (
                RequestError::NotANavigation.into(),
                "not_a_navigation",
                403,
                Visitor,
            ),
            (
                RequestError::CrossSite.into(),
                "cross_site_request",
                403,
                Visitor,
            ),
            (RequestError::Body.into(), "unreadable_form", 400, Visitor),
            (
                AuthorizationError::Duplicate("code").into(),
                "duplicate_parameter",
                400,
                Visitor,
            ),
            (
                AuthorizationError::StateMissing.into(),
                "state_missing",
                400,
                Visitor,
            ),
            (
                AuthorizationError::NoPendingLogin.into(),
                "no_login_under_way",
                400,
                Visitor,
            ),
            (
                AuthorizationError::StateMismatch.into(),
                "state_mismatch",
                400,
                Visitor,
            ),
            (
                AuthorizationError::OtherProvider.into(),
                "other_provider",
                400,
                Visitor,
            ),
            (
                AuthorizationError::IssMismatch.into(),
                "iss_mismatch",
                400,
                Provider,
            ),
            (
                AuthorizationError::IssMissing.into(),
                "iss_missing",
                400,
                Provider,
            ),
            (
                AuthorizationError::CodeMissing.into(),
                "code_missing",
                400,
                Visitor,
            ),
            (
                refused("access_denied").into(),
                "login_refused_by_provider",
                403,
                Visitor,
            ),
            (
                refused("login_required").into(),
                "login_refused_by_provider",
                403,
                Visitor,
            ),
            (
                refused("server_error").into(),
                "login_refused_by_provider",
                400,
                Provider,
            ),
            (
                refused("invalid_scope").into(),
                "login_refused_by_provider",
                500,
                Configuration,
            ),
            (
                RequestObjectError::NoKey.into(),
                "request_object",
                500,
                Configuration,
            ),
            (
                AuthorizationError::ResponseMissing.into(),
                "response_missing",
                400,
                Provider,
            ),
            (
                JwtError::Jws(JwsError::Unsigned).into(),
                "authorization_response_jwt",
                400,
                Visitor,
            ),
            (
                JwtError::Audience.into(),
                "authorization_response_jwt",
                400,
                Provider,
            ),
            (
                PushedRequestError::Required.into(),
                "pushed_request",
                500,
                Configuration,
            ),
            (
                PushedRequestError::Status(bad_gateway).into(),
                "pushed_request",
                502,
                Provider,
            ),
            (
                PushedRequestError::Refused {
                    error: "invalid_request".to_owned(),
                    description: String::new(),
                }
                .into(),
                "pushed_request_refused",
                500,
                Configuration,
            ),
            (
                HttpError::Timeout.into(),
                "provider_unreachable",
                503,
                Provider,
            ),
            (
                HttpError::TooLarge.into(),
                "provider_unreachable",
                503,
                Provider,
            ),
            (
                HttpError::Redirect(StatusCode::FOUND).into(),
                "provider_redirect",
                502,
                Provider,
            ),
            (
                DiscoveryError::Missing("jwks_uri").into(),
                "provider_metadata",
                502,
                Provider,
            ),
            (
                HttpError::NotPublic.into(),
                "provider_unreachable",
                503,
                Provider,
            ),
            (TenantError::Unknown.into(), "tenant_unknown", 404, Visitor),
            (
                TenantError::Unavailable.into(),
                "tenant_unavailable",
                503,
                Application,
            ),
            (
                TenantError::NoProvider.into(),
                "no_provider",
                500,
                Application,
            ),
            (KeysError::Empty.into(), "provider_keys", 502, Provider),
            (
                token_refused("invalid_grant").into(),
                "token_request_refused",
                400,
                Visitor,
            ),
            (
                token_refused("invalid_client").into(),
                "token_request_refused",
                500,
                Configuration,
            ),
            (
                token_refused("server_error").into(),
                "token_request_refused",
                502,
                Provider,
            ),
            (
                TokenError::Unbuildable.into(),
                "token_response",
                500,
                Configuration,
            ),
            (
                TokenError::Status(bad_gateway).into(),
                "token_response",
                502,
                Provider,
            ),
            (json().into(), "token_response", 502, Provider),
            (
                TokenError::Member("access_token").into(),
                "token_response",
                502,
                Provider,
            ),
            (
                IdTokenError::Missing.into(),
                "id_token_missing",
                502,
                Provider,
            ),
            (
                IdTokenError::Jws(JwsError::Unsigned).into(),
                "id_token_signature",
                502,
                Provider,
            ),
            (
                IdTokenError::Jwe(JweError::NotEncrypted).into(),
                "id_token_encryption",
                502,
                Provider,
            ),
            (IdTokenError::Type.into(), "id_token_typ", 502, Provider),
            (IdTokenError::Issuer.into(), "id_token_iss", 502, Provider),
            (IdTokenError::Audience.into(), "id_token_aud", 502, Provider),
            (
                IdTokenError::SharedSecretAudience.into(),
                "id_token_aud",
                502,
                Provider,
            ),
            (
                IdTokenError::AuthorizedParty.into(),
                "id_token_azp",
                502,
                Provider,
            ),
            (IdTokenError::Expired.into(), "id_token_exp", 502, Provider),
            (IdTokenError::IssuedAt.into(), "id_token_iat", 502, Provider),
            (
                IdTokenError::NotBefore.into(),
                "id_token_nbf",
                502,
                Provider,
            ),
            (
                InitiateLoginError::IssMissing.into(),
                "initiate_login_iss",
                400,
                Visitor,
            ),
            (
                InitiateLoginError::unknown("https://x.example").into(),
                "initiate_login_iss",
                400,
                Visitor,
            ),
            (IdTokenError::Nonce.into(), "id_token_nonce", 502, Provider),
            (
                IdTokenError::AuthenticationContext.into(),
                "id_token_acr",
                403,
                Visitor,
            ),
            (
                IdTokenError::AnotherPerson.into(),
                "id_token_another_person",
                403,
                Visitor,
            ),
            (
                IdTokenError::AuthTime.into(),
                "id_token_auth_time",
                502,
                Provider,
            ),
            (IdTokenError::Subject.into(), "id_token_sub", 502, Provider),
            (
                IdTokenError::AccessTokenHash.into(),
                "id_token_at_hash",
                502,
                Provider,
            ),
            (
                IdTokenError::Refreshed("sub").into(),
                "id_token_changed",
                502,
                Provider,
            ),
            (UserinfoError::Subject.into(), "userinfo_sub", 502, Provider),
            (UserinfoError::ContentType.into(), "userinfo", 502, Provider),
            (
                UserinfoError::NoEndpoint.into(),
                "userinfo",
                500,
                Configuration,
            ),
            (
                FrontChannelLogoutError::Half.into(),
                "front_channel_logout",
                400,
                Visitor,
            ),
            (too_large.into(), "session_too_large", 500, Configuration),
            (down().into(), "store_unavailable", 503, Store),
            (RandomError.into(), "random_unavailable", 503, Store),
            (
                Error::RefreshUnavailable,
                "refresh_unavailable",
                503,
                Provider,
            ),
            (
                BearerError::Malformed.into(),
                "authorization_header",
                400,
                Visitor,
            ),
            (
                BearerError::Several.into(),
                "authorization_header",
                400,
                Visitor,
            ),
            (
                BearerError::Expired.into(),
                "access_token_exp",
                401,
                Visitor,
            ),
            (
                BearerError::Audience.into(),
                "access_token_aud",
                401,
                Visitor,
            ),
            (BearerError::Issuer.into(), "access_token_iss", 401, Visitor),
            (BearerError::Type.into(), "access_token_typ", 401, Visitor),
            (
                BearerError::OtherKind.into(),
                "access_token_typ",
                401,
                Visitor,
            ),
            (
                BearerError::Inactive.into(),
                "access_token_inactive",
                401,
                Visitor,
            ),
            (
                BearerError::Opaque.into(),
                "access_token_opaque",
                401,
                Visitor,
            ),
            (
                BearerError::ProofMissing.into(),
                "access_token_binding",
                401,
                Visitor,
            ),
            (
                BearerError::Proof(crate::resource::DpopProofError::Replayed).into(),
                "dpop_proof_replayed",
                401,
                Visitor,
            ),
            (
                IntrospectionError::Active.into(),
                "introspection",
                503,
                Provider,
            ),
            (
                IntrospectionError::NoEndpoint.into(),
                "introspection",
                503,
                Configuration,
            ),
            (Error::SessionRequired, "session_required", 403, Application),
            (Error::NoAccessToken, "no_access_token", 403, Application),
            (Error::NoSubject, "no_subject", 500, Application),
            (
                Error::NoRefreshToken,
                "no_refresh_token",
                401,
                Configuration,
            ),
            (
                HookError::Refused {
                    reason: "no customer".to_owned(),
                }
                .into(),
                "login_refused",
                403,
                Visitor,
            ),
            (
                HookError::Failed("down".into()).into(),
                "hook_failed",
                503,
                Application,
            ),
            (HookError::TimedOut.into(), "hook_failed", 503, Application),
            (HookError::Panicked.into(), "hook_failed", 503, Application),
            (
                Error::Guard(HookError::TimedOut),
                "guard_failed",
                503,
                Application,
            ),
            (DataError::Missing.into(), "session_data", 500, Application),
            (
                HookError::Data(DataError::Missing).into(),
                "session_data",
                500,
                Application,
            ),
            (
                DataError::TooLarge { bytes: 2, limit: 1 }.into(),
                "session_data_too_large",
                500,
                Application,
            ),
            (
                VisitorError::TooLarge { bytes: 2, limit: 1 }.into(),
                "visitor_data_too_large",
                500,
                Application,
            ),
            (
                VisitorError::NotJson("no text".into()).into(),
                "visitor_data",
                500,
                Application,
            ),
            (
                VisitorError::CrossSite.into(),
                "visitor_data_cross_site",
                403,
                Visitor,
            ),
            (
                LayerError::Missing.into(),
                "layer_missing",
                500,
                Configuration,
            ),
            (
                Error::ApiCall("the cable is cut".into()),
                "api_call",
                502,
                Application,
            ),
            (ForwardError::Path.into(), "forward_path", 400, Visitor),
            (
                ForwardError::BodyTooLarge { limit: 1 }.into(),
                "forward_body_too_large",
                413,
                Visitor,
            ),
            (
                ForwardError::BodyBroken.into(),
                "forward_body",
                400,
                Visitor,
            ),
            (ForwardError::Busy.into(), "forward_busy", 503, Application),
            (
                ForwardError::TimedOut.into(),
                "forward_timeout",
                504,
                Application,
            ),
            (
                ForwardError::Redirect { origin: None }.into(),
                "forward_redirect",
                502,
                Application,
            ),
            (
                ForwardError::TokenRejected.into(),
                "forward_token_rejected",
                401,
                Configuration,
            ),
            (Error::SessionEnded, "session_ended", 401, Visitor),
            (Error::CeilingReached, "session_ceiling", 502, Provider),
        ]
    }

    #[test]
    fn codes_statuses_and_faults_stay_what_they_are() {
        for (error, code, status, fault) in table() {
            let found = (error.code(), error.status().as_u16(), error.fault());
            assert_eq!(found, (code, status, fault), "{error:?}");
        }
    }

    /// `tidy` compares the list with the source, so that none is missing.
    #[test]
    fn the_list_of_codes_tells_statuses_and_faults() {
        let rows = || {
            include_str!("error/codes.md")
                .lines()
                .filter(|line| line.starts_with("| `"))
        };
        for row in rows() {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let [code, statuses, faults, _] = cells[..] else {
                panic!("not four cells: {row}");
            };
            let code = code.trim_matches('`');
            for (error, _, status, fault) in table().iter().filter(|row| row.1 == code) {
                assert!(statuses.contains(&status.to_string()), "{status}: {row}");
                let fault = format!("{fault:?}").to_lowercase();
                assert!(faults.contains(&fault), "{error} is by {fault}: {row}");
            }
        }
        let listed: Vec<&str> = rows().filter_map(|row| row.split('`').nth(1)).collect();
        let once: std::collections::BTreeSet<&&str> = listed.iter().collect();
        assert_eq!(once.len(), listed.len(), "a code has two rows");
        for (_, code, ..) in table() {
            assert!(listed.contains(&code), "{code} has no row");
        }
    }

    /// The log puts an error's causes behind it, so an error that repeats its cause says it twice.
    #[test]
    fn every_cause_is_told_once() {
        let cause = || "the cable is cut".into();
        let json = || match crate::jose::strict_object(b"[]") {
            Err(error) => error,
            Ok(_) => panic!("an array is no object"),
        };
        let not_json = || serde_json::from_str::<u8>("x").unwrap_err();
        let jws = || IdTokenError::Jws(JwsError::Unsigned);
        let mut errors: Vec<Error> = table().into_iter().map(|(error, ..)| error).collect();
        errors.extend([
            HttpError::Transport(cause()).into(),
            HttpError::Transport(cause())
                .at("https://op.example/token".to_owned())
                .into(),
            DiscoveryError::Json(json()).into(),
            DiscoveryError::Members(not_json()).into(),
            KeysError::Set(crate::jose::KeySetError::Json(json())).into(),
            TokenError::Json(json()).into(),
            UserinfoError::Json(json()).into(),
            jws().into(),
            LogoutTokenError::Token(JwtError::Jws(JwsError::Unsigned)).into(),
            LogoutTokenError::Token(JwtError::Expired).into(),
            StoreError::Unavailable(cause()).into(),
            StoreError::Url(cause()).into(),
            HookError::Failed(cause()).into(),
            DataError::NotJson(Box::new(not_json())).into(),
        ]);
        for error in &errors {
            let mut told = error as &dyn std::error::Error;
            while let Some(cause) = told.source() {
                let (text, because) = (told.to_string(), cause.to_string());
                // The sum of all errors speaks with the voice of the one it holds.
                let sum = told.is::<Error>() && text == because;
                assert!(
                    sum || !text.contains(&because),
                    "{text:?} repeats {because:?}"
                );
                told = cause;
            }
            let chain = format!("{error:?}");
            assert!(chain.starts_with(&error.to_string()), "{chain}");
        }
    }

    /// Two errors share a code only where they are two shades of one.
    #[test]
    fn a_code_belongs_to_one_kind_of_error() {
        let mut kinds = BTreeMap::new();
        for (error, code, ..) in table() {
            let kind = std::mem::discriminant(&error);
            let known = kinds.entry(code).or_insert(kind);
            assert_eq!(*known, kind, "{code}");
            let plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(code.chars().all(plain), "{code}");
        }
    }

    #[test]
    fn every_error_says_more_than_its_code() {
        for (error, code, ..) in table() {
            assert!(error.to_string().len() > code.len(), "{error}");
            assert!(error.to_string().contains(' '), "{error}");
        }
    }

    /// What `fn main() -> Result<…>` prints.
    #[test]
    fn debug_is_a_sentence() {
        for (error, ..) in table() {
            let shown = format!("{error:?}");
            assert!(shown.starts_with(&error.to_string()), "{shown}");
            assert!(
                !shown.contains('(') || error.to_string().contains('('),
                "{shown}"
            );
        }
        let refused = HttpError::Transport("connection refused".into());
        assert_eq!(
            format!("{:?}", Error::Http(refused)),
            "the provider could not be reached: connection refused"
        );
        assert_eq!(
            format!("{:?}", Error::RefreshUnavailable),
            Error::RefreshUnavailable.to_string()
        );
    }
}
