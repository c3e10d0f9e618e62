//! What the browser gets of an API's response.

use axum::Router;
use axum::routing::{any, get};
use http::{Method, Response, StatusCode};
use latchgate_test::{OfflineProvider, Person};
use latchgate_tower::{BasePath, Gate, Provider};

use crate::stage::{Stage, on_both, refusal};

fn response(status: u16, fields: &[(&str, &str)], body: &str) -> Response<String> {
    let mut response = Response::builder().status(status);
    for (name, value) in fields {
        response = response.header(*name, *value);
    }
    response.body(body.to_owned()).unwrap()
}

#[tokio::test]
async fn a_response_passes_without_what_is_not_for_the_browser() {
    on_both(async |front| {
        let api = Router::new().fallback(async || {
            let fields = [
                ("content-type", "application/json"),
                ("etag", "\"1\""),
                ("vary", "accept"),
                ("cache-control", "public, max-age=60"),
                ("set-cookie", "latchgate-3000=forged"),
                ("set-cookie", "theme=dark"),
                ("access-control-allow-origin", "*"),
                ("strict-transport-security", "max-age=1"),
                ("x-accel-redirect", "/etc/passwd"),
                ("connection", "x-hop"),
                ("x-hop", "1"),
                ("www-authenticate", "Basic"),
            ];
            response(418, &fields, "{}")
        });
        let stage = Stage::new(front, api).await;
        let response = stage.get("/api/x").await.send().await.unwrap();
        assert_eq!(response.status(), 418);
        let headers = response.headers();
        assert_eq!(headers["etag"], "\"1\"");
        assert_eq!(headers["content-length"], "2");
        assert_eq!(headers["cache-control"], "private, no-store");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let vary: Vec<_> = headers.get_all("vary").iter().cloned().collect();
        assert_eq!(vary, ["accept", "cookie"]);
        for absent in [
            "set-cookie",
            "access-control-allow-origin",
            "strict-transport-security",
            "x-accel-redirect",
            "x-hop",
            "www-authenticate",
        ] {
            assert!(!headers.contains_key(absent), "{absent}");
        }
        assert_eq!(response.text().await.unwrap(), "{}");
    })
    .await;
}

/// A proxy in front of the application has removed `/shop`, and the browser knows no path without it.
#[tokio::test]
async fn redirects_have_the_path_that_a_proxy_in_front_has_removed() {
    on_both(async |front| {
        let api = Router::new().fallback(async || {
            let fields = [("location", "/v1/new"), ("content-location", "/v1/here")];
            response(307, &fields, "")
        });
        let stripped = |_| {
            let provider =
                Provider::new("https://provider.example", "test").client_secret("a test's");
            Gate::builder("http://localhost:3000/shop", provider)
                .base_path(BasePath::Stripped)
                .http_client(OfflineProvider)
        };
        let stage = Stage::with(front, api, stripped, |proxy| proxy).await;
        let moved = stage.get("/api/old").await.send().await.unwrap();
        assert_eq!(moved.status(), 307);
        assert_eq!(moved.headers()["location"], "/shop/api/new");
        assert_eq!(moved.headers()["content-location"], "/shop/api/here");
    })
    .await;
}

#[tokio::test]
async fn redirects_stay_within_the_proxy() {
    on_both(async |front| {
        let to = |location: &'static str| {
            any(async move || response(307, &[("location", location)], ""))
        };
        let api = Router::new()
            .route("/v1/old", to("/v1/new?a=b"))
            .route("/v1/out", to("https://login.example/"))
            .route("/v1/up", to("/admin"));
        let stage = Stage::new(front, api).await;
        let moved = stage.get("/api/old").await.send().await.unwrap();
        assert_eq!(
            (moved.status().as_u16(), &moved.headers()["location"]),
            (307, &"/api/new?a=b".parse().unwrap())
        );
        for path in ["/api/out", "/api/up"] {
            let request = stage.get(path).await;
            assert_eq!(
                refusal(request).await,
                (502, "forward_redirect".to_owned()),
                "{path}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn responses_without_a_body_have_none() {
    on_both(async |front| {
        let api = Router::new()
            .route("/v1/length", get(async || "seven 7"))
            .route("/v1/none", any(async || response(204, &[], "")))
            .route(
                "/v1/same",
                any(async || response(304, &[("etag", "\"1\"")], "")),
            );
        let stage = Stage::new(front, api).await;
        let head = stage
            .by(Person::new("alice"), Method::HEAD, "/api/length")
            .await;
        let head = head.send().await.unwrap();
        assert_eq!(
            (head.status().as_u16(), &head.headers()["content-length"]),
            (200, &"7".parse().unwrap())
        );
        assert_eq!(head.text().await.unwrap(), "");
        for (path, status) in [("/api/none", 204), ("/api/same", 304)] {
            let response = stage.get(path).await.send().await.unwrap();
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.text().await.unwrap(), "");
        }
    })
    .await;
}

#[tokio::test]
async fn an_api_that_is_down_or_slow_is_a_problem_of_its_own() {
    on_both(async |front| {
        let closed = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let stage = Stage::in_front_of(front, closed, |gate| gate, |proxy| proxy).await;
        let request = stage.get("/api/x").await;
        assert_eq!(refusal(request).await, (502, "api_call".to_owned()));

        let silent = Router::new().fallback(async || std::future::pending::<()>().await);
        let limit = std::time::Duration::from_millis(50);
        let stage = Stage::with(
            front,
            silent,
            |gate| gate,
            |proxy| proxy.response_timeout(limit),
        )
        .await;
        let request = stage.get("/api/x").await;
        assert_eq!(refusal(request).await, (504, "forward_timeout".to_owned()));

        let asks = Router::new().fallback(async || StatusCode::PROXY_AUTHENTICATION_REQUIRED);
        let stage = Stage::new(front, asks).await;
        let request = stage.get("/api/x").await;
        assert_eq!(refusal(request).await, (502, "api_call".to_owned()));
    })
    .await;
}
