//! What a rejection says of itself: to the layers inside of the login layer, and to the application.

#![expect(
    clippy::unwrap_used,
    reason = "a preparation that fails is a test that fails"
)]

use std::error::Error as _;

use axum::response::IntoResponse;
use http::{Request, StatusCode};
use latchgate_tower::adapter::Challenge;
use latchgate_tower::{Denial, Error, HookError, Rejection, StepUp};

fn rejections() -> [(Rejection, StatusCode, &'static str); 4] {
    let request = Request::get("/admin")
        .header("accept", "text/html")
        .header("sec-fetch-mode", "navigate")
        .body(())
        .unwrap();
    let admin = Denial::Role("admin".to_owned());
    let mut recent = StepUp::default();
    recent.max_age = Some(60);
    let recent = Denial::StepUp(recent);
    let failed = HookError::Failed("the database is down".into());
    [
        (
            Challenge::sign_in(&request).into(),
            StatusCode::UNAUTHORIZED,
            "sign-in is required",
        ),
        (
            Challenge::denied(&request, recent).into(),
            StatusCode::UNAUTHORIZED,
            "authentication within the last 60 seconds is required",
        ),
        (
            Challenge::denied(&request, admin).into(),
            StatusCode::FORBIDDEN,
            "the role `admin` is required",
        ),
        (
            Error::Hook(failed).into(),
            StatusCode::SERVICE_UNAVAILABLE,
            "the application's hook failed",
        ),
    ]
}

#[test]
fn a_rejection_has_a_status_and_a_sentence() {
    for (rejection, status, sentence) in rejections() {
        assert_eq!(rejection.status(), status, "{sentence}");
        assert_eq!(rejection.to_string(), sentence);
        assert_eq!(rejection.into_response().status(), status, "{sentence}");
    }
}

#[tokio::test]
async fn what_failed_is_told_to_logs_only() {
    let [.., (rejection, ..)] = rejections();
    let cause = rejection.source().and_then(|cause| cause.source());
    let cause = cause.unwrap().to_string();
    assert!(cause.contains("the database is down"), "{cause}");
    let [.., (rejection, ..)] = rejections();
    let response = rejection.into_response();
    assert!(response.extensions().get::<Challenge>().is_some());
    let body = axum::body::to_bytes(response.into_body(), 1_024).await;
    let body = String::from_utf8(body.unwrap().to_vec()).unwrap();
    assert!(body.contains("LoginLayer"), "{body}");
    assert!(
        !body.contains("hook") && !body.contains("database"),
        "{body}"
    );
}
