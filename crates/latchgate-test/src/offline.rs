//! A gate for tests that need none of the application's settings, and a stand-in for the provider.

use http::{Request, Response, StatusCode};
use latchgate::{Gate, GateBuilder, HttpClient, HttpError, HttpFuture, Provider};
use serde_json::json;

/// The base URL of [`gate`].
const BASE_URL: &str = "http://localhost:3000";

const DISCOVERY: &str = "/.well-known/openid-configuration";

/// A gate for a development server at `http://localhost:3000`, whose provider is the [`OfflineProvider`]
/// `https://provider.example`.
///
/// # Panics
///
/// If the random generator fails.
#[must_use]
#[expect(clippy::panic, reason = "this is how a test is told that it is wrong")]
pub fn gate() -> Gate {
    match gate_builder().build() {
        Ok(gate) => gate,
        Err(error) => panic!("{error}"),
    }
}

/// The builder of [`gate`], for a test that needs a hook, a store or another setting.
pub fn gate_builder() -> GateBuilder {
    let provider = Provider::new("https://provider.example", "test").client_secret("a test's");
    Gate::builder(BASE_URL, provider).http_client(OfflineProvider)
}

/// Replaces the network between a gate and its provider. It returns the provider's metadata, so that people are sent to log
/// in. They cannot: every other request fails, as if the provider were down.
///
/// In a gate with the application's own settings:
///
/// ```no_run
/// use latchgate::Settings;
/// use latchgate_test::OfflineProvider;
///
/// # fn test() -> Result<(), latchgate::ConfigError> {
/// let gate = Settings::from_env().builder().http_client(OfflineProvider).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct OfflineProvider;

impl HttpClient for OfflineProvider {
    fn send(&self, request: Request<Vec<u8>>) -> HttpFuture<'_> {
        let url = request.uri().to_string();
        Box::pin(async move {
            let issuer = url.strip_suffix(DISCOVERY);
            let issuer = issuer.ok_or_else(|| {
                HttpError::Transport("a test without a provider called the provider".into())
            })?;
            let mut response = Response::new(metadata(issuer).into_bytes());
            *response.status_mut() = StatusCode::OK;
            Ok(response)
        })
    }
}

/// The provider's metadata.
fn metadata(issuer: &str) -> String {
    let endpoint = |path: &str| format!("{}/{path}", issuer.trim_end_matches('/'));
    let metadata = json!({
        "issuer": issuer,
        "authorization_endpoint": endpoint("authorize"),
        "token_endpoint": endpoint("token"),
        "userinfo_endpoint": endpoint("userinfo"),
        "end_session_endpoint": endpoint("end-session"),
        "jwks_uri": endpoint("jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    });
    metadata.to_string()
}
