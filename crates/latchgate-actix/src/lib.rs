#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod access;
mod api;
#[cfg(feature = "reqwest")]
mod api_client;
mod extract;
mod failure;
mod guard;
mod head;
mod middleware;
mod visitor;

pub use access::Access;
pub use api::{ApiMiddleware, ApiService};
pub use extract::{
    AccessToken, ApiTokens, RefreshedAccessToken, Rejection, SessionData, SessionEnded, SignIn,
    SignedIn, User,
};
pub use guard::{GuardMiddleware, GuardService};
pub use latchgate::*;
/// ```
/// use actix_web::web;
/// use latchgate_actix::{ApiClient, ApiTokens, Rejection};
///
/// async fn orders(tokens: ApiTokens, orders: web::Data<ApiClient>) -> Result<String, Rejection> {
///     let response = orders.as_user(&tokens).get("/orders").send().await?;
///     Ok(response.error_for_status()?.text().await?)
/// }
///
/// # fn app(config: &mut web::ServiceConfig) -> Result<(), latchgate_actix::ApiClientError> {
/// let client = ApiClient::new("https://orders.example.com/v1")?;
/// config.app_data(web::Data::new(client)).route("/orders", web::get().to(orders));
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "reqwest")]
pub use latchgate_reqwest::ApiClient;
#[cfg(feature = "reqwest")]
pub use latchgate_reqwest::{
    ApiCaller, ApiClientBuilder, ApiClientError, BaseUrlError, ForeignUrl,
};
pub use middleware::{LoginMiddleware, LoginService};
pub use visitor::Visitor;
