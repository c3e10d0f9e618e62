//! Middleware of actix-web around and inside of ours.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_ENCODING, HeaderValue};
use actix_web::middleware::{
    Compress, DefaultHeaders, ErrorHandlerResponse, ErrorHandlers, Next, NormalizePath, from_fn,
};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, Error, HttpResponse, Scope, web};
use latchgate_actix::{AccessToken, LoginMiddleware, Rejection, SessionData, User};
use latchgate_tests::{Failure, Framework, Setup, Transcript};

use crate::SITE;

fn page(path: &str) -> TestRequest {
    TestRequest::get()
        .uri(path)
        .insert_header(("accept", "text/html"))
        .insert_header(("sec-fetch-mode", "navigate"))
}

/// Sends a navigation to an application, and says status, `Location` and body.
macro_rules! open {
    ($app:expr, $request:expr) => {{
        let response = call_service(&$app, $request.to_request()).await;
        let status = response.status().as_u16();
        let location = response.headers().get("location").cloned();
        let location = location.and_then(|url| url.to_str().ok().map(str::to_owned));
        let body = to_bytes(response.into_body()).await.unwrap_or_default();
        (
            status,
            location.unwrap_or_default(),
            String::from_utf8_lossy(&body).into_owned(),
        )
    }};
}

async fn me(user: User) -> String {
    user.subject().to_owned()
}

fn shop() -> Scope {
    web::scope("/shop").route("/me", web::get().to(me))
}

#[actix_web::test]
async fn a_scope_or_a_resource_that_cannot_see_the_callback_is_told() -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let (_provider, gate) = crate::gate(SITE).await?;
    let login = || LoginMiddleware::new(gate.clone());
    let account = web::resource("/account").wrap(login()).to(me);
    let app = App::new().service(shop().wrap(login())).service(account);
    let app = init_service(app).await;
    for (path, around) in [("/shop/me", "/shop"), ("/account", "/account")] {
        let (status, _, body) = open!(app, page(path));
        assert_eq!(status, 500, "{path}: {body}");
        assert!(body.contains("layer_out_of_reach"), "{path}: {body}");
        let log = transcript.text();
        assert!(
            log.contains(&format!("the login layer wraps only `{around}`,")),
            "{log}"
        );
        assert!(log.contains("actix-web: `App::wrap`"), "{log}");
    }
    Ok(())
}

#[actix_web::test]
async fn every_place_that_sees_the_callback_works() -> Result<(), Failure> {
    let (provider, gate) = crate::gate(SITE).await?;
    let login = || LoginMiddleware::new(gate.clone());
    let app = init_service(App::new().wrap(login()).service(shop())).await;
    let (status, location, _) = open!(app, page("/shop/me"));
    assert_eq!(status, 303);
    assert!(location.starts_with(provider.issuer()), "{location}");
    assert_eq!(open!(app, page("/callback")).0, 400);

    // Where the scope's path is another one in each request, nobody can tell.
    let tenant = web::scope("/{tenant}").wrap(login());
    let app = App::new().service(tenant.route("/me", web::get().to(me)));
    let app = init_service(app).await;
    assert_eq!(open!(app, page("/acme/me")).0, 303);

    // The application lives in the scope.
    let (provider, gate) = crate::gate(&format!("{SITE}/shop")).await?;
    let app = init_service(App::new().service(shop().wrap(LoginMiddleware::new(gate)))).await;
    let (status, location, _) = open!(app, page("/shop/me"));
    assert_eq!(status, 303);
    assert!(location.starts_with(provider.issuer()), "{location}");
    let (status, _, body) = open!(app, page("/shop/callback"));
    assert_eq!(status, 400);
    assert!(body.contains("state_missing"), "{body}");
    Ok(())
}

type Seen = Rc<RefCell<Vec<String>>>;

/// What `Logger` would see from where it is.
async fn log(
    seen: Seen,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let path = request.path().to_owned();
    let response = next.call(request).await?;
    let line = format!("{path} {}", response.status().as_u16());
    seen.borrow_mut().push(line);
    Ok(response)
}

#[actix_web::test]
async fn a_logger_outside_sees_what_the_browser_gets() -> Result<(), Failure> {
    let (_provider, gate) = crate::gate(SITE).await?;
    let (inside, outside) = (Seen::default(), Seen::default());
    let (within, without) = (inside.clone(), outside.clone());
    let app = App::new()
        .wrap(from_fn(move |request, next| {
            log(within.clone(), request, next)
        }))
        .wrap(LoginMiddleware::new(gate))
        .wrap(from_fn(move |request, next| {
            log(without.clone(), request, next)
        }))
        .route("/me", web::get().to(me));
    let app = init_service(app).await;
    for path in ["/me", "/login"] {
        open!(app, page(path));
    }
    assert_eq!(*inside.borrow(), ["/me 401"]);
    assert_eq!(*outside.borrow(), ["/me 303", "/login 303"]);
    Ok(())
}

#[actix_web::test]
async fn a_normalised_path_is_the_gates_only_from_outside() -> Result<(), Failure> {
    let (_provider, gate) = crate::gate(SITE).await?;
    let login = || LoginMiddleware::new(gate.clone());
    let outside = App::new().wrap(login()).wrap(NormalizePath::trim());
    let outside = init_service(outside.route("/me", web::get().to(me))).await;
    let inside = App::new().wrap(NormalizePath::trim()).wrap(login());
    let inside = init_service(inside.route("/me", web::get().to(me))).await;
    assert_eq!(open!(outside, page("/login/")).0, 303);
    assert_eq!(open!(inside, page("/login/")).0, 404);
    for status in [
        open!(outside, page("/me/")).0,
        open!(inside, page("/me/")).0,
    ] {
        assert_eq!(status, 303);
    }
    Ok(())
}

