//! The front channel: the authorization request and its response
//! ([RFC 6749 §3.1](https://www.rfc-editor.org/rfc/rfc6749#section-3.1),
//! [OpenID Connect Core 1.0 §3.1.2](https://openid.net/specs/openid-connect-core-1_0.html#AuthorizationEndpoint)).

mod claims;
mod details;
mod display;
mod initiation;
mod options;
mod pending;
mod pkce;
mod pushed;
mod remember;
mod request;
mod request_object;
mod response;
mod secrets;
mod step_up;
pub(crate) mod ui_locales;

pub use claims::{ClaimRequest, ClaimsRequest, ClaimsRequestError};
pub use details::{AuthorizationDetails, AuthorizationDetailsError};
pub(crate) use display::Display;
pub use initiation::InitiateLoginError;
pub(crate) use initiation::Initiation;
pub(crate) use options::check_parameter;
pub use options::{LoginOptions, ParameterError, Prompt};
pub(crate) use pending::{OpenLogins, PendingLogin, ReplacedSession, VisitorAtStart, suffix_of};
pub use pushed::PushedRequestError;
pub(crate) use pushed::{
    endpoint as push_endpoint, request as push_request, response as push_response,
};
pub use remember::{CookiePersistence, RememberMe};
pub(crate) use request::{AuthorizationRequest, request};
pub use request_object::RequestObjectError;
pub(crate) use request_object::{key as request_key, sign as sign_request};
pub use response::AuthorizationError;
pub(crate) use response::{
    Expected, Parameters, VerifiedCode, error_response, printable, response,
};
pub(crate) use secrets::{LoginSecrets, draw_proof_key};
pub use step_up::StepUp;
