//! Logins at the development provider, through applications in this process, and assertions that fail.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "this is how a test fails"
)]

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use latchgate::{Guard, Provider, ResponseMode};
use latchgate_dev_provider::{DevProvider, Endpoint};
use latchgate_test::{
    Answer, LoginAssertions, OfflineProvider, Person, SignedInRequest, TestBrowser,
};
use latchgate_tower::{Gate, GuardLayer, LoginLayer, User};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tower::ServiceExt;

const BASE_URL: &str = "http://127.0.0.1:3000";

fn app(gate: &Gate) -> Router {
    Router::new()
        .route("/admin", get(|| async { "admitted" }))
        .route_layer(GuardLayer::new(Guard::signed_in().role("admin")))
        .route("/me", get(async |user: User| user.subject().to_owned()))
        .layer(LoginLayer::new(gate.clone()))
}

async fn send(gate: &Gate, request: axum::http::request::Builder) -> Answer {
    let request = request.body(Body::empty()).unwrap();
    app(gate).oneshot(request).await.unwrap().into_answer()
}

/// What a failed assertion says.
fn message(assertion: impl FnOnce() -> Answer) -> String {
    let panic = catch_unwind(AssertUnwindSafe(assertion)).expect_err("it holds");
    panic.downcast_ref::<String>().unwrap().clone()
}

#[tokio::test]
async fn a_login_ends_at_the_page_that_was_asked_for() {
    let provider = DevProvider::start().await.unwrap();
    let gate = Gate::from_toml(&provider.settings(BASE_URL)).unwrap();
    let mut browser = TestBrowser::of(BASE_URL, app(&gate)).unwrap();
    browser.assert_signed_out(&gate).await;
    let page = browser.sign_in("/me", "bob").await.unwrap();
    assert_eq!((page.url.path(), page.body.as_str()), ("/me", "bob"));
    browser.assert_signed_in_as(&gate, "bob").await;
    browser.open("/me").await.unwrap().assert_admitted();
    assert_eq!(provider.calls(Endpoint::Token), 1);
    let refused = browser.open("/admin").await.unwrap();
    refused.assert_refused("not_permitted");
    let other = browser.clone();
    other.remove("latchgate-3000").unwrap();
    other.assert_signed_out(&gate).await;
}

#[tokio::test]
async fn a_response_by_form_post_is_sent_on() {
    let provider = DevProvider::start().await.unwrap();
    let registration = Provider::new(provider.issuer(), provider.client_id())
        .client_secret(provider.client_secret())
        .response_mode(ResponseMode::FormPost);
    let gate = Gate::builder(BASE_URL, registration).build().unwrap();
    let mut browser = TestBrowser::of(BASE_URL, app(&gate)).unwrap();
    let page = browser.sign_in("/admin", "alice").await.unwrap();
    assert_eq!(page.assert_admitted().body.as_deref(), Some("admitted"));
}

