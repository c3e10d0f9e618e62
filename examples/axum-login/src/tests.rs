use axum::body::Body;
use axum::http::{Request, Response};
use latchgate_test::{LoginAssertions, Person, SignedInRequest};
use latchgate_tower::Gate;
use std::time::Duration;
use tower::ServiceExt;

async fn send(gate: &Gate, request: Request<Body>) -> Response<Body> {
    super::app(gate.clone()).oneshot(request).await.unwrap()
}

#[tokio::test]
async fn alice_is_an_admin() {
    let gate = latchgate_test::gate();
    let request = Request::get("/admin").signed_in(&gate, Person::new("alice").role("admin"));
    let request = request.await.body(Body::empty()).unwrap();
    send(&gate, request).await.assert_admitted();
}

#[tokio::test]
async fn bob_is_none_and_a_stranger_has_to_log_in() {
    let gate = latchgate_test::gate();
    let request = Request::get("/admin").signed_in(&gate, Person::new("bob").role("user"));
    let request = request.await.body(Body::empty()).unwrap();
    send(&gate, request).await.assert_refused("not_permitted");
    let request = Request::get("/admin").by_navigation();
    let request = request.body(Body::empty()).unwrap();
    send(&gate, request).await.assert_sent_to_login();
}

#[tokio::test]
async fn a_login_of_an_hour_ago_is_too_old_for_a_step_up() {
    let gate = latchgate_test::gate();
    let alice = Person::new("alice").signed_in_ago(Duration::from_secs(3_600));
    let request = Request::get("/step-up").signed_in(&gate, alice).await;
    let request = request.by_navigation().body(Body::empty()).unwrap();
    send(&gate, request).await.assert_sent_to_login();
}
