//! Layers on axum's routers.

use axum::body::Body;
use axum::routing::get;
use axum::{Router, body};
use http::{Request, StatusCode, header};
use latchgate::Gate;
use latchgate_tests::{Failure, Transcript};
use latchgate_tower::{LoginLayer, User};
use tower::ServiceExt;

use crate::SITE;

/// A page of somebody's, and one of everybody's.
fn pages() -> Router {
    Router::new()
        .route("/me", get(|_: User| async { "hello" }))
        .route("/", get(|_: Option<User>| async { "home" }))
}

/// What a browser gets that opens a path: status, `Location`, body.
async fn open(
    app: &Router,
    path: &str,
    cookie: Option<&str>,
) -> Result<(StatusCode, String, String), Failure> {
    let request = Request::get(path)
        .header("accept", "text/html")
        .header("sec-fetch-mode", "navigate")
        .header("cookie", cookie.unwrap_or("theme=dark"));
    let response = app.clone().oneshot(request.body(Body::empty())?).await?;
    let headers = response.headers();
    let location = headers.get(header::LOCATION).map(|url| url.to_str());
    let location = location.transpose()?.unwrap_or_default().to_owned();
    let cookie = headers.get(header::SET_COOKIE).map(|line| line.to_str());
    let cookie = cookie.transpose()?.unwrap_or_default().to_owned();
    let status = response.status();
    let body = body::to_bytes(response.into_body(), 1 << 20).await?;
    let body = if location.is_empty() {
        String::from_utf8(body.to_vec())?
    } else {
        cookie
    };
    Ok((status, location, body))
}

/// The page at `{below}/me` starts a login, and the provider's answer would be seen.
async fn works(title: &str, app: Router, issuer: &str, below: &str) -> Result<(), Failure> {
    let (status, location, _) = open(&app, &format!("{below}/me"), None).await?;
    assert_eq!(status, StatusCode::SEE_OTHER, "{title}");
    assert!(location.starts_with(issuer), "{title}: {location}");
    let (status, _, body) = open(&app, &format!("{below}/callback"), None).await?;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{title}");
    assert!(body.contains("state_missing"), "{title}: {body}");
    Ok(())
}

fn login(gate: &Gate) -> LoginLayer {
    LoginLayer::new(gate.clone())
}

#[tokio::test]
async fn a_nested_router_that_cannot_see_the_callback_is_told() -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let (_provider, gate) = crate::gate(SITE).await?;
    let inner = pages().layer(login(&gate));
    let service = Router::new().nest_service("/shop", inner.clone());
    for app in [Router::new().nest("/shop", inner), service] {
        let (status, _, body) = open(&app, "/shop/me", None).await?;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{body}");
        assert!(body.contains("layer_out_of_reach"), "{body}");
        assert!(
            body.contains("Router::layer, after its last route"),
            "{body}"
        );
        let (status, _, body) = open(&app, "/shop", None).await?;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "home"));
    }
    // What a developer may know on loopback is nothing for visitors.
    let (_provider, gate) = crate::gate("https://app.example").await?;
    let app = Router::new().nest("/shop", pages().layer(login(&gate)));
    let (_, _, body) = open(&app, "/shop/me", None).await?;
    assert!(body.contains("layer_out_of_reach"), "{body}");
    assert!(!body.contains("Router::layer"), "{body}");
    let log = transcript.text();
    assert!(log.contains("the login layer wraps only `/shop`,"), "{log}");
    assert!(
        log.contains("`Router::layer` on the outermost router"),
        "{log}"
    );
    assert!(
        log.contains("`http://127.0.0.1:3000/shop` the base URL"),
        "{log}"
    );
    Ok(())
}

#[tokio::test]
async fn every_place_that_sees_the_callback_works() -> Result<(), Failure> {
    let (provider, gate) = crate::gate(SITE).await?;
    let issuer = provider.issuer();
    let nested = Router::new().nest("/shop", pages());
    let places = [
        ("on the router", "", pages().layer(login(&gate))),
        (
            "after a fallback",
            "",
            pages().fallback(|| async { "nothing" }).layer(login(&gate)),
        ),
        (
            "merged into one without",
            "",
            Router::new().merge(pages().layer(login(&gate))),
        ),
    ];
    for (title, below, app) in places {
        works(title, app, issuer, below).await?;
    }
    // Around a nested router the callback is outside of it.
    let app = nested.layer(login(&gate));
    let (status, location, _) = open(&app, "/shop/me", None).await?;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(location.starts_with(issuer), "{location}");
    assert_eq!(
        open(&app, "/callback", None).await?.0,
        StatusCode::BAD_REQUEST
    );
    // Where the prefix is another one in each request, nobody can tell.
    let app = Router::new().nest("/{tenant}", pages().layer(login(&gate)));
    assert_eq!(open(&app, "/acme/me", None).await?.0, StatusCode::SEE_OTHER);

    // The application lives at the nested path.
    let (provider, gate) = crate::gate(&format!("{SITE}/shop")).await?;
    let inner = pages().layer(login(&gate));
    let with_fallback = pages().fallback(|| async { "nothing" }).layer(login(&gate));
    for (title, app) in [
        ("a service", Router::new().nest_service("/shop", inner)),
        ("a fallback", Router::new().nest("/shop", with_fallback)),
        (
            "around all",
            Router::new().nest("/shop", pages()).layer(login(&gate)),
        ),
    ] {
        works(title, app, provider.issuer(), "/shop").await?;
    }
    Ok(())
}

/// What nobody can see from within a route is at least told when a browser comes back without an answer.
#[tokio::test]
async fn a_layer_on_routes_only_is_doubted_in_the_log() -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let (_provider, gate) = crate::gate("http://127.0.0.1:3001").await?;
    let told = || {
        transcript
            .text()
            .matches("http://127.0.0.1:3001/callback there")
            .count()
    };
    let app = pages().route_layer(login(&gate));
    let (status, _, cookie) = open(&app, "/me", None).await?;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(
        open(&app, "/callback", None).await?.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(told(), 0);
    let cookie = cookie.split(';').next();
    for _ in 0..2 {
        assert_eq!(open(&app, "/me", cookie).await?.0, StatusCode::SEE_OTHER);
    }
    assert_eq!(told(), 1, "once is enough: {}", transcript.text());

    // The layer of a router loses what it has beside its routes to a router that is merged or nested.
    let merged = pages().layer(login(&gate)).merge(Router::new());
    assert_eq!(
        open(&merged, "/callback", None).await?.0,
        StatusCode::NOT_FOUND
    );
    let (_provider, below) = crate::gate("http://127.0.0.1:3003/shop").await?;
    let nested = Router::new().nest("/shop", pages().layer(login(&below)));
    let (status, _, _) = open(&nested, "/shop/callback", None).await?;
    assert_eq!(status, StatusCode::NOT_FOUND);

    // Where a request for the gate's paths has come, a login that was given up says nothing.
    let (_provider, gate) = crate::gate("http://127.0.0.1:3002").await?;
    let app = pages().layer(login(&gate));
    let (_, _, cookie) = open(&app, "/login", None).await?;
    open(&app, "/me", cookie.split(';').next()).await?;
    assert!(
        !transcript
            .text()
            .contains("http://127.0.0.1:3002/callback there")
    );
    Ok(())
}
