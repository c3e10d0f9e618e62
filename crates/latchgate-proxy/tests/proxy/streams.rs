//! Bodies that come and go piece by piece.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::Method;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use latchgate_proxy::reqwest;
use latchgate_test::Person;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};

use crate::stage::{Stage, on_both, refusal, told};

/// A body that a test feeds.
fn fed() -> (mpsc::Sender<&'static str>, Body) {
    let (feed, mut fed) = mpsc::channel::<&'static str>(1);
    let stream = futures_util::stream::poll_fn(move |cx| {
        let piece = fed.poll_recv(cx);
        piece.map(|piece| {
            piece.map(|piece| Ok::<_, std::io::Error>(Frame::data(Bytes::from(piece))))
        })
    });
    (feed, Body::new(StreamBody::new(stream)))
}

#[tokio::test]
async fn events_arrive_as_they_are_sent() {
    on_both(async |front| {
        let (feed, body) = fed();
        let body = Arc::new(std::sync::Mutex::new(Some(body)));
        let api = Router::new().fallback(async move || {
            let body = body.lock().unwrap().take().unwrap();
            http::Response::builder()
                .header("content-type", "text/event-stream")
                .body(body)
                .unwrap()
        });
        let stage = Stage::new(front, api).await;
        let mut response = stage.get("/api/events").await.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        for event in ["data: 1\n\n", "data: 2\n\n"] {
            feed.send(event).await.unwrap();
            assert_eq!(response.chunk().await.unwrap().unwrap(), event);
        }
        drop(feed);
        assert_eq!(response.chunk().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn an_upload_arrives_as_it_is_sent_and_the_response_while_it_is() {
    on_both(async |front| {
        let api = Router::new().fallback(async |request: Request| request.into_body());
        let stage = Stage::new(front, api).await;
        let (feed, body) = fed();
        let request = stage
            .post("/api/echo")
            .await
            .body(reqwest::Body::wrap(Shared(std::sync::Mutex::new(body))));
        let sending = tokio::spawn(request.send());
        feed.send("one").await.unwrap();
        let mut response = sending.await.unwrap().unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "one");
        feed.send("two").await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "two");
        drop(feed);
        assert_eq!(response.chunk().await.unwrap(), None);
    })
    .await;
}

struct Shared(std::sync::Mutex<Body>);

impl http_body::Body for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        std::pin::Pin::new(self.0.get_mut().unwrap()).poll_frame(cx)
    }
}

/// Tells when it is dropped.
struct Told(Arc<Notify>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn a_browser_that_hangs_up_ends_the_call() {
    on_both(async |front| {
        let ended = Arc::new(Notify::new());
        let in_api = Arc::clone(&ended);
        let api = Router::new().fallback(async move || {
            let told = Told(Arc::clone(&in_api));
            let mut first = true;
            let stream = futures_util::stream::poll_fn(move |_| {
                let _ = &told;
                match std::mem::take(&mut first) {
                    true => std::task::Poll::Ready(Some(Ok::<_, std::io::Error>(Frame::data(
                        Bytes::from("x"),
                    )))),
                    false => std::task::Poll::Pending,
                }
            });
            Body::new(StreamBody::new(stream))
        });
        let stage = Stage::new(front, api).await;
        let mut response = stage.get("/api/events").await.send().await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "x");
        drop(response);
        ended.notified().await;
    })
    .await;
}