/// An error page of the application's own.
fn own_page<B>(response: ServiceResponse<B>) -> Result<ErrorHandlerResponse<B>, Error> {
    let own = HttpResponse::Unauthorized().body("own page");
    let response = response.into_response(own);
    Ok(ErrorHandlerResponse::Response(
        response.map_into_boxed_body().map_into_right_body(),
    ))
}

fn handlers<B: 'static>() -> ErrorHandlers<B> {
    ErrorHandlers::new().handler(StatusCode::UNAUTHORIZED, own_page)
}

#[actix_web::test]
async fn error_handlers_inside_keep_logins_from_starting() -> Result<(), Failure> {
    let (_provider, gate) = crate::gate(SITE).await?;
    let login = || LoginMiddleware::new(gate.clone());
    let outside = App::new().wrap(login()).wrap(handlers());
    let outside = init_service(outside.route("/me", web::get().to(me))).await;
    let inside = App::new().wrap(handlers()).wrap(login());
    let inside = init_service(inside.route("/me", web::get().to(me))).await;

    assert_eq!(open!(outside, page("/me")).0, 303);
    let script = || TestRequest::get().uri("/me");
    assert_eq!(
        open!(outside, script()),
        (401, String::new(), "own page".to_owned())
    );
    assert_eq!(
        open!(inside, page("/me")),
        (401, String::new(), "own page".to_owned())
    );
    Ok(())
}

#[actix_web::test]
async fn compressed_and_marked_responses_are_replaced_whole() -> Result<(), Failure> {
    let (_provider, gate) = crate::gate(SITE).await?;
    let app = App::new()
        .wrap(Compress::default())
        .wrap(DefaultHeaders::new().add(("access-control-allow-origin", "https://shop.example")))
        .wrap(LoginMiddleware::new(gate))
        .route("/me", web::get().to(me));
    let app = init_service(app).await;
    let gzip = (ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let request = TestRequest::get().uri("/me").insert_header(gzip);
    let response = call_service(&app, request.to_request()).await;
    assert_eq!(response.status(), 401);
    let headers = response.headers();
    let origin = headers.get("access-control-allow-origin");
    assert_eq!(
        origin,
        Some(&HeaderValue::from_static("https://shop.example"))
    );
    assert_eq!(headers.get("content-encoding"), None);
    let body = to_bytes(response.into_body()).await.unwrap_or_default();
    let problem: serde_json::Value = serde_json::from_slice(&body)?;
    assert_eq!(problem["code"], "sign_in_required");
    Ok(())
}

#[actix_web::test]
async fn outside_middleware_has_its_say_on_every_answer() -> Result<(), Failure> {
    let (_provider, gate) = crate::gate(SITE).await?;
    let app = App::new()
        .wrap(LoginMiddleware::new(gate))
        .wrap(Compress::default())
        .wrap(DefaultHeaders::new().add(("x-served-by", "us")))
        .route("/me", web::get().to(me));
    let app = init_service(app).await;
    for (path, status) in [("/me", 401), ("/callback", 400)] {
        let gzip = (ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let request = TestRequest::get().uri(path).insert_header(gzip);
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(response.status(), status, "{path}");
        for (name, value) in [("content-encoding", "gzip"), ("x-served-by", "us")] {
            let found = response.headers().get(name);
            assert_eq!(found, Some(&HeaderValue::from_static(value)), "{path}");
        }
    }
    Ok(())
}

#[actix_web::test]
async fn no_handler_runs_while_nobody_can_tell_who_is_there() -> Result<(), Failure> {
    let world = Setup::new(Framework::Actix).stored().start().await?;
    let browser = world.signed_in().await?;
    world.store().ok_or("no store")?.set_down(true);
    let gate = world.gate.clone();
    let ran = Arc::new(AtomicUsize::new(0));
    let run = |ran: &Arc<AtomicUsize>| ran.fetch_add(1, Ordering::SeqCst).to_string();
    let (a, b, c, d) = (ran.clone(), ran.clone(), ran.clone(), ran.clone());
    let app = App::new()
        .wrap(LoginMiddleware::new(gate))
        .route(
            "/user",
            web::get().to(move |_: Option<User>| std::future::ready(run(&a))),
        )
        .route(
            "/data",
            web::get().to(move |_: Option<SessionData<u8>>| std::future::ready(run(&b))),
        )
        .route(
            "/token",
            web::get().to(move |_: Option<AccessToken>| std::future::ready(run(&c))),
        )
        .route(
            "/result",
            web::get().to(move |_: Result<User, Rejection>| std::future::ready(run(&d))),
        );
    let app = init_service(app).await;
    let ticket = browser.cookie(world.session_cookie()).ok_or("no cookie")?;
    let cookie = format!("{}={ticket}", world.session_cookie());
    for path in ["/user", "/data", "/token", "/result"] {
        let stranger = TestRequest::get().uri(path);
        assert_eq!(open!(app, stranger).0, 200, "{path}");
        let request = TestRequest::get()
            .uri(path)
            .insert_header(("cookie", cookie.as_str()));
        let (status, _, body) = open!(app, request);
        assert_eq!(status, 503, "{path}: {body}");
        assert!(body.contains("store_unavailable"), "{path}: {body}");
    }
    assert_eq!(ran.load(Ordering::SeqCst), 4, "once for each stranger");
    Ok(())
}
