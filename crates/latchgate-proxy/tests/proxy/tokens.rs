//! Whose token the API gets, and what happens when it takes none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use http::{Method, Response};
use http_body_util::BodyExt;
use latchgate_test::Person;

use crate::stage::{Stage, echo, on_both, refusal, told};

/// An API that takes no token but this.
fn takes_only(token: &'static str, calls: &Arc<AtomicUsize>) -> Router {
    let calls = Arc::clone(calls);
    Router::new().fallback(async move |request: Request| {
        calls.fetch_add(1, Ordering::SeqCst);
        if request.headers()["authorization"] == format!("Bearer {token}") {
            return echo(request).await;
        }
        // A connection with an unread body would be closed, maybe under the next request.
        request.into_body().collect().await.unwrap();
        let challenge = "Bearer error=\"invalid_token\"";
        let response = Response::builder()
            .status(401)
            .header("www-authenticate", challenge);
        response.body("secrets of the API".to_owned()).unwrap()
    })
}

/// Somebody whose access token is old enough to be replaced.
fn alice() -> Person {
    let minute = Duration::from_secs(60);
    Person::new("alice")
        .refresh_token("refresh-0")
        .access_token_age(minute)
}

#[tokio::test]
async fn a_token_that_is_due_is_refreshed_and_the_browser_gets_the_session() {
    on_both(async |front| {
        let stage = Stage::with_echo(front).await;
        let person = Person::new("alice").due_for_refresh();
        let request = stage.by(person, Method::GET, "/api/x").await;
        let response = request.send().await.unwrap();
        let set = response.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(set.starts_with("latchgate-3000="), "{set}");
        assert_eq!(response.headers()["cache-control"], "private, no-store");
        assert!(response.text().await.unwrap().contains("Bearer token-1"));
        let again = stage
            .by_nobody(Method::GET, "/api/x")
            .header("cookie", set.split(';').next().unwrap());
        assert_eq!(
            told(again).await["headers"]["authorization"],
            "Bearer token-1"
        );
        assert_eq!(stage.provider.refreshes(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_rejected_token_is_replaced_once_and_the_request_repeated_if_it_can_be() {
    on_both(async |front| {
        let calls = Arc::default();
        let stage = Stage::new(front, takes_only("token-1", &calls)).await;
        let request = stage.by(alice(), Method::POST, "/api/x").await;
        assert_eq!(
            told(request.body("x".repeat(60_000))).await["body"]
                .as_str()
                .unwrap()
                .len(),
            60_000
        );
        assert_eq!(
            (calls.load(Ordering::SeqCst), stage.provider.refreshes()),
            (2, 1)
        );

        // One that went by as a stream cannot, but the next request has the other token.
        let calls = Arc::default();
        let stage = Stage::new(front, takes_only("token-1", &calls)).await;
        let cookie = stage.cookie(alice()).await;
        let post = || {
            stage
                .by_nobody(Method::POST, "/api/x")
                .header("cookie", cookie.clone())
        };
        let long = post().body("x".repeat(100_000));
        assert_eq!(
            refusal(long).await,
            (401, "forward_token_rejected".to_owned())
        );
        assert_eq!(
            (calls.load(Ordering::SeqCst), stage.provider.refreshes()),
            (1, 1)
        );
        told(post().body("x".repeat(100_000))).await;
        assert_eq!(
            (calls.load(Ordering::SeqCst), stage.provider.refreshes()),
            (2, 1)
        );
    })
    .await;
}

#[tokio::test]
async fn an_api_that_takes_no_token_at_all_is_not_asked_for_ever() {
    on_both(async |front| {
        let calls = Arc::default();
        let stage = Stage::new(front, takes_only("none", &calls)).await;
        let request = stage.by(alice(), Method::GET, "/api/x").await;
        let response = request.send().await.unwrap();
        let set = response.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .to_owned();
        // The challenge is the gate's, so that no browser shows a dialog for that of the API.
        assert_eq!(
            (
                response.status().as_u16(),
                &response.headers()["www-authenticate"]
            ),
            (401, &"Session".parse().unwrap())
        );
        let body = response.text().await.unwrap();
        assert!(
            body.contains("forward_token_rejected") && !body.contains("secrets"),
            "{body}"
        );
        assert_eq!(
            (calls.load(Ordering::SeqCst), stage.provider.refreshes()),
            (2, 1)
        );
        // It costs no other refresh for a while, and without a refresh token none at all.
        let cookie = set.split(';').next().unwrap();
        let again = stage
            .by_nobody(Method::GET, "/api/x")
            .header("cookie", cookie);
        let without = stage.get("/api/x").await;
        for (request, times) in [(again, 3), (without, 4)] {
            assert_eq!(
                refusal(request).await,
                (401, "forward_token_rejected".to_owned())
            );
            assert_eq!(
                (calls.load(Ordering::SeqCst), stage.provider.refreshes()),
                (times, 1)
            );
        }
    })
    .await;
}

/// Two people through one proxy and its connections at the same time.
#[tokio::test]
async fn everybody_has_their_own_token() {
    on_both(async |front| {
        let stage = Stage::with_echo(front).await;
        let mut calls = Vec::new();
        for number in 0..40 {
            let token = format!("of-{number}");
            let person = Person::new(format!("person-{number}")).access_token(&*token);
            let request = stage
                .by(person, Method::POST, "/api/x")
                .await
                .body("x".repeat(number));
            calls.push(tokio::spawn(async move { (token, told(request).await) }));
        }
        for call in calls {
            let (token, told) = call.await.unwrap();
            assert_eq!(told["headers"]["authorization"], format!("Bearer {token}"));
        }
    })
    .await;
}
