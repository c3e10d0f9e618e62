//! Where visitors land: on this site, whatever the link said.

use latchgate_tests::{Failure, Setup, World, scenarios};
use url::Url;

scenarios!(
    a_hostile_return_to_leads_home,
    a_hostile_path_of_a_protected_route_stays_here,
    a_good_return_to_is_kept,
    a_long_return_to_never_breaks_a_login,
    a_return_to_our_own_routes_leads_home,
);

/// What has opened redirects in other people's middleware.
const HOSTILE: [&str; 34] = [
    "//evil.example/x",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/ /evil.example",
    "/./\\evil.example",
    "/../\\evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/%2e//evil.example",
    "/x/..//evil.example",
    "evil.example",
    ".evil.example",
    "@evil.example",
    ":evil.example",
    "https://evil.example/",
    "https:evil.example",
    "https:///evil.example",
    "http://",
    "http://[::1",
    "http://127.0.0.1@evil.example/",
    "http://localhost:80@evil.example/",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "/\u{0}/evil.example",
    "/\u{7f}/evil.example",
    "/é//evil.example",
    "",
];

/// Logs somebody in from `start` and says where they are sent, as written and as a browser resolves it.
async fn landing(world: &World, start: &str) -> Result<(String, Url), Failure> {
    let browser = world.browser()?;
    let callback = world.callback(&browser, start).await?;
    let page = browser.get(callback.as_str()).await?;
    assert_eq!(page.status, 303, "{start}: {page}");
    let location = page.location.clone().unwrap_or_default();
    Ok((location, page.leads_to()?))
}

fn login(return_to: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("return_to", return_to)
        .finish();
    format!("/login?{query}")
}

async fn a_hostile_return_to_leads_home(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    for text in HOSTILE {
        let (location, url) = landing(&world, &login(text)).await?;
        assert_eq!(location, "/", "{text:?}");
        assert_eq!(url.as_str(), format!("{}/", world.site), "{text:?}");
    }
    // Bytes that are no text, and a name that comes twice.
    for query in [
        "return_to=%ff%fe//evil.example",
        "return_to=/a&return_to=//evil.example",
        "return_to",
        "return_to=%",
    ] {
        let (_, url) = landing(&world, &format!("/login?{query}")).await?;
        assert!(
            url.as_str().starts_with(&format!("{}/", world.site)),
            "{url}"
        );
    }
    Ok(())
}

async fn a_hostile_path_of_a_protected_route_stays_here(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let queries = [
        "?x=//evil.example",
        "?next=https://evil.example/",
        "?%2f%2fevil.example",
        "?a=%0d%0aset-cookie:x=1",
    ];
    for query in queries {
        let path = format!("/me{query}");
        let (location, url) = landing(&world, &path).await?;
        assert_eq!(location, path);
        assert_eq!(url.as_str(), format!("{}{path}", world.site));
    }
    // Whatever these paths are to the router, they lead nowhere else.
    for path in [
        "//evil.example/x",
        "/%2f%2fevil.example",
        "/%5cevil.example",
        "//evil.example/%2e%2e",
        "/%09/evil.example",
    ] {
        let browser = world.browser()?;
        let page = browser.get(path).await?;
        if page.status == 303 {
            let (_, url) = landing(&world, path).await?;
            assert!(
                url.as_str().starts_with(&format!("{}/", world.site)),
                "{url}"
            );
        } else {
            assert_eq!(
                (page.status, page.location.as_deref()),
                (404, None),
                "{path}"
            );
        }
    }
    Ok(())
}

async fn a_good_return_to_is_kept(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    for text in [
        "/",
        "/me",
        "/me?a=1&b=2#c",
        "/a/b/c?x=%2F%2Fevil",
        "/login2",
        "/x?login=/login",
    ] {
        let (location, _) = landing(&world, &login(text)).await?;
        assert_eq!(location, text);
    }
    Ok(())
}

async fn a_long_return_to_never_breaks_a_login(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    for length in [
        1_000, 2_000, 2_047, 2_048, 2_049, 2_600, 3_000, 3_500, 6_000,
    ] {
        let long = format!("/{}", "x".repeat(length - 1));
        let (location, _) = landing(&world, &login(&long)).await?;
        assert!(location == long || location == "/", "{length}: {location}");
        let path = format!("/me?{}", "y".repeat(length - 4));
        let (location, _) = landing(&world, &path).await?;
        assert!(location == path || location == "/", "{length}: {location}");
        // Even while other logins are under way.
        let mut browser = world.browser()?;
        for _ in 0..3 {
            browser.get(&path).await?;
        }
        assert_eq!(browser.open(&path).await?.status, 200, "{length}");
    }
    Ok(())
}

async fn a_return_to_our_own_routes_leads_home(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    for text in [
        "/login",
        "/login?return_to=/me",
        "/callback?state=x",
        "/logout",
        "/backchannel-logout",
        "/frontchannel-logout?iss=x&sid=y",
        "/logout#x",
        "/./logout",
        "/x/../logout",
        "/%6cogout",
    ] {
        let (location, _) = landing(&world, &login(text)).await?;
        if text == "/%6cogout" {
            // Nobody decodes it: neither we nor a browser take it for the route.
            assert_eq!(location, text);
        } else {
            assert_eq!(location, "/", "{text}");
        }
    }
    Ok(())
}
