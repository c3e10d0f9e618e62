//! A relying party for the OpenID Foundation's conformance suite to test, configured by environment variables only.
//!
//! Run: `cargo run -p latchgate-example-conformance-rp`, with the variables that its README lists for each test plan.

use std::{env, error::Error, fs, sync::Arc};

use axum::http::{Request, StatusCode};
use axum::{Json, Router, response::Html, routing::get};
use latchgate_tower::{AccessToken, RefreshedAccessToken, User};
use latchgate_tower::{ClientCertificate, HttpClient, ReqwestClient};
use latchgate_tower::{LoginLayer, Settings};

type Failure = Box<dyn Error + Send + Sync>;

const HOME: &str = r#"<a href="/login?return_to=/me">Log in</a>
<form method="post" action="/logout"><button>Log out</button></form>"#;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    tracing_subscriber::fmt().with_ansi(false).init(); // One line with a code for each rejected login.
    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse::<u16>())?;
    let gate = Settings::from_env().build()?;
    let client = Arc::new(client()?);
    let app = Router::new()
        .route("/", get(|| async { Html(HOME) }))
        .route("/me", get(async |user: User| Json(user)))
        .route("/refresh", get(async |_: RefreshedAccessToken| "refreshed"))
        .route(
            "/call-resource",
            get(async move |token: AccessToken| {
                let answer = call_resource(&client, &token).await;
                answer.map_err(|error| (StatusCode::BAD_GATEWAY, error.to_string()))
            }),
        )
        .layer(LoginLayer::new(gate));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("Listening on http://127.0.0.1:{port}");
    Ok(axum::serve(listener, app).await?)
}

/// Trusts and presents the certificates that the gate does. The client's is in one file with its key.
fn client() -> Result<ReqwestClient, Failure> {
    let file = |variable| env::var(variable).ok().map(fs::read).transpose();
    let roots = file("LATCHGATE_CA_FILE")?;
    let certificate =
        file("LATCHGATE_CLIENT_CERT_FILE")?.map(|pem| ClientCertificate::from_pem(pem, ""));
    Ok(match certificate {
        Some(certificate) => ReqwestClient::with_certificate(roots.as_deref(), &certificate)?,
        None => ReqwestClient::new(roots.as_deref())?,
    })
}

/// Calls the API at `RESOURCE_URL` with the token and what proves it; once more, if it wants a DPoP nonce.
async fn call_resource(
    client: &ReqwestClient,
    token: &AccessToken,
) -> Result<(StatusCode, Vec<u8>), Failure> {
    let mut call = token.call();
    loop {
        let mut request = Request::get(env::var("RESOURCE_URL")?).body(Vec::new())?;
        call.authorize(&mut request)?;
        let answer = client.send(request).await?;
        if !call.wants_repeat(answer.status(), answer.headers()) {
            return Ok((answer.status(), answer.into_body()));
        }
    }
}
