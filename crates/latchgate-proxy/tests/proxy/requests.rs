//! What the API gets, and what it never does.

use http::Method;
use http::header::COOKIE;
use latchgate_test::Person;

use crate::stage::{Stage, on_both, refusal, told};

#[tokio::test]
async fn a_signed_in_persons_request_goes_to_the_api_with_their_token() {
    on_both(async |front| {
        let stage = Stage::with_echo(front).await;
        let person = Person::new("alice").access_token("her-token");
        let request = stage
            .by(person, Method::PUT, "/api/orders/7?a=b%20c&a=%2F'{}&")
            .await;
        let told = told(request.header("x-request-id", "9").body("hello")).await;
        assert_eq!(told["method"], "PUT");
        assert_eq!(told["url"], "/v1/orders/7?a=b%20c&a=%2F%27{}&");
        assert_eq!(told["body"], "hello");
        let headers = &told["headers"];
        assert_eq!(headers["authorization"], "Bearer her-token");
        assert_eq!(headers["host"], stage.api.to_string());
        assert_eq!(headers["content-length"], "5");
        assert_eq!(headers["x-request-id"], "9");
        assert_eq!(headers["accept"], "application/json");
        for absent in [
            "cookie",
            "sec-fetch-user",
            "transfer-encoding",
            "via",
            "forwarded",
        ] {
            assert!(headers[absent].is_null(), "{absent}: {headers}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_mount_itself_is_the_base_url() {
    on_both(async |front| {
        let stage = Stage::with_echo(front).await;
        for (path, url) in [
            ("/api", "/v1"),
            ("/api/", "/v1"),
            ("/api?a=b", "/v1?a=b"),
            ("/api/x/", "/v1/x/"),
            ("/api/caf%C3%A9/a%2Fb;c=d", "/v1/caf%C3%A9/a%2Fb;c=d"),
            ("/api/http://evil.example", "refused"),
            ("/api/@evil.example/:80", "/v1/@evil.example/:80"),
        ] {
            let request = stage.get(path).await;
            match url {
                "refused" => assert_eq!(refusal(request).await, (400, "forward_path".to_owned())),
                url => assert_eq!(told(request).await["url"], url, "{path}"),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn nobody_gets_a_problem_and_no_redirect_however_they_ask() {
    on_both(async |front| {
        let stage = Stage::with_echo(front).await;
        let asked = stage.by_nobody(Method::GET, "/api/orders");
        assert_eq!(refusal(asked).await, (401, "sign_in_required".to_owned()));
        let navigated = stage.by_nobody(Method::GET, "/api/orders");
        let navigated = navigated.headers(navigation());
        assert_eq!(
            refusal(navigated).await,
            (401, "sign_in_required".to_owned())
        );
        let forged = stage.by_nobody(Method::GET, "/api/orders");
        let forged = forged.header(COOKIE, "latchgate-3000=AAAA");
        assert_eq!(refusal(forged).await, (401, "sign_in_required".to_owned()));
    })
    .await;
}

fn navigation() -> http::HeaderMap {
    let fields = [
        ("accept", "text/html"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let fields = fields.map(|(name, value)| {
        let name = http::HeaderName::from_static(name);
        (name, http::HeaderValue::from_static(value))
    });
    fields.into_iter().collect()
}

/// Also where the gate itself does not check.
#[tokio::test]
async fn a_page_of_another_site_cannot_use_the_session() {
    on_both(async |front| {
        let stage = Stage::with_echo(front).await;
        let by_page = async |method: Method, fields: &[(&'static str, &str)]| {
            let cookie = stage.cookie(Person::new("alice")).await;
            let client = latchgate_proxy::reqwest::Client::new();
            let request = client.request(method, format!("http://{}/api/orders", stage.address));
            let request = request.header(COOKIE, cookie);
            fields.iter().fold(request, |request, (name, value)| {
                request.header(*name, *value)
            })
        };
        for fields in [
            &[("sec-fetch-site", "cross-site")] as &[_],
            &[("sec-fetch-site", "same-site")],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[],
        ] {
            for method in [Method::POST, Method::DELETE, Method::PATCH] {
                let request = by_page(method, fields).await;
                let refused = (403, "cross_site_request".to_owned());
                assert_eq!(refusal(request).await, refused, "{fields:?}");
            }
        }
        let socket = [("sec-fetch-site", "cross-site"), ("upgrade", "websocket")];
        let request = by_page(Method::GET, &socket).await;
        assert_eq!(refusal(request).await.0, 403);
        for fields in [
            [("sec-fetch-site", "same-origin")],
            [("origin", "http://localhost:3000")],
            [("x-csrf", "1")],
        ] {
            told(by_page(Method::POST, &fields).await).await;
        }
        told(by_page(Method::GET, &[("sec-fetch-site", "cross-site")]).await).await;
    })
    .await;
}

#[tokio::test]
async fn a_token_of_the_clients_own_is_not_exchanged_for_the_sessions() {
    on_both(async |front| {
        let stage = Stage::with_echo(front).await;
        for own in ["Bearer x", "bearer", "DPoP x", "Bearer  x, Bearer y"] {
            let request = stage.get("/api/orders").await.header("authorization", own);
            assert_eq!(
                refusal(request).await,
                (403, "session_required".to_owned()),
                "{own}"
            );
        }
        // That of a server in front of us is none.
        let request = stage.get("/api/orders").await;
        let told = told(request.basic_auth("staging", Some("pw"))).await;
        assert_eq!(told["headers"]["authorization"], "Bearer test-access-token");
    })
    .await;
}

#[tokio::test]
async fn what_the_client_claims_about_itself_does_not_reach_the_api() {
    on_both(async |front| {
        let stage = Stage::with_echo(front).await;
        let mut request = stage.get("/api/orders").await;
        for name in [
            "x-forwarded-user",
            "x_forwarded_user",
            "x-real-ip",
            "forwarded",
            "te",
            "x-original-url",
            "dpop",
            "origin",
            "referer",
            "expect-not",
            "x-hop",
        ] {
            request = request.header(name, "x");
        }
        let request = request.header("connection", "x-hop");
        let told = told(request.header(COOKIE, "theme=dark")).await;
        let headers = told["headers"].as_object().unwrap();
        let mut names: Vec<&str> = headers.keys().map(String::as_str).collect();
        names.sort_unstable();
        let expected = [
            "accept",
            "authorization",
            "expect-not",
            "host",
            "sec-fetch-mode",
            "sec-fetch-site",
        ];
        assert_eq!(names, expected);
    })
    .await;
}

#[tokio::test]
async fn named_cookies_pass_but_never_those_of_the_gate() {
    on_both(async |front| {
        let ours = [
            "latchgate-3000",
            "latchgate-3000.1",
            "latchgate-3000-login.x",
            "theme",
        ];
        let api = axum::Router::new().fallback(async |request: axum::extract::Request| {
            let mut response = crate::stage::echo(request).await;
            for cookie in ["theme=light", "latchgate-3000=forged", "other=1"] {
                response
                    .headers_mut()
                    .append("set-cookie", cookie.parse().unwrap());
            }
            response
        });
        let named = |proxy| {
            ours.iter()
                .fold(proxy, |proxy: latchgate_proxy::ApiProxyBuilder, name| {
                    proxy.cookie(*name)
                })
        };
        let stage = Stage::with(front, api, |gate| gate, named).await;
        let request = stage.get("/api/orders").await;
        let request = request.header(COOKIE, "theme=dark; latchgate-3000-login.x=y; other=z");
        let response = request.send().await.unwrap();
        let set: Vec<_> = response
            .headers()
            .get_all("set-cookie")
            .iter()
            .cloned()
            .collect();
        assert_eq!(set, ["theme=light"]);
        let told: serde_json::Value =
            serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(told["headers"]["cookie"], "theme=dark");
    })
    .await;
}

#[tokio::test]
async fn the_application_may_set_fields() {
    on_both(async |front| {
        let key = |proxy: latchgate_proxy::ApiProxyBuilder| {
            let name = http::HeaderName::from_static("x-forwarded-host");
            proxy.header(name, http::HeaderValue::from_static("app.example.com"))
        };
        let api = axum::Router::new().fallback(crate::stage::echo);
        let stage = Stage::with(front, api, |gate| gate, key).await;
        let request = stage
            .get("/api/orders")
            .await
            .header("x-forwarded-host", "evil.example");
        assert_eq!(
            told(request).await["headers"]["x-forwarded-host"],
            "app.example.com"
        );
    })
    .await;
}

/// Clients tidy their URLs up, so these are sent by hand.
#[tokio::test]
async fn no_path_leads_out_of_the_base_url() {
    on_both(async |front| {
        let stage = Stage::with_echo(front).await;
        let cookie = stage.cookie(Person::new("alice")).await;
        let cookie = cookie.to_str().unwrap();
        for path in [
            "/api/../admin",
            "/api/%2e%2e/admin",
            "/api/..%2fadmin",
            "/api/%252e%252e/admin",
            "/api//evil.example",
            "/api/orders/..;/..;/admin",
            "/api/..%5c..%5cadmin",
            "/api/%00",
            "/api/orders/%2e",
        ] {
            let head = format!(
                "GET {path} HTTP/1.1\r\nhost: app\r\nconnection: close\r\ncookie: {cookie}\r\n\r\n"
            );
            let response = stage.raw(head).await;
            assert!(response.starts_with("HTTP/1.1 400"), "{path}: {response}");
            assert!(response.contains("forward_path"), "{path}: {response}");
        }
    })
    .await;
}

#[tokio::test]
async fn methods_that_would_show_the_token_or_open_tunnels_are_refused() {
    on_both(async |front| {
        let stage = Stage::with_echo(front).await;
        let trace = stage
            .by(Person::new("alice"), Method::TRACE, "/api/x")
            .await;
        assert_eq!(refusal(trace).await, (405, "method_not_allowed".to_owned()));
        let query = Method::from_bytes(b"QUERY").unwrap();
        let query = stage.by(Person::new("alice"), query, "/api/x").await;
        assert_eq!(told(query.body("select")).await["method"], "QUERY");
    })
    .await;
}

/// Two lengths of one body are how requests are smuggled; neither is copied.
#[tokio::test]
async fn a_body_has_one_length() {
    on_both(async |front| {
        let stage = Stage::with_echo(front).await;
        let cookie = stage.cookie(Person::new("alice")).await;
        let cookie = cookie.to_str().unwrap();
        let post = format!(
            "POST /api/x HTTP/1.1\r\nhost: app\r\nconnection: close\r\nx-csrf: 1\r\ncookie: {cookie}\r\n"
        );
        let chunked = "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        let response = stage.raw(format!("{post}{chunked}")).await;
        assert!(response.contains(r#""body":"hello""#), "{response}");
        assert!(response.contains(r#""transfer-encoding":"chunked""#), "{response}");
        let both = stage.raw(format!("{post}content-length: 3\r\n{chunked}")).await;
        let refused = both.starts_with("HTTP/1.1 400");
        let by_chunks = both.contains(r#""body":"hello""#) && !both.contains(r#""content-length""#);
        assert!(refused || by_chunks, "{both}");
    })
    .await;
}
