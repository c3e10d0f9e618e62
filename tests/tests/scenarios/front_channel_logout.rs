//! The provider ends sessions by frames in the browser (OpenID Connect Front-Channel Logout 1.0).

use latchgate_dev_provider::{Client, Endpoint};
use latchgate_tests::{Browser, Failure, Page, Setup, SharedStore, World, scenarios};
use url::Url;
use url::form_urlencoded::Serializer;

scenarios!(
    nothing_is_written_for_a_session_nobody_has,
    the_provider_signs_everybody_out_by_frames;
    in either keeping:
    the_named_session_ends_and_no_other,
    a_request_that_is_wrong_ends_nothing,
    the_cookie_decides_where_nobody_is_named,
    a_cookie_of_another_session_stays_what_it_is,
    a_session_without_a_name_ends_by_its_cookie,
    the_provider_may_frame_the_answer_and_nobody_else,
    no_token_is_revoked_at_anybodys_word,
    a_store_that_is_down_is_told,
);

const ROUTE: &str = "/frontchannel-logout";

/// What browsers send along when a page of another site frames ours, and does not say where it is.
const FRAMED: [(&str, &str); 4] = [
    ("accept", "text/html,*/*;q=0.8"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "iframe"),
    ("sec-fetch-site", "cross-site"),
];

fn route(world: &World, sid: &str) -> String {
    let query = Serializer::new(String::new())
        .append_pair("iss", world.provider.issuer())
        .append_pair("sid", sid)
        .append_pair("unknown", "parameter")
        .finish();
    format!("{ROUTE}?{query}")
}

async fn framed(browser: &Browser, url: &str) -> Result<Page, Failure> {
    Ok(browser.request("GET", url).headers(&FRAMED).send().await?)
}

async fn sid(browser: &Browser) -> Result<String, Failure> {
    let claims = browser.fetch("GET", "/me").await?.json(200)?;
    Ok(claims["sid"].as_str().unwrap_or_default().to_owned())
}

