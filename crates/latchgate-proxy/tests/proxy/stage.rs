//! An application with a proxy, on one of the frameworks, and the API behind it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use actix_web::rt::System;
use actix_web::{App, HttpServer, web};
use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use http::header::COOKIE;
use http::{HeaderValue, Method, Response, StatusCode};
use latchgate_proxy::reqwest::{self, RequestBuilder};
use latchgate_proxy::{ApiProxy, ApiProxyBuilder};
use latchgate_test::{OfflineProvider, Person, SignedInRequest, gate_builder};
use latchgate_tower::{Gate, GateBuilder, HttpClient, HttpFuture, LoginLayer};
use serde_json::{Value, json};

/// The frameworks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    Axum,
    Actix,
}

/// Runs a test on both.
pub(crate) async fn on_both(test: impl AsyncFn(Front)) {
    for front in [Front::Axum, Front::Actix] {
        println!("on {front:?}");
        test(front).await;
    }
}

/// An application whose `/api` is the API's `/v1`.
pub(crate) struct Stage {
    pub(crate) gate: Gate,
    pub(crate) provider: TestProvider,
    pub(crate) address: SocketAddr,
    pub(crate) api: SocketAddr,
    client: reqwest::Client,
    stop: Option<Box<dyn FnOnce()>>,
}

impl Stage {
    /// In front of an API that tells what it got.
    pub(crate) async fn with_echo(front: Front) -> Self {
        Self::new(front, Router::new().fallback(echo)).await
    }

    pub(crate) async fn new(front: Front, api: Router) -> Self {
        Self::with(front, api, |gate| gate, |proxy| proxy).await
    }

    pub(crate) async fn with(
        front: Front,
        api: Router,
        gate: impl FnOnce(GateBuilder) -> GateBuilder,
        proxy: impl FnOnce(ApiProxyBuilder) -> ApiProxyBuilder,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api_at = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, api).await });
        Self::in_front_of(front, api_at, gate, proxy).await
    }

    pub(crate) async fn in_front_of(
        front: Front,
        api: SocketAddr,
        gate: impl FnOnce(GateBuilder) -> GateBuilder,
        proxy: impl FnOnce(ApiProxyBuilder) -> ApiProxyBuilder,
    ) -> Self {
        let _ = tracing_subscriber::fmt().with_test_writer().try_init();
        let provider = TestProvider::default();
        let gate = gate(gate_builder().http_client(provider.clone()));
        let gate = gate.build().unwrap();
        let proxy = proxy(ApiProxy::builder(format!("http://{api}/v1")));
        let proxy = proxy.build().unwrap();
        let (address, stop) = match front {
            Front::Axum => on_axum(gate.clone(), proxy).await,
            Front::Actix => on_actix(gate.clone(), proxy),
        };
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        Self {
            gate,
            provider,
            address,
            api,
            client: client.build().unwrap(),
            stop: Some(stop),
        }
    }

    /// A request of a script's, by nobody.
    pub(crate) fn by_nobody(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .client
            .request(method, format!("http://{}{path}", self.address));
        request
            .header("accept", "application/json")
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", "cors")
    }

    pub(crate) async fn by(&self, person: Person, method: Method, path: &str) -> RequestBuilder {
        let cookie = self.cookie(person).await;
        self.by_nobody(method, path).header(COOKIE, cookie)
    }

    pub(crate) async fn get(&self, path: &str) -> RequestBuilder {
        self.by(Person::new("alice"), Method::GET, path).await
    }

    pub(crate) async fn post(&self, path: &str) -> RequestBuilder {
        self.by(Person::new("alice"), Method::POST, path).await
    }

    /// The session of somebody.
    pub(crate) async fn cookie(&self, person: Person) -> HeaderValue {
        let request = http::Request::new(()).signed_in(&self.gate, person).await;
        request.headers()[COOKIE].clone()
    }

    /// Sends bytes as they are, and reads the response to its end.
    pub(crate) async fn raw(&self, request: String) -> String {
        let address = self.address;
        let exchange = move || {
            let mut connection = TcpStream::connect(address).unwrap();
            connection.write_all(request.as_bytes()).unwrap();
            let mut response = Vec::new();
            // A reset is an end as well.
            let _ = connection.read_to_end(&mut response);
            String::from_utf8_lossy(&response).into_owned()
        };
        tokio::task::spawn_blocking(exchange).await.unwrap()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
    }
}

async fn on_axum(gate: Gate, proxy: ApiProxy) -> (SocketAddr, Box<dyn FnOnce()>) {
    let app = Router::new()
        .nest_service("/api", proxy)
        .layer(LoginLayer::new(gate));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    (address, Box::new(move || server.abort()))
}

fn on_actix(gate: Gate, proxy: ApiProxy) -> (SocketAddr, Box<dyn FnOnce()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        System::new().block_on(async move {
            let app = move || {
                App::new()
                    .wrap(latchgate_actix::LoginMiddleware::new(gate.clone()))
                    .service(web::scope("/api").default_service(proxy.clone()))
            };
            let server = HttpServer::new(app)
                .workers(1)
                .disable_signals()
                .h1_allow_half_closed(false);
            let server = server.listen(listener).unwrap().run();
            tell.send(server.handle()).unwrap();
            server.await.unwrap();
        });
    });
    let handle = told.recv().unwrap();
    // The command is sent at once.
    (address, Box::new(move || drop(handle.stop(false))))
}

/// A provider that refreshes tokens: `token-1`, `token-2` and so on.
#[derive(Clone, Debug, Default)]
pub(crate) struct TestProvider(Arc<AtomicUsize>);

impl TestProvider {
    /// How often tokens have been refreshed.
    pub(crate) fn refreshes(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl HttpClient for TestProvider {
    fn send(&self, request: http::Request<Vec<u8>>) -> HttpFuture<'_> {
        let answer = match request.uri().path() {
            "/jwks" => json!({ "keys": [{
                "kty": "EC",
                "crv": "P-256",
                "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
            }] }),
            "/token" => {
                let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
                json!({
                    "access_token": format!("token-{number}"),
                    "token_type": "Bearer",
                    "expires_in": 3_600,
                    "refresh_token": format!("refresh-{number}"),
                })
            }
            _ => return OfflineProvider.send(request),
        };
        let response = Response::builder()
            .header("content-type", "application/json")
            .body(answer.to_string().into_bytes());
        Box::pin(async move { Ok(response.unwrap()) })
    }
}

/// What the API got, as JSON.
pub(crate) async fn echo(request: Request) -> Response<String> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await;
    let mut headers = serde_json::Map::new();
    for name in parts.headers.keys() {
        let values = parts.headers.get_all(name).iter();
        let values: Vec<&str> = values.map(|value| value.to_str().unwrap()).collect();
        headers.insert(name.to_string(), values.join(" | ").into());
    }
    let told = json!({
        "method": parts.method.as_str(),
        "url": parts.uri.to_string(),
        "headers": headers,
        "body": body.map(|body| String::from_utf8_lossy(&body).into_owned()).ok(),
    });
    let response = Response::builder().header("content-type", "application/json");
    response.body(told.to_string()).unwrap()
}

/// The JSON of a response that went well.
pub(crate) async fn told(request: RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    let status = response.status();
    let body = response.text().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// Status and code of a refusal.
pub(crate) async fn refusal(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    let body = response.text().await.unwrap();
    assert_eq!(kind, "application/problem+json", "{status} {body}");
    let problem: Value = serde_json::from_str(&body).unwrap();
    (status, problem["code"].as_str().unwrap().to_owned())
}
