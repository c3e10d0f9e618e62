//! What an access token costs an API: `cargo bench -p latchgate-tower --bench api`.
//!
//! All contestants take turns within one run, a few hundred requests each, in ten rounds. The figure of each is its fastest
//! round, per request, in units of a request to a route that asks for nobody. Read the ratios: times move from machine to
//! machine.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use latchgate_dev_provider::{DevProvider, SigningAlg};
use latchgate_tower::{Algorithm, Api, ApiLayer, ProtectedResource, User};
use tower::ServiceExt;

const ROUNDS: usize = 10;
const REQUESTS: usize = 200;
const AUDIENCE: &str = "https://api.example.com";

/// Requests of one kind, and how fast they were.
struct Contestant {
    name: &'static str,
    app: Router,
    path: &'static str,
    /// A token for each request; one is presented again and again.
    tokens: Vec<String>,
    best: Duration,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut contestants = Vec::new();
    for (signing, alg, kept, verified) in [
        (
            SigningAlg::Rs256,
            Algorithm::Rs256,
            "a token that was verified before, RS256",
            "a new token, RS256",
        ),
        (
            SigningAlg::Es256,
            Algorithm::Es256,
            "a token that was verified before, ES256",
            "a new token, ES256",
        ),
    ] {
        let provider = DevProvider::builder().id_token_alg(signing).start().await?;
        let resource = ProtectedResource::new(AUDIENCE).alg(alg);
        let app = app(Api::builder(provider.issuer(), resource).build()?);
        let token = || provider.access_token("alice", AUDIENCE, "read");
        let new = std::iter::repeat_with(token)
            .take(ROUNDS * REQUESTS)
            .collect();
        if contestants.is_empty() {
            contestants.push(Contestant::new("nobody asks", &app, "/public", Vec::new()));
        }
        contestants.push(Contestant::new(kept, &app, "/me", vec![token()]));
        contestants.push(Contestant::new(verified, &app, "/me", new));
        // Its keys are fetched, and it is no longer needed.
        contestants
            .last_mut()
            .map(|last| last.warm_up())
            .ok_or("nobody")?
            .await;
    }
    for round in 0..ROUNDS {
        for contestant in &mut contestants {
            contestant.run(round).await;
        }
    }
    let unit = contestants[0].best.as_secs_f64();
    println!("\n| request | µs | ratio |\n|---|---|---|");
    for Contestant { name, best, .. } in &contestants {
        let micros = best.as_secs_f64() * 1e6;
        println!(
            "| {name} | {micros:.2} | {:.1} |",
            best.as_secs_f64() / unit
        );
    }
    Ok(())
}

fn app(api: Api) -> Router {
    Router::new()
        .route("/public", get(|| async { "public" }))
        .route("/me", get(async |user: User| user.subject().to_owned()))
        .layer(ApiLayer::new(api))
}

impl Contestant {
    fn new(name: &'static str, app: &Router, path: &'static str, tokens: Vec<String>) -> Self {
        Self {
            name,
            app: app.clone(),
            path,
            tokens,
            best: Duration::MAX,
        }
    }

    fn request(&self, number: usize) -> Request<Body> {
        let request = Request::get(self.path);
        let request = match self.tokens.len() {
            0 => request,
            len => request.header(
                "authorization",
                format!("Bearer {}", self.tokens[number % len]),
            ),
        };
        request.body(Body::empty()).unwrap_or_default()
    }

    async fn warm_up(&mut self) {
        assert_eq!(self.answer(self.request(0)).await, 200);
    }

    async fn answer(&self, request: Request<Body>) -> u16 {
        match self.app.clone().oneshot(request).await {
            Ok(response) => response.status().as_u16(),
            Err(never) => match never {},
        }
    }

    async fn run(&mut self, round: usize) {
        let first = round * REQUESTS;
        let requests: Vec<_> = (first..first + REQUESTS)
            .map(|number| self.request(number))
            .collect();
        let begun = Instant::now();
        for request in requests {
            assert_eq!(self.answer(request).await, 200, "{}", self.name);
        }
        let each = begun.elapsed() / u32::try_from(REQUESTS).unwrap_or(u32::MAX);
        self.best = self.best.min(each);
    }
}
