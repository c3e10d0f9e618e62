//! What the adapter does with other middleware around and inside it.

#![expect(
    clippy::unwrap_used,
    reason = "a preparation that fails is a test that fails"
)]

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, call_service, init_service, try_call_service};
use actix_web::{App, Error, HttpMessage, HttpRequest, HttpResponse, ResponseError, web};
use latchgate_actix::adapter::RequestSession;
use latchgate_actix::{ClientAuth, Gate, HookError, LoginMiddleware, Provider, Rejection, User};

/// A gate whose session cookie has the given name. Its provider is never asked.
fn gate(cookie: &str) -> Gate {
    let provider = Provider::new("https://op.example", "app").client_auth(ClientAuth::None);
    Gate::builder("http://127.0.0.1:3000", provider)
        .cookie_name(cookie)
        .build()
        .unwrap()
}

/// A middleware of the application's that wants somebody to be signed in.
async fn wants_a_user(
    _: User,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    next.call(request).await
}

#[actix_web::test]
async fn a_rejection_that_a_middleware_lets_through_is_answered() {
    let app = App::new()
        .wrap(from_fn(wants_a_user))
        .wrap(LoginMiddleware::new(gate("one")))
        .default_service(web::to(HttpResponse::Ok));
    let app = init_service(app).await;
    let request = TestRequest::get().insert_header(("accept", "application/json"));
    let error = try_call_service(&app, request.to_request())
        .await
        .map(drop)
        .unwrap_err();
    let response = error.error_response();
    assert_eq!(response.status(), 401);
    let kind = response.headers().get("content-type").unwrap();
    assert_eq!(kind, "application/problem+json");
}

#[actix_web::test]
async fn a_session_of_an_outer_gate_is_none_of_an_inner_ones() {
    let has_a_session = async |request: HttpRequest| {
        request
            .extensions()
            .contains::<RequestSession>()
            .to_string()
    };
    let app = App::new()
        .wrap(LoginMiddleware::new(gate("outer")))
        .route("/outer", web::get().to(has_a_session))
        .service(
            web::scope("/inner")
                .wrap(LoginMiddleware::new(gate("inner")))
                .route("", web::get().to(has_a_session)),
        );
    let app = init_service(app).await;
    for (path, expected) in [("/outer", "true"), ("/inner", "false")] {
        let request = TestRequest::get()
            .uri(path)
            .insert_header(("cookie", "outer=x"));
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(
            actix_web::test::read_body(response).await,
            expected,
            "{path}"
        );
    }
}

/// A middleware between two gates.
async fn between(
    seen: Rc<RefCell<Vec<bool>>>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let before = request.extensions().contains::<RequestSession>();
    let response = next.call(request).await?;
    let after = response.request().extensions().contains::<RequestSession>();
    seen.borrow_mut().extend([before, after]);
    Ok(response)
}

#[actix_web::test]
async fn a_session_of_an_inner_gate_is_none_of_an_outer_ones() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let witness = seen.clone();
    let app = App::new()
        .wrap(LoginMiddleware::new(gate("inner")))
        .wrap(from_fn(move |request, next| {
            between(witness.clone(), request, next)
        }))
        .wrap(LoginMiddleware::new(gate("outer")))
        .default_service(web::to(HttpResponse::Ok));
    let app = init_service(app).await;
    for (cookie, expected) in [
        ("inner=x", [false, false]),
        ("outer=x", [true, true]),
        ("inner=x; outer=x", [true, true]),
    ] {
        let request = TestRequest::get().insert_header(("cookie", cookie));
        call_service(&app, request.to_request()).await;
        assert_eq!(*seen.take(), expected, "{cookie}");
    }
}

#[actix_web::test]
async fn a_rejection_has_a_status_and_a_sentence() {
    let failed = HookError::Failed("the database is down".into());
    for (error, status, sentence) in [
        (
            latchgate_actix::Error::Hook(failed),
            503,
            "the application's hook failed",
        ),
        (
            latchgate_actix::Error::SessionEnded,
            401,
            "sign-in is required",
        ),
    ] {
        let rejection = Rejection::from(error);
        assert_eq!(rejection.status(), status, "{sentence}");
        assert_eq!(rejection.to_string(), sentence);
        let response = rejection.error_response();
        assert_eq!(response.status(), status, "{sentence}");
        let body = actix_web::body::to_bytes(response.into_body())
            .await
            .unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains("LoginMiddleware"), "{body}");
        assert!(
            !body.contains("hook") && !body.contains("database"),
            "{body}"
        );
    }
}