/// Whoever hears a body that broke off must not take it for a whole one.
#[tokio::test]
async fn a_body_that_breaks_off_looks_broken_to_the_api() {
    on_both(async |front| {
        let (tell, mut told) = mpsc::channel(1);
        let started = Arc::new(Notify::new());
        let in_api = Arc::clone(&started);
        let api = Router::new().fallback(async move |request: Request| {
            let mut body = request.into_body();
            let first = body.frame().await;
            in_api.notify_one();
            let tell = tell.clone();
            let whole = async move {
                let whole =
                    first.is_some_and(|first| first.is_ok()) && body.collect().await.is_ok();
                tell.send(whole).await.unwrap();
            };
            // The handler itself is given up with its connection.
            tokio::spawn(whole).await.unwrap();
        });
        let stage = Stage::new(front, api).await;
        let cookie = stage.cookie(Person::new("alice")).await;
        for framing in [
            "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "content-length: 100000\r\n\r\nhello",
        ] {
            let head = format!(
                "POST /api/x HTTP/1.1\r\nhost: app\r\nx-csrf: 1\r\ncookie: {}\r\n{framing}",
                cookie.to_str().unwrap()
            );
            let mut connection = TcpStream::connect(stage.address).await.unwrap();
            connection.write_all(head.as_bytes()).await.unwrap();
            started.notified().await;
            drop(connection);
            assert_eq!(told.recv().await, Some(false), "{framing}");
        }
    })
    .await;
}

#[tokio::test]
async fn limits_hold() {
    on_both(async |front| {
        let api = || Router::new().fallback(crate::stage::echo);
        let stage = Stage::with(front, api(), |gate| gate, |proxy| proxy.body_limit(100_000)).await;
        let whole = "x".repeat(100_000);
        told(stage.post("/api/x").await.body(whole.clone())).await;
        let too_long = (413, "forward_body_too_large".to_owned());
        let request = stage.post("/api/x").await.body(format!("{whole}x"));
        assert_eq!(refusal(request).await, too_long);
        // Nobody says how long this one is.
        let (feed, body) = fed();
        let request = stage
            .post("/api/x")
            .await
            .body(reqwest::Body::wrap(Shared(std::sync::Mutex::new(body))));
        let sending = tokio::spawn(refusal(request));
        let piece: &'static str = Box::leak("x".repeat(60_000).into_boxed_str());
        feed.send(piece).await.unwrap();
        feed.send(piece).await.unwrap();
        assert_eq!(sending.await.unwrap(), too_long);
    })
    .await;
}

#[tokio::test]
async fn there_is_a_bound_to_calls_and_a_response_counts_until_its_end() {
    on_both(async |front| {
        let api = Router::new().fallback(async |request: Request| match request.uri().path() {
            "/v1/events" => {
                let mut first = Some(Frame::data(Bytes::from("x")));
                let stream = futures_util::stream::poll_fn(move |_| match first.take() {
                    Some(frame) => std::task::Poll::Ready(Some(Ok::<_, std::io::Error>(frame))),
                    None => std::task::Poll::Pending,
                });
                Body::new(StreamBody::new(stream))
            }
            _ => Body::empty(),
        });
        let stage = Stage::with(front, api, |gate| gate, |proxy| proxy.max_requests(1)).await;
        // Those that have ended leave room.
        for _ in 0..3 {
            let response = stage.get("/api/x").await.send().await.unwrap();
            assert_eq!(response.status(), 200);
            response.bytes().await.unwrap();
        }
        let mut response = stage.get("/api/events").await.send().await.unwrap();
        response.chunk().await.unwrap();
        let busy = (503, "forward_busy".to_owned());
        assert_eq!(refusal(stage.get("/api/x").await).await, busy);
        drop(response);
        loop {
            let response = stage.get("/api/x").await.send().await.unwrap();
            if response.status() == 200 {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_response_that_pauses_for_too_long_breaks_off() {
    on_both(async |front| {
        let (feed, body) = fed();
        let body = Arc::new(std::sync::Mutex::new(Some(body)));
        let api = Router::new().fallback(async move || body.lock().unwrap().take().unwrap());
        let limit = Duration::from_millis(50);
        let stage = Stage::with(front, api, |gate| gate, |proxy| proxy.idle_timeout(limit)).await;
        let request = stage.by(Person::new("alice"), Method::GET, "/api/x").await;
        let mut response = request.send().await.unwrap();
        feed.send("x").await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "x");
        assert!(response.chunk().await.is_err());
    })
    .await;
}
