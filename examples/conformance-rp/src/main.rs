//! A relying party for the OpenID Foundation's conformance suite to test, configured by environment variables only.
//!
//! Run: `cargo run -p latchgate-example-conformance-rp`, with the variables that its README lists for each test plan.

use std::{env, error::Error, fs, sync::Arc};

use axum::http::{Request, StatusCode};
use axum::{Json, Router, response::Html, routing::get};
use latchgate_tower::{AccessToken, RefreshedAccessToken, User};
use latchgate_tower::{HttpClient, LoginLayer, ReqwestClient, Settings};

type Failure = Box<dyn Error + Send + Sync>;

const HOME: &str = r#"<a href="/login?return_to=/me">Log in</a>
<form method="post" action="/logout"><button>Log out</button></form>"#;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    tracing_subscriber::fmt().with_ansi(false).init(); // One line with a code for each rejected login.
    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse::<u16>())?;
    let gate = Settings::from_env().build()?;
    let roots = env::var("LATCHGATE_CA_FILE").ok().map(fs::read);
    let roots = Arc::new(roots.transpose()?);
    let app = Router::new()
        .route("/", get(|| async { Html(HOME) }))
        .route("/me", get(async |user: User| Json(user)))
        .route("/refresh", get(async |_: RefreshedAccessToken| "refreshed"))
        .route(
            "/call-resource",
            get(async move |token: AccessToken| {
                let answer = call_resource(&token, (*roots).as_deref()).await;
                answer.map_err(|error| (StatusCode::BAD_GATEWAY, error.to_string()))
            }),
        )
        .layer(LoginLayer::new(gate));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("Listening on http://127.0.0.1:{port}");
    Ok(axum::serve(listener, app).await?)
}

/// Calls the API at `RESOURCE_URL` with the token and what proves it; once more, if it wants a DPoP nonce.
async fn call_resource(
    token: &AccessToken,
    roots: Option<&[u8]>,
) -> Result<(StatusCode, Vec<u8>), Failure> {
    let url = env::var("RESOURCE_URL").map_err(|_| "RESOURCE_URL is not set")?;
    let client = match token.certificate() {
        Some(certificate) => ReqwestClient::with_certificate(roots, certificate)?,
        None => ReqwestClient::new(roots)?,
    };
    let mut call = token.call();
    loop {
        let mut request = Request::get(&url).body(Vec::new())?;
        call.authorize(&mut request)?;
        let answer = client.send(request).await?;
        if !call.wants_repeat(answer.status(), answer.headers()) {
            return Ok((answer.status(), answer.into_body()));
        }
    }
}
