//! WebSockets. What their frames mean is between the browser and the API.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use http::{Method, Response, StatusCode};
use hyper_util::rt::TokioIo;
use latchgate_proxy::reqwest::{self, RequestBuilder, Upgraded};
use latchgate_test::Person;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, split};
use tokio::sync::Notify;

use crate::stage::{Stage, on_both, refusal};

/// An API whose sockets send everything back, until they get an `x`. It tells its token, and when a socket has ended.
fn api(ended: &Arc<Notify>) -> Router {
    let ended = Arc::clone(ended);
    Router::new().fallback(async move |mut request: Request| {
        let switching = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let (received, mut sent) = split(TokioIo::new(switching.await.unwrap()));
            let mut received = BufReader::new(received);
            let mut byte = [0];
            while matches!(received.read(&mut byte).await, Ok(1)) && byte != *b"x" {
                sent.write_all(&byte).await.unwrap();
            }
            // It may have gone already.
            let _ = sent.shutdown().await;
            ended.notify_one();
        });
        let headers = request.headers();
        Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-accept", &headers["sec-websocket-key"])
            .header("x-got", &headers["authorization"])
            .header("x-asked", &headers["connection"])
            .header("set-cookie", "latchgate-3000=forged")
            .body(Body::empty())
            .unwrap()
    })
}

fn handshake(request: RequestBuilder) -> RequestBuilder {
    request
        .header("connection", "keep-alive, Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-key", "AAAA")
        .header("origin", "http://localhost:3000")
}

async fn open(stage: &Stage) -> Upgraded {
    let request = handshake(stage.get("/api/socket").await);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 101);
    response.upgrade().await.unwrap()
}

#[tokio::test]
async fn a_handshake_gets_the_token_and_bytes_go_both_ways() {
    on_both(async |front| {
        let stage = Stage::new(front, api(&Arc::default())).await;
        let person = Person::new("alice").due_for_refresh();
        let request = stage.by(person, Method::GET, "/api/socket?a=b").await;
        let response = handshake(request).send().await.unwrap();
        assert_eq!(response.status(), 101);
        let headers = response.headers();
        assert_eq!(headers["upgrade"], "websocket");
        assert_eq!(headers["connection"], "upgrade");
        assert_eq!(headers["sec-websocket-accept"], "AAAA");
        assert_eq!(headers["x-got"], "Bearer token-1");
        assert_eq!(headers["x-asked"], "upgrade");
        // That of the refreshed session, and not the API's.
        let cookies: Vec<_> = headers.get_all("set-cookie").iter().collect();
        assert_eq!(cookies.len(), 1, "{cookies:?}");
        assert!(!cookies[0].to_str().unwrap().contains("forged"));
        let mut socket = response.upgrade().await.unwrap();
        let long = "o".repeat(100_000);
        for text in ["ping", &long] {
            let (mut received, mut sent) = split(&mut socket);
            let mut back = vec![0; text.len()];
            let (written, read) = tokio::join!(
                sent.write_all(text.as_bytes()),
                received.read_exact(&mut back)
            );
            assert!(written.is_ok() && read.is_ok());
            assert_eq!(back, text.as_bytes());
        }
    })
    .await;
}

#[tokio::test]
async fn either_side_may_end_it() {
    on_both(async |front| {
        let ended: Arc<Notify> = Arc::default();
        let stage = Stage::new(front, api(&ended)).await;
        let mut socket = open(&stage).await;
        socket.write_all(b"ax").await.unwrap();
        let mut rest = Vec::new();
        socket.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"a");
        ended.notified().await;
        drop(open(&stage).await);
        ended.notified().await;
    })
    .await;
}

#[tokio::test]
async fn a_socket_counts_until_its_end() {
    on_both(async |front| {
        let one = |proxy: latchgate_proxy::ApiProxyBuilder| proxy.max_requests(1);
        let stage = Stage::with(front, api(&Arc::default()), |gate| gate, one).await;
        let socket = open(&stage).await;
        let another = handshake(stage.get("/api/socket").await);
        assert_eq!(refusal(another).await, (503, "forward_busy".to_owned()));
        drop(socket);
        loop {
            let another = handshake(stage.get("/api/socket").await);
            if another.send().await.unwrap().status() == 101 {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn nobody_and_no_page_of_another_site_opens_one() {
    on_both(async |front| {
        let stage = Stage::new(front, api(&Arc::default())).await;
        let nobody = handshake(stage.by_nobody(Method::GET, "/api/socket"));
        assert_eq!(refusal(nobody).await, (401, "sign_in_required".to_owned()));
        let cookie = stage.cookie(Person::new("alice")).await;
        for origin in ["https://evil.example", "null"] {
            let request = reqwest::Client::new()
                .get(format!("http://{}/api/socket", stage.address))
                .header("cookie", cookie.clone())
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("origin", origin);
            let refused = (403, "cross_site_request".to_owned());
            assert_eq!(refusal(request).await, refused, "{origin}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_api_may_decline_and_may_not_switch_to_anything_else() {
    on_both(async |front| {
        let api = Router::new().fallback(async |request: Request| {
            let status = match request.uri().path() {
                "/v1/declined" => StatusCode::UPGRADE_REQUIRED,
                _ => StatusCode::SWITCHING_PROTOCOLS,
            };
            let upgrade = match request.uri().path() {
                "/v1/unasked" => "websocket",
                _ => "other",
            };
            let mut response = Response::builder()
                .status(status)
                .header("connection", "upgrade")
                .header("upgrade", upgrade);
            if let Some(wanted) = request.headers().get("upgrade") {
                response = response.header("x-wanted", wanted);
            }
            response.body(Body::empty()).unwrap()
        });
        let stage = Stage::new(front, api).await;
        let declined = handshake(stage.get("/api/declined").await);
        let declined = declined.send().await.unwrap();
        assert_eq!(declined.status(), 426);
        assert_eq!(declined.headers()["x-wanted"], "websocket");
        assert!(!declined.headers().contains_key("upgrade"));
        let failed = (502, "api_call".to_owned());
        let other = handshake(stage.get("/api/other").await);
        assert_eq!(refusal(other).await, failed);
        let unasked = stage.get("/api/unasked").await;
        assert_eq!(refusal(unasked).await, failed);
        // Other protocols are not asked for.
        let h2c = stage.get("/api/declined").await;
        let h2c = h2c.header("connection", "upgrade").header("upgrade", "h2c");
        let h2c = h2c.send().await.unwrap();
        assert!(!h2c.headers().contains_key("x-wanted"));
    })
    .await;
}
