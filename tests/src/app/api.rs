//! A server that is only an API, once on axum and once on actix-web, with the same routes:
//!
//! | route | asks for | answers |
//! |---|---|---|
//! | `GET /` | `Option<User>` | `anonymous`, or the subject |
//! | `GET|POST /me` | `User` | the claims |
//! | `GET /who` | `User` | the subject, the client, the roles, permissions and scopes |
//! | `GET /admin`, `GET /read`, `GET /recent` | the role `admin`, the scope `email`, `max_age` 300 | `admitted` |
//! | `GET /token` | `AccessToken` | `token` |
//!
//! The header `x-certificate` stands for a client certificate that a proxy has seen.

mod actix;
mod tower;

use std::net::TcpListener;

use latchgate::{Api, ApiBuilder, CertificateThumbprint, ProtectedResource, User};
use serde_json::{Value, json};

use super::Serving;
use crate::browser::Browser;
use crate::failure::Failure;
use crate::run::Framework;
use crate::world::World;

/// The audience of the API.
pub const AUDIENCE: &str = "https://api.example.com";

/// A running API. Dropping it stops it.
#[derive(Debug)]
pub struct ApiServer {
    /// Where it listens, which is also its base URL: `http://127.0.0.1:port`.
    pub address: String,
    _serving: Serving,
}

impl ApiServer {
    /// A client without any cookie.
    ///
    /// # Errors
    /// This machine cannot make connections.
    pub fn client(&self) -> Result<Browser, Failure> {
        Ok(Browser::new()?.at_home(&self.address))
    }
}

impl World {
    /// Starts an API for [`AUDIENCE`] that trusts the provider.
    ///
    /// # Errors
    /// No port is free, or the API refuses its configuration.
    pub async fn api(
        &self,
        resource: impl Into<ProtectedResource>,
        alter: impl FnOnce(ApiBuilder) -> ApiBuilder,
    ) -> Result<ApiServer, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = format!("http://{}", listener.local_addr()?);
        let builder = Api::builder(self.provider.issuer(), resource)
            .base_url(&address)
            .clock(self.clock.clone());
        let api = alter(builder).build()?;
        let serving = match self.setup.framework {
            Framework::Tower => tower::serve(listener, api)?,
            Framework::Actix => actix::serve(listener, api).await?,
        };
        Ok(ApiServer {
            address,
            _serving: serving,
        })
    }
}

/// The certificate that the header tells of.
fn thumbprint(header: &[u8]) -> CertificateThumbprint {
    CertificateThumbprint::of_der(header)
}

fn who(user: &User) -> Value {
    json!({
        "sub": user.subject(),
        "client_id": user.client_id(),
        "by_access_token": user.is_by_access_token(),
        "roles": user.roles(),
        "permissions": user.permissions(),
        "scopes": user.scopes().collect::<Vec<_>>(),
    })
}
