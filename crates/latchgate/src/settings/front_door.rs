//! A gate in one line, from a builder, the environment or a table, as the README has it. These functions stand here and
//! not beside `Gate`, which knows nothing of what makes it.

use super::Settings;
use crate::builder::{ApiBuilder, GateBuilder, ProtectedResource, Provider, Tenants};
use crate::config::ConfigError;
use crate::gate::{Api, Gate};

impl Gate {
    /// Starts to build a gate from its two necessary parts: the public URL of the application, such as
    /// `https://app.example.com`, and the registration at the OpenID Provider. It is
    /// [`GateBuilder::new`], where an application looks for it.
    ///
    /// ```no_run
    /// use latchgate::{Gate, Provider, SessionKey};
    ///
    /// let provider = Provider::new("https://login.example.com/", "my-app").client_secret("s3cret");
    /// let gate = Gate::builder("https://app.example.com", provider)
    ///     .session_keys([SessionKey::from_base64(&std::env::var("SESSION_KEY")?)?])
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder(base_url: impl Into<String>, provider: Provider) -> GateBuilder {
        GateBuilder::new(base_url, provider)
    }

    /// Starts to build a gate for an application whose people all come from [`Tenants`], each with a provider of its own.
    /// It is [`GateBuilder::for_tenants`], where an application looks for it.
    pub fn for_tenants(base_url: impl Into<String>, tenants: Tenants) -> GateBuilder {
        GateBuilder::for_tenants(base_url, tenants)
    }

    /// Builds a gate from environment variables, `LATCHGATE_BASE_URL` and so on, without the network.
    /// The table at [`Settings`] lists them all.
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let gate = latchgate::Gate::from_env()?;
    /// // Optional: fail now, not at the first login, if the provider cannot be reached.
    /// gate.warm_up().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Every variable that is missing, malformed or contradicts another, and every one that begins
    /// with `LATCHGATE_` and is not in the table.
    pub fn from_env() -> Result<Self, ConfigError> {
        Settings::from_env().build()
    }

    /// Builds a gate from a TOML table with the same settings, by their keys:
    ///
    /// ```
    /// let gate = latchgate::Gate::from_toml(r#"
    ///     base_url = "http://localhost:3000"
    ///     issuer = "https://login.example.com/"
    ///     client_id = "my-app"
    ///     client_secret = "s3cret"
    ///     scopes = ["openid", "email"]
    ///     userinfo = true
    /// "#)?;
    /// # Ok::<(), latchgate::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Every setting that is unknown, missing, malformed or contradicts another.
    pub fn from_toml(table: &str) -> Result<Self, ConfigError> {
        Settings::from_toml(table).build()
    }
}

impl Api {
    /// Starts to build an API from its two necessary parts: the issuer of its access tokens, and its audience or a whole
    /// [`ProtectedResource`]. It is [`ApiBuilder::new`], where an application looks for it.
    ///
    /// ```
    /// let api = latchgate::Api::builder("https://login.example.com/", "https://api.example.com").build()?;
    /// # Ok::<(), latchgate::ConfigError>(())
    /// ```
    pub fn builder(
        issuer: impl Into<String>,
        resource: impl Into<ProtectedResource>,
    ) -> ApiBuilder {
        ApiBuilder::new(issuer, resource)
    }

    /// Builds an API from environment variables, without the network: `LATCHGATE_ISSUER`, `LATCHGATE_API_AUDIENCE`, and
    /// others of the table at [`Settings`].
    ///
    /// # Errors
    ///
    /// Every variable that is missing, malformed or contradicts another, and every one that begins
    /// with `LATCHGATE_` and is not in the table.
    pub fn from_env() -> Result<Self, ConfigError> {
        Settings::from_env().build_api()
    }

    /// Builds an API from a TOML table with the same settings, by their keys:
    ///
    /// ```
    /// let api = latchgate::Api::from_toml(r#"
    ///     issuer = "https://login.example.com/"
    ///     api_audience = "https://api.example.com"
    ///     api_scopes = ["invoices:read"]
    /// "#)?;
    /// # Ok::<(), latchgate::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Every setting that is unknown, missing, malformed or contradicts another.
    pub fn from_toml(table: &str) -> Result<Self, ConfigError> {
        Settings::from_toml(table).build_api()
    }
}
