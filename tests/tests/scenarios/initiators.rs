//! Who may start a login, and what everybody else gets.

use latchgate_tests::{Failure, Setup, scenarios};

scenarios!(
    only_navigations_start_a_login,
    the_login_page_itself_wants_a_navigation,
    a_head_request_is_answered_like_its_get,
    a_refusal_tells_programs_a_code_and_people_a_way_on,
    an_optional_user_never_redirects,
    a_bearer_token_signs_nobody_in,
    requests_for_public_pages_pay_nothing,
);

type Headers = &'static [(&'static str, &'static str)];

const HTML: (&str, &str) = ("accept", "text/html");

/// Requests that cannot follow a redirect to a login page and come back.
const PROGRAMS: [(&str, Headers); 15] = [
    ("GET", &[("accept", "application/json")]),
    ("GET", &[("accept", "*/*")]),
    ("GET", &[]),
    ("POST", &[HTML]),
    (
        "DELETE",
        &[
            HTML,
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ],
    ),
    ("PUT", &[HTML]),
    ("OPTIONS", &[HTML]),
    ("GET", &[HTML, ("sec-purpose", "prefetch;prerender")]),
    ("GET", &[HTML, ("purpose", "prefetch")]),
    ("GET", &[HTML, ("x-moz", "prefetch")]),
    (
        "GET",
        &[
            HTML,
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "iframe"),
        ],
    ),
    (
        "GET",
        &[
            HTML,
            ("sec-fetch-mode", "cors"),
            ("sec-fetch-dest", "empty"),
        ],
    ),
    (
        "GET",
        &[
            ("accept", "image/avif,*/*"),
            ("sec-fetch-mode", "no-cors"),
            ("sec-fetch-dest", "image"),
        ],
    ),
    ("GET", &[HTML, ("x-requested-with", "XMLHttpRequest")]),
    (
        "GET",
        &[HTML, ("connection", "upgrade"), ("upgrade", "websocket")],
    ),
];

async fn only_navigations_start_a_login(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    for (method, headers) in PROGRAMS {
        let path = match method {
            "POST" => "/write",
            "DELETE" | "PUT" | "OPTIONS" => "/admin",
            _ => "/me",
        };
        let page = browser
            .request(method, path)
            .headers(headers)
            .send()
            .await?;
        let refused = matches!(page.status, 401 | 403 | 405);
        assert!(refused, "{method} {headers:?}: {page}");
        assert_eq!(page.set_cookies(), [""; 0], "{method} {headers:?}");
        assert_eq!(page.location, None);
    }
    assert_eq!(world.back_channel_calls(), 0);

    for headers in [
        &[HTML][..],
        &[
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ],
    ] {
        let page = browser
            .request("GET", "/me")
            .headers(headers)
            .send()
            .await?;
        assert_eq!(page.status, 303, "{headers:?}: {page}");
    }
    Ok(())
}

async fn the_login_page_itself_wants_a_navigation(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    for (method, headers) in PROGRAMS {
        if method == "GET"
            && !headers.iter().any(|(name, _)| {
                name.starts_with("sec-")
                    || *name == "purpose"
                    || name.starts_with("x-")
                    || *name == "upgrade"
            })
        {
            continue;
        }
        let page = browser
            .request(method, "/login")
            .headers(headers)
            .send()
            .await?;
        let expected: &[u16] = match method {
            "GET" => &[403],
            // Only a form of a page of ours is one.
            "POST" => &[400, 403],
            _ => &[405],
        };
        assert!(
            expected.contains(&page.status),
            "{method} {headers:?}: {page}"
        );
        assert_eq!(page.set_cookies(), [""; 0], "{method} {headers:?}");
    }
    assert_eq!(world.back_channel_calls(), 0);
    // Somebody who asks for it by its name and says nothing else may log in: an old browser, curl.
    assert_eq!(browser.request("GET", "/login").send().await?.status, 303);
    Ok(())
}

async fn a_head_request_is_answered_like_its_get(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let page = browser
        .request("HEAD", "/login")
        .navigation("none")
        .send()
        .await?;
    assert_eq!((page.status, page.body.as_str()), (303, ""), "{page}");
    let browser = world.signed_in().await?;
    let page = browser.request("HEAD", "/public").send().await?;
    assert!(matches!(page.status, 200 | 404 | 405), "{page}");
    Ok(())
}

async fn a_refusal_tells_programs_a_code_and_people_a_way_on(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let page = browser.fetch("GET", "/me").await?;
    assert_eq!(page.header("content-type"), "application/problem+json");
    let problem = page.json(401)?;
    assert_eq!(problem["code"], "sign_in_required");
    assert_eq!(problem["status"], 401);
    assert!(
        problem["id"].as_str().is_some_and(|id| id.len() >= 8),
        "{problem}"
    );
    assert!(page.header("www-authenticate").starts_with("Session"));
    assert!(page.header("cache-control").contains("no-store"));

    let request = browser
        .request("POST", "/write")
        .header("accept", "text/html");
    let page = request.send().await?;
    assert_eq!(page.status, 401);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(
        page.body.contains("href=\"/login?return_to=%2F\""),
        "{page}"
    );
    assert_eq!(page.code(), "sign_in_required");
    Ok(())
}

async fn an_optional_user_never_redirects(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let page = world.browser()?.get("/").await?;
    assert_eq!((page.status, page.body.as_str()), (200, "anonymous"));
    assert_eq!(page.set_cookies(), [""; 0]);
    assert_eq!(world.back_channel_calls(), 0);
    Ok(())
}

async fn a_bearer_token_signs_nobody_in(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let token = world.token(&browser).await?["access_token"].to_string();
    let stranger = world.browser()?;
    let long = "x".repeat(7_000);
    for credentials in [
        "Bearer x",
        "Bearer",
        "",
        "Basic YTpi",
        &format!("Bearer {}", token.trim_matches('"')),
        &format!("Bearer {long}"),
    ] {
        for path in ["/me", "/admin", "/token"] {
            let request = stranger
                .request("GET", path)
                .header("authorization", credentials);
            let page = request.header("accept", "application/json").send().await?;
            assert_eq!(
                (page.status, page.code().as_str()),
                (401, "sign_in_required")
            );
        }
    }
    Ok(())
}

async fn requests_for_public_pages_pay_nothing(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let page = browser.get("/public").await?;
    assert_eq!((page.status, page.body.as_str()), (200, "public"));
    assert!(page.set_cookies().is_empty() && page.header("cache-control").is_empty());
    let signed_in = world.signed_in().await?;
    let page = signed_in.get("/public").await?;
    assert!(page.set_cookies().is_empty() && page.header("vary").is_empty());
    Ok(())
}