#[tokio::test]
async fn assertions_say_what_came_instead() {
    let gate = latchgate_test::gate();
    let stranger = || Request::get("/admin");
    let answer = send(&gate, stranger()).await;
    let said = message(|| answer.clone().assert_sent_to_login());
    for part in [
        "sent to log in",
        "401",
        "`sign_in_required`",
        "by_navigation",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let said = message(|| answer.clone().assert_refused("not_permitted"));
    assert!(said.contains("`not_permitted`, but got 401"), "{said}");
    assert!(message(|| answer.assert_admitted()).contains("admitted, but got 401"));

    let answer = send(&gate, stranger().by_navigation()).await;
    answer.clone().assert_sent_to_login();
    let said = message(|| answer.assert_admitted());
    assert!(said.contains("303") || said.contains("302"), "{said}");
    assert!(
        said.contains("to https://provider.example/authorize"),
        "{said}"
    );

    let alice = Person::new("alice").role("admin");
    let answer = send(&gate, stranger().signed_in(&gate, alice).await).await;
    answer.clone().assert_admitted();
    let said = message(|| answer.assert_refused("not_permitted"));
    assert!(said.contains("200 OK\nadmitted"), "{said}");
}

#[tokio::test]
async fn a_provider_that_is_missing_is_named() {
    let gate = latchgate_test::gate();
    let test = tokio::spawn(async move {
        let unknown = Person::new("alice").provider("google");
        send(&gate, Request::get("/me").signed_in(&gate, unknown).await).await
    });
    let panic = test.await.unwrap_err().into_panic();
    let said = panic.downcast_ref::<String>().unwrap();
    assert!(
        said.contains("whole_logins.rs") && said.contains("`google`"),
        "{said}"
    );
}

#[tokio::test]
async fn people_sign_in_at_the_provider_that_is_named_and_choose_among_several() {
    let one = Provider::new("https://one.example", "test")
        .client_secret("a test's")
        .name("one");
    let two = Provider::new("https://two.example", "test")
        .client_secret("a test's")
        .name("two");
    let gate = Gate::builder(BASE_URL, one)
        .provider(two)
        .http_client(OfflineProvider);
    let gate = gate.build().unwrap();
    let alice = Person::new("alice").provider("two");
    let cookies = Request::get("/me").signed_in(&gate, alice).await;
    let cookies = cookies.headers_ref().unwrap()["cookie"].clone();
    let user = gate.test_user(&cookies).await.unwrap().unwrap();
    assert_eq!(user.issuer(), "https://two.example");
    send(&gate, Request::get("/me").by_navigation())
        .await
        .assert_sent_to_login();
}

#[tokio::test]
async fn cookies_of_the_test_stay() {
    let gate = latchgate_test::gate();
    let request = Request::get("/me").header("cookie", "theme=dark");
    let request = request.signed_in(&gate, Person::new("alice")).await;
    let fields = request.headers_ref().unwrap().get_all("cookie");
    let fields: Vec<&str> = fields.iter().map(|field| field.to_str().unwrap()).collect();
    assert_eq!(fields.len(), 1);
    assert!(
        fields[0].starts_with("theme=dark; latchgate-3000="),
        "{fields:?}"
    );
    let answer = send(&gate, request).await.assert_admitted();
    assert_eq!(answer.body.as_deref(), Some("alice"));
}

#[tokio::test]
async fn a_response_signs_somebody_in() {
    let gate = latchgate_test::gate();
    let person = latchgate::Person::new("42");
    let signed_in = gate.sign_in(person, &Request::new(())).await.unwrap();
    let mut response = axum::http::Response::new(Body::empty());
    signed_in.apply_to(response.headers_mut());
    let answer = response.assert_signed_in_as(&gate, "42").await;
    let test = tokio::spawn(async move { answer.assert_signed_in_as(&gate, "43").await });
    let panic = test.await.unwrap_err().into_panic();
    let said = panic.downcast_ref::<String>().unwrap();
    assert!(
        said.contains("expected `43` to be signed in, but it is `42`"),
        "{said}"
    );
}

#[cfg(feature = "actix")]
#[actix_web::test]
async fn a_login_on_actix_web_ends_at_the_page_that_was_asked_for() {
    use actix_web::{App, test::init_service, web};
    use latchgate_actix::LoginMiddleware;

    async fn me(user: latchgate_actix::User) -> String {
        user.subject().to_owned()
    }
    let provider = DevProvider::start().await.unwrap();
    let gate = Gate::from_toml(&provider.settings(BASE_URL)).unwrap();
    let app = App::new().wrap(LoginMiddleware::new(gate.clone()));
    let app = init_service(app.route("/me", web::get().to(me))).await;
    let mut browser = TestBrowser::of_actix(BASE_URL, app).unwrap();
    let page = browser.sign_in("/me", "alice").await.unwrap();
    assert_eq!((page.url.path(), page.body.as_str()), ("/me", "alice"));
    browser.assert_signed_in_as(&gate, "alice").await;
    let logout = browser.fetch("POST", "/logout").await.unwrap();
    assert_eq!(logout.status, 200, "{logout}");
    browser.assert_signed_out(&gate).await;
}
