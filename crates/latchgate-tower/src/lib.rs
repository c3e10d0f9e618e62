#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod guard;
mod head;
mod layer;
mod service;

#[cfg(feature = "axum")]
mod access;
#[cfg(feature = "reqwest")]
mod api_client;
#[cfg(feature = "axum")]
mod extract;
#[cfg(feature = "axum")]
mod visitor;

#[cfg(feature = "axum")]
pub use access::Access;
#[cfg(feature = "axum")]
pub use extract::{
    AccessToken, ApiTokens, RefreshedAccessToken, Rejection, SessionData, SessionEnded, SignIn,
    SignedIn, User,
};
pub use guard::{GuardLayer, GuardService};
pub use latchgate::*;
/// ```
/// use axum::{Router, extract::State, routing::get};
/// use latchgate_tower::{ApiClient, ApiTokens, Rejection};
///
/// async fn orders(tokens: ApiTokens, State(orders): State<ApiClient>) -> Result<String, Rejection> {
///     let response = orders.as_user(&tokens).get("/orders").send().await?;
///     Ok(response.error_for_status()?.text().await?)
/// }
///
/// # fn app() -> Result<Router, latchgate_tower::ApiClientError> {
/// let client = ApiClient::new("https://orders.example.com/v1")?;
/// let app = Router::new().route("/orders", get(orders)).with_state(client);
/// # Ok(app)
/// # }
/// ```
#[cfg(feature = "reqwest")]
pub use latchgate_reqwest::ApiClient;
#[cfg(feature = "reqwest")]
pub use latchgate_reqwest::{
    ApiCaller, ApiClientBuilder, ApiClientError, BaseUrlError, ForeignUrl,
};
pub use layer::{ApiLayer, LoginLayer};
pub use service::{ApiService, LoginService, ResponseFuture};
#[cfg(feature = "axum")]
pub use visitor::Visitor;
