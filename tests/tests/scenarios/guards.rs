//! Who may pass, once signed in.

use latchgate_tests::{Failure, Setup, scenarios};

scenarios!(
    a_scope_counts_only_when_it_was_granted,
    no_spelling_of_a_path_passes_a_guard,
    no_raw_request_passes_a_guard_or_leads_elsewhere;
    in either keeping:
    a_role_opens_its_door_and_no_other,
    an_old_login_is_renewed_and_comes_back,
);

async fn a_role_opens_its_door_and_no_other(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let alice = world.signed_in().await?;
    assert_eq!(alice.get("/admin").await?.body, "admitted");
    world.provider.auto_sign_in(Some("bob"));
    let bob = world.signed_in().await?;
    for page in [bob.get("/admin").await?, bob.fetch("GET", "/admin").await?] {
        assert_eq!(
            (page.status, page.code().as_str()),
            (403, "not_permitted"),
            "{page}"
        );
        assert!(page.location.is_none() && page.set_cookies().is_empty());
        assert!(
            !page.body.replace("\"/admin\"", "").contains("admin"),
            "it tells what is missing: {page}"
        );
    }
    assert_eq!(world.whoami(&bob).await?.as_deref(), Some("bob"));
    let stranger = world.browser()?;
    assert_eq!(stranger.get("/admin").await?.status, 303);
    let page = stranger.fetch("GET", "/admin").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "sign_in_required")
    );
    Ok(())
}

async fn a_scope_counts_only_when_it_was_granted(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    assert_eq!(
        world.signed_in().await?.get("/read").await?.body,
        "admitted"
    );
    for granted in ["openid profile", "", "openid email2 xemail EMAIL"] {
        world.mischief().on_token_response(move |answer| {
            answer["scope"] = granted.into();
        });
        let page = world.signed_in().await?.get("/read").await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (403, "not_permitted"),
            "{granted:?}"
        );
    }
    world.mischief().on_token_response(|answer| {
        if let Some(answer) = answer.as_object_mut() {
            answer.remove("scope");
        }
    });
    // RFC 6749 §5.1: no scope means the one that was asked for.
    assert_eq!(
        world.signed_in().await?.get("/read").await?.body,
        "admitted"
    );
    Ok(())
}

async fn an_old_login_is_renewed_and_comes_back(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut browser = world.signed_in().await?;
    assert_eq!(browser.get("/recent").await?.body, "admitted");
    // As lenient as the check of `auth_time` at login, or the two would send the visitor round and round.
    world.clock.pass(330);
    assert_eq!(browser.get("/recent").await?.body, "admitted");
    world.clock.pass(1);
    let page = browser.fetch("GET", "/recent").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "reauthentication_required")
    );
    let page = browser.get("/recent?x=1").await?;
    let url = page.leads_to()?;
    let max_age = url.query_pairs().find(|(name, _)| name == "max_age");
    assert_eq!(
        max_age.map(|(_, value)| value.into_owned()).as_deref(),
        Some("300")
    );
    assert_eq!(
        world.whoami(&browser).await?.as_deref(),
        Some("alice"),
        "still signed in"
    );

    let page = world.visit(&mut browser, "/recent?x=1").await?;
    assert_eq!(
        (page.status, page.body.as_str()),
        (200, "admitted"),
        "{page}"
    );
    assert_eq!(page.url.as_str(), format!("{}/recent?x=1", world.site));

    // A provider that does not authenticate again is not believed, and nothing goes round in circles.
    world.clock.pass(1_000);
    let long_ago = world.clock.now() - 1_000;
    world.mischief().on_id_token(move |_, claims| {
        claims.insert("auth_time".to_owned(), long_ago.into());
    });
    let page = world.visit(&mut browser, "/recent").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (502, "id_token_auth_time")
    );
    Ok(())
}

async fn no_spelling_of_a_path_passes_a_guard(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.provider.auto_sign_in(Some("bob"));
    let bob = world.signed_in().await?;
    let stranger = world.browser()?;
    let spellings = [
        "/admin",
        "//admin",
        "///admin",
        "/admin/",
        "/admin//",
        "/%61dmin",
        "/%2561dmin",
        "/ADMIN",
        "/admin;x",
        "/admin;jsessionid=1",
        "/admin%00",
        "/admin%20",
        "/admin%2f",
        "/%2fadmin",
        "/public%2f..%2fadmin",
        "/public/..;/admin",
        "/admin?x=/public",
        "/admin?/public",
        "/admin%23/public",
        "/admin?next=/login",
    ];
    for path in spellings {
        for browser in [&bob, &stranger] {
            for (name, value) in [
                ("accept", "*/*"),
                ("x-forwarded-uri", "/public"),
                ("x-original-url", "/public"),
                ("x-rewrite-url", "/public"),
                ("user-agent", "kube-probe/1.0"),
                ("x-http-method-override", "GET"),
                ("x-middleware-subrequest", "middleware"),
                ("x-forwarded-user", "alice"),
            ] {
                let page = browser
                    .request("GET", path)
                    .header(name, value)
                    .send()
                    .await?;
                assert_ne!(page.body, "admitted", "{path} {name}");
                assert!(
                    matches!(page.status, 401 | 403 | 404),
                    "{path} {name}: {page}"
                );
            }
        }
    }
    Ok(())
}

async fn no_raw_request_passes_a_guard_or_leads_elsewhere(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let hits: [&[u8]; 16] = [
        b"GET /./admin HTTP/1.1",
        b"GET /x/../admin HTTP/1.1",
        b"GET /public/../admin HTTP/1.1",
        b"GET /public/%2e%2e/admin HTTP/1.1",
        b"GET /admin#/public HTTP/1.1",
        b"GET \\admin HTTP/1.1",
        b"GET /\\admin HTTP/1.1",
        b"GET admin HTTP/1.1",
        b"GET http://evil.example/admin HTTP/1.1",
        b"GET http://evil.example//evil.example/me HTTP/1.1",
        b"GET //evil.example/me HTTP/1.1",
        b"GET /\xc3\xa9 HTTP/1.1",
        b"GET /admin\t HTTP/1.1",
        b"GET /admin HTTP/1.1\r\nCookie: latchgate=\0x",
        b"GET /admin HTTP/1.1\r\nCookie: a=b\r\nCookie: latchgate=x",
        b"OPTIONS * HTTP/1.1",
    ];
    for start in hits {
        let shown = String::from_utf8_lossy(start).into_owned();
        for accept in ["application/json", "text/html"] {
            let head = [start, b"\r\nAccept: ", accept.as_bytes()].concat();
            let answer = world.raw(&head).await?;
            assert!(!answer.ends_with("admitted"), "{shown}: {answer}");
            let status = answer.split(' ').nth(1).unwrap_or_default();
            assert!(!status.starts_with('5'), "{shown}: {answer}");
            let to = answer.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("location").then_some(value)
            });
            let provider = format!("{}/authorize?", world.provider.issuer());
            assert!(
                to.is_none_or(|to| to.starts_with(&provider)),
                "{shown}: {answer}"
            );
        }
    }
    assert_eq!(world.browser()?.get("/public").await?.status, 200);
    Ok(())
}
