//! Requests that another site's page may have forged.

use latchgate::User;
use latchgate_tests::app::Count;
use latchgate_tests::app::api::AUDIENCE;
use latchgate_tests::{Browser, Failure, Page, Setup, scenarios};

scenarios!(
    it_is_off_until_it_is_switched_on,
    a_trusted_origin_may_write,
    whoever_has_no_session_is_not_concerned,
    whoever_presents_a_token_is_not_concerned;
    in either keeping:
    another_sites_page_changes_nothing,
);

const SIBLING: &str = "https://blog.example.com";

fn on(setup: Setup) -> Setup {
    setup.gate(|gate| gate.csrf_protection())
}

async fn send(
    browser: &Browser,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
) -> Result<Page, Failure> {
    Ok(browser
        .request(method, path)
        .headers(headers)
        .send()
        .await?)
}

async fn another_sites_page_changes_nothing(setup: Setup) -> Result<(), Failure> {
    let setup = setup.gate(|gate| gate.on_login(async |user: User| Ok(Count::of(user.subject()))));
    let world = on(setup).start().await?;
    let browser = world.signed_in().await?;
    let count = ("POST", "/count");
    for headers in [
        vec![("sec-fetch-site", "same-site"), ("origin", SIBLING)],
        vec![("sec-fetch-site", "cross-site"), ("x-csrf", "1")],
        vec![("origin", "null")],
        vec![],
    ] {
        let page = send(&browser, count, &headers).await?;
        assert_eq!(
            (page.status, &*page.code()),
            (403, "cross_site_request"),
            "{headers:?}"
        );
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.set_cookies(), [""; 0]);
        // Reading is what the same-origin policy is for.
        let page = send(&browser, ("GET", "/count"), &headers).await?;
        assert_eq!(page.json(200)?["number"], 0);
        // The handshake of a WebSocket is a GET, and no CORS policy guards it.
        let socket = [&headers[..], &[("upgrade", "websocket")]].concat();
        let page = send(&browser, ("GET", "/count"), &socket).await?;
        assert_eq!(page.status, 403, "{socket:?}");
    }
    let ours = world.site.as_str();
    let passing = [
        vec![("sec-fetch-site", "same-origin"), ("origin", ours)],
        vec![("sec-fetch-site", "none")],
        vec![("origin", ours)],
        vec![("x-csrf", "1")],
    ];
    for (done, headers) in passing.iter().enumerate() {
        let page = send(&browser, count, headers).await?;
        assert_eq!(page.json(200)?["number"], done + 1, "{headers:?}");
    }
    Ok(())
}

async fn it_is_off_until_it_is_switched_on(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let headers = [("sec-fetch-site", "same-site"), ("origin", SIBLING)];
    let page = send(&browser, ("POST", "/write"), &headers).await?;
    assert_eq!(page.body, "written");
    Ok(())
}

async fn a_trusted_origin_may_write(setup: Setup) -> Result<(), Failure> {
    let setup = setup.gate(|gate| gate.trusted_origins([SIBLING]));
    let world = on(setup).start().await?;
    let browser = world.signed_in().await?;
    for (origin, status) in [(SIBLING, 200), ("https://shop.example.com", 403)] {
        let headers = [("sec-fetch-site", "same-site"), ("origin", origin)];
        let page = send(&browser, ("POST", "/write"), &headers).await?;
        assert_eq!(page.status, status, "{origin}: {page}");
    }
    Ok(())
}

async fn whoever_has_no_session_is_not_concerned(setup: Setup) -> Result<(), Failure> {
    let world = on(setup).start().await?;
    let headers = [("sec-fetch-site", "cross-site"), ("origin", SIBLING)];
    let page = send(&world.browser()?, ("POST", "/write"), &headers).await?;
    assert_eq!((page.status, &*page.code()), (401, "sign_in_required"));
    Ok(())
}

async fn whoever_presents_a_token_is_not_concerned(setup: Setup) -> Result<(), Failure> {
    let setup = setup.registration(|provider| provider.resource(AUDIENCE));
    let world = on(setup).gate(|gate| gate.api(AUDIENCE)).start().await?;
    let browser = world.signed_in().await?;
    let token = world.token(&browser).await?;
    let token = format!(
        "Bearer {}",
        token["access_token"].as_str().unwrap_or_default()
    );
    let foreign = ("sec-fetch-site", "cross-site");
    for (headers, status) in [
        (vec![foreign, ("authorization", token.as_str())], 200),
        (vec![foreign, ("authorization", "Bearer forged")], 401),
        (vec![foreign], 403),
    ] {
        let page = send(&browser, ("POST", "/write"), &headers).await?;
        assert_eq!(page.status, status, "{page}");
    }
    Ok(())
}