async fn the_named_session_ends_and_no_other(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let (one, other) = (world.signed_in().await?, world.signed_in().await?);
    let named = route(&world, &sid(&one).await?);
    // A frame of another site brings no cookie.
    let page = framed(&world.browser()?, &named).await?;
    assert_eq!(
        (page.status, page.location.as_deref()),
        (200, None),
        "{page}"
    );
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.header("content-type").starts_with("text/html"));
    assert_eq!(page.set_cookies(), [""; 0]);
    assert_eq!(world.whoami(&one).await?, None);
    assert_eq!(world.whoami(&other).await?.as_deref(), Some("alice"));

    let unknown = framed(&world.browser()?, &route(&world, "nobody's")).await?;
    assert_eq!((unknown.status, unknown.body), (200, page.body));
    // With the cookie, which same-site providers bring along, it goes.
    let named = route(&world, &sid(&other).await?);
    let page = framed(&other, &named).await?;
    assert!(
        page.status == 200 && page.clears(world.session_cookie()),
        "{page}"
    );
    assert_eq!(world.whoami(&other).await?, None);
    world.clock.pass(1);
    let again = world.signed_in().await?;
    assert_eq!(world.whoami(&again).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn a_request_that_is_wrong_ends_nothing(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let (iss, sid) = (world.provider.issuer(), sid(&browser).await?);
    let queries: [&[(&str, &str)]; 8] = [
        &[("iss", "https://other.example"), ("sid", &sid)],
        &[("iss", ""), ("sid", &sid)],
        &[("sid", &sid)],
        &[("iss", iss)],
        &[("iss", iss), ("sid", "")],
        &[("iss", iss), ("iss", iss), ("sid", &sid)],
        &[("iss", iss), ("sid", &sid), ("sid", &sid)],
        &[("iss", iss), ("sid", &sid), ("sid", "other")],
    ];
    for query in queries {
        let encoded = Serializer::new(String::new()).extend_pairs(query).finish();
        let page = framed(&browser, &format!("{ROUTE}?{encoded}")).await?;
        let answer = (page.status, page.code());
        assert_eq!(
            answer,
            (400, "front_channel_logout".to_owned()),
            "{query:?}: {page}"
        );
        assert_eq!(page.set_cookies(), [""; 0]);
        assert_eq!(page.header("x-frame-options"), "DENY");
    }
    for method in ["POST", "PUT", "DELETE", "HEAD"] {
        let named = route(&world, &sid);
        let page = browser
            .request(method, &named)
            .headers(&FRAMED)
            .send()
            .await?;
        assert_eq!(
            (page.status, page.header("allow")),
            (405, "GET"),
            "{method}"
        );
    }
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn the_cookie_decides_where_nobody_is_named(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let page_of = |origin: &str| format!("{origin}/page");
    let (provider, ours) = (page_of(world.provider.issuer()), page_of(&world.site));
    let document = ("sec-fetch-dest", "document");
    let iframe = ("sec-fetch-dest", "iframe");
    // Links, windows, images and scripts of anybody's, and frames on pages of others.
    let foreign: [&[(&str, &str)]; 8] = [
        &[document, ("sec-fetch-site", "cross-site")],
        &[
            document,
            ("sec-fetch-site", "same-site"),
            ("referer", &provider),
        ],
        &[document, ("sec-fetch-site", "none")],
        &[
            ("sec-fetch-dest", "image"),
            ("sec-fetch-site", "same-origin"),
        ],
        &[iframe, ("referer", "https://evil.example/")],
        &[iframe, ("referer", "nowhere")],
        &[("referer", "https://evil.example/")],
        &[],
    ];
    for headers in foreign {
        let page = browser
            .request("GET", ROUTE)
            .headers(headers)
            .send()
            .await?;
        let answer = (page.status, page.code());
        assert_eq!(
            answer,
            (403, "cross_site_request".to_owned()),
            "{headers:?}: {page}"
        );
        assert_eq!(page.set_cookies(), [""; 0]);
        // Without a cookie there is nothing to protect and nothing to end.
        let nobody = world.browser()?;
        let page = nobody.request("GET", ROUTE).headers(headers).send().await?;
        assert_eq!((page.status, page.set_cookies().len()), (200, 0));
    }
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));

    let frames: [&[(&str, &str)]; 4] = [
        &[iframe],
        &[iframe, ("referer", &provider)],
        &[iframe, ("referer", &ours)],
        &[("referer", &provider)],
    ];
    for headers in frames {
        let (browser, other) = (world.signed_in().await?, world.signed_in().await?);
        let thief = browser.clone();
        let page = browser
            .request("GET", ROUTE)
            .headers(headers)
            .send()
            .await?;
        assert!(
            page.status == 200 && page.clears(world.session_cookie()),
            "{page}"
        );
        assert_eq!(world.whoami(&thief).await?, None, "{headers:?}");
        assert_eq!(world.whoami(&other).await?.as_deref(), Some("alice"));
    }
    Ok(())
}

async fn a_cookie_of_another_session_stays_what_it_is(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let (browser, former) = (world.signed_in().await?, world.signed_in().await?);
    for sid in ["made up".to_owned(), sid(&former).await?] {
        let page = framed(&browser, &route(&world, &sid)).await?;
        assert_eq!((page.status, page.set_cookies().len()), (200, 0), "{page}");
    }
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    assert_eq!(world.whoami(&former).await?, None);
    Ok(())
}

async fn a_session_without_a_name_ends_by_its_cookie(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    world
        .mischief()
        .on_id_token(|_, claims| drop(claims.remove("sid")));
    let browser = world.signed_in().await?;
    let named = route(&world, "a name");
    let linked = browser.request("GET", &named).navigation("cross-site");
    assert_eq!(linked.send().await?.set_cookies(), [""; 0]);
    assert_eq!(framed(&world.browser()?, &named).await?.status, 200);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    let page = framed(&browser, &named).await?;
    assert!(page.clears(world.session_cookie()), "{page}");
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn the_provider_may_frame_the_answer_and_nobody_else(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let policy = async || {
        let page = framed(&world.browser()?, &route(&world, "x")).await?;
        assert_eq!(page.header("x-frame-options"), "", "{page}");
        let policy = page.header("content-security-policy");
        let framers = policy.split(';').map(str::trim);
        let framers = framers.filter_map(|rule| rule.strip_prefix("frame-ancestors "));
        Ok::<_, Failure>(framers.map(str::to_owned).collect::<Vec<_>>())
    };
    let (issuer, site) = (world.provider.issuer().to_owned(), &world.site);
    assert_eq!(policy().await?, [format!("{issuer} {site}")]);
    // Once the metadata is known, the origins of the provider's pages are.
    world.mischief().on_metadata(|metadata| {
        metadata["end_session_endpoint"] = "http://127.0.0.1:1/end_session".into();
        metadata["token_endpoint"] = metadata["token_endpoint"].clone();
    });
    let start = world.browser()?.get("/login").await?;
    assert_eq!(start.status, 303, "{start}");
    let expected = format!("{issuer} http://127.0.0.1:1 {site}");
    assert_eq!(policy().await?, [expected]);
    assert_eq!(start.header("x-frame-options"), "DENY");
    Ok(())
}

async fn no_token_is_revoked_at_anybodys_word(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let named = route(&world, &sid(&browser).await?);
    assert_eq!(framed(&browser, &named).await?.status, 200);
    // A logout of somebody else is revoked after it, if it was at all.
    let other = world.signed_in().await?;
    let logout = other.request("POST", "/logout").navigation("same-origin");
    assert_eq!(logout.send().await?.status, 303);
    let asked = || world.calls(Endpoint::Revocation) > 0;
    world.until("a revocation", asked).await?;
    assert_eq!(world.calls(Endpoint::Revocation), 1);
    Ok(())
}

async fn a_store_that_is_down_is_told(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let Some(store) = world.store() else {
        return Ok(());
    };
    let named = route(&world, &sid(&browser).await?);
    store.set_down(true);
    let page = framed(&world.browser()?, &named).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (503, "store_unavailable")
    );
    store.set_down(false);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn nothing_is_written_for_a_session_nobody_has(setup: Setup) -> Result<(), Failure> {
    let unindexed = setup.clone().stored_in(SharedStore::without_index());
    for setup in [setup.clone().stored(), setup.sharing_logouts(), unindexed] {
        let world = setup.start().await?;
        let browser = world.signed_in().await?;
        let store = world.common_store().ok_or("no store")?;
        let before = store.writes();
        for number in 0..20 {
            let made_up = route(&world, &format!("made up {number}"));
            assert_eq!(framed(&world.browser()?, &made_up).await?.status, 200);
        }
        assert_eq!(store.writes(), before);
        let named = route(&world, &sid(&browser).await?);
        framed(&world.browser()?, &named).await?;
        assert_eq!(world.whoami(&browser).await?, None);
    }
    Ok(())
}

async fn the_provider_signs_everybody_out_by_frames(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let uri = Url::parse(&world.gate.front_channel_logout_uri())?;
    let client = Client::development().frontchannel_logout_uri(uri);
    world.provider.register_client(client);
    let mut browser = world.signed_in().await?;
    let kept = browser.clone();
    let end_session = format!("{}/end_session", world.provider.issuer());
    let asked = browser.open(&end_session).await?;
    let form = asked.form_to("/end_session")?;
    let page = browser.submit(&form, &[("confirmation", "yes")]).await?;
    let frame = page.body.split_once("<iframe hidden src=\"");
    let frame = frame.and_then(|(_, rest)| rest.split_once('"'));
    let (frame, _) = frame.ok_or_else(|| format!("no frame: {page}"))?;
    let frame = frame.replace("&amp;", "&");
    assert!(
        frame.starts_with(&format!("{}{ROUTE}?iss=", world.site)),
        "{frame}"
    );
    assert!(
        page.header("content-security-policy")
            .contains(&format!("frame-src {};", world.site))
    );
    assert_eq!(world.whoami(&kept).await?.as_deref(), Some("alice"));
    assert_eq!(framed(&world.browser()?, &frame).await?.status, 200);
    assert_eq!(world.whoami(&kept).await?, None);
    Ok(())
}
