//! Signing out, here and at the provider.

use std::sync::{Arc, Mutex, PoisonError};

use latchgate_dev_provider::{Endpoint, Person};
use latchgate_tests::{Browser, Failure, Page, Setup, World, scenarios};
use url::Url;

scenarios!(
    a_provider_without_a_logout_page_is_no_obstacle,
    a_provider_that_is_down_is_no_obstacle,
    a_long_hint_is_sent_by_a_form,
    other_methods_sign_nobody_out,
    an_expired_session_still_tells_the_provider_whom_it_means,
    a_cookie_that_was_signed_out_tells_nothing_more;
    in either keeping:
    signing_out_ends_the_session_here_and_at_the_provider,
    the_state_is_compared_and_never_an_error,
    another_site_cannot_sign_anybody_out,
    our_own_pages_can_in_every_way_a_browser_has,
    a_stolen_cookie_is_dead_after_logout,
    an_ended_session_can_still_be_ended_at_the_provider,
);

async fn sign_out(browser: &Browser) -> Result<Page, Failure> {
    let request = browser.request("POST", "/logout").navigation("same-origin");
    Ok(request.send().await?)
}

fn parameter(url: &Url, name: &str) -> Vec<String> {
    let pairs = url.query_pairs().filter(|(own, _)| own == name);
    pairs.map(|(_, value)| value.into_owned()).collect()
}

/// The newest ID token the provider issued, to the letter.
fn watch_id_tokens(world: &World) -> Arc<Mutex<String>> {
    let newest = Arc::<Mutex<String>>::default();
    let kept = Arc::clone(&newest);
    world.mischief().on_token_response(move |answer| {
        let token = answer["id_token"].as_str().unwrap_or_default();
        token.clone_into(&mut kept.lock().unwrap_or_else(PoisonError::into_inner));
    });
    newest
}

async fn signing_out_ends_the_session_here_and_at_the_provider(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let issued = watch_id_tokens(&world);
    let browser = world.signed_in().await?;
    assert_eq!(world.provider.sessions().len(), 1);
    let page = sign_out(&browser).await?;
    assert_eq!(page.status, 303, "{page}");
    assert!(page.clears(world.session_cookie()));
    assert!(page.header("cache-control").contains("no-store"));
    assert_eq!(page.header("referrer-policy"), "no-referrer");

    let url = page.leads_to()?;
    assert!(
        url.as_str()
            .starts_with(&format!("{}/end_session?", world.provider.issuer())),
        "{url}"
    );
    let issued = issued
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    assert_eq!(parameter(&url, "id_token_hint"), [issued]);
    assert_eq!(parameter(&url, "client_id"), [world.provider.client_id()]);
    assert_eq!(
        parameter(&url, "post_logout_redirect_uri"),
        [format!("{}/", world.site)]
    );
    let state = parameter(&url, "state");
    assert!(state.len() == 1 && state[0].len() == 43, "{state:?}");
    assert_eq!(world.whoami(&browser).await?, None);

    let back = browser.get(url.as_str()).await?.leads_to()?;
    assert_eq!(world.provider.sessions(), []);
    assert_eq!(back.as_str(), format!("{}/?state={}", world.site, state[0]));
    let landed = browser.get(back.as_str()).await?;
    assert_eq!(
        (landed.status, landed.location.as_deref()),
        (303, Some("/")),
        "{landed}"
    );
    assert_eq!(browser.names("latchgate"), [""; 0]);
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn the_state_is_compared_and_never_an_error(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    for (query, lands_on) in [
        ("state=wrong", "/"),
        ("state=", "/"),
        ("state=a&state=b", "/"),
        ("state=//evil.example", "/"),
        ("state=wrong&from=logout", "/?from=logout"),
    ] {
        let browser = world.signed_in().await?;
        sign_out(&browser).await?;
        let page = browser.get(&format!("/?{query}")).await?;
        assert_eq!(
            (page.status, page.location.as_deref()),
            (303, Some(lands_on)),
            "{query}"
        );
        assert_eq!(browser.names("latchgate"), [""; 0], "{query}");
    }
    // Without a logout under way the page, its query and its `state` are the application's.
    for (browser, whose) in [
        (world.browser()?, "anonymous"),
        (world.signed_in().await?, "alice"),
    ] {
        for query in ["", "?state=x", "?x=1"] {
            let page = browser.get(&format!("/{query}")).await?;
            assert_eq!((page.status, page.body.as_str()), (200, whose), "{query}");
        }
    }
    // Without a state the visitor still lands.
    let browser = world.signed_in().await?;
    sign_out(&browser).await?;
    assert_eq!(browser.get("/").await?.status, 200);
    Ok(())
}

async fn another_site_cannot_sign_anybody_out(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut browser = world.signed_in().await?;
    let (longer_host, longer_port) = (
        format!("{}.evil.example/", world.site),
        format!("{}9/", world.site),
    );
    let foreign: [&[(&str, &str)]; 10] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1")],
        &[("referer", "https://evil.example/")],
        &[("referer", "http://127.0.0.1.evil.example/")],
        &[("referer", &longer_host)],
        &[("referer", &longer_port)],
        &[("origin", &longer_host)],
    ];
    for headers in foreign {
        let page = browser
            .request("POST", "/logout")
            .headers(headers)
            .send()
            .await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (403, "cross_site_request"),
            "{headers:?}"
        );
        assert_eq!(page.set_cookies(), [""; 0]);
        let page = browser
            .request("GET", "/logout")
            .headers(headers)
            .send()
            .await?;
        assert_eq!(page.status, 403, "{headers:?}: {page}");
        assert_eq!(page.set_cookies(), [""; 0]);
        assert_eq!(page.header("x-frame-options"), "DENY");
    }
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    assert_eq!(world.calls(Endpoint::EndSession), 0);

    // A link from another site asks first; its button then signs out.
    browser.open("/").await?;
    let asked = browser
        .request("GET", "/logout")
        .navigation("cross-site")
        .send()
        .await?;
    let landed = browser.submit(&asked.form_to("/logout")?, &[]).await?;
    assert_eq!(
        (landed.status, landed.body.as_str()),
        (200, "anonymous"),
        "{landed}"
    );
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn our_own_pages_can_in_every_way_a_browser_has(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let page_of_ours = format!("{}/me", world.site);
    let ours: [(&str, &[(&str, &str)]); 7] = [
        ("GET", &[("sec-fetch-site", "same-origin")]),
        ("GET", &[("sec-fetch-site", "none")]),
        ("GET", &[("referer", &page_of_ours)]),
        ("POST", &[("sec-fetch-site", "same-origin")]),
        ("POST", &[("origin", &world.site)]),
        ("POST", &[("referer", &page_of_ours)]),
        ("POST", &[]),
    ];
    for (method, headers) in ours {
        let browser = world.signed_in().await?;
        let page = browser
            .request(method, "/logout")
            .headers(headers)
            .send()
            .await?;
        assert_eq!(page.status, 303, "{method} {headers:?}: {page}");
        assert_eq!(world.whoami(&browser).await?, None, "{method} {headers:?}");
    }
    Ok(())
}

async fn other_methods_sign_nobody_out(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    for method in ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let page = browser
            .request(method, "/logout")
            .navigation("same-origin")
            .send()
            .await?;
        assert_eq!(page.status, 405, "{method}");
        assert_eq!(page.header("allow"), "GET, POST");
    }
    // What a page of ours loads by itself is nobody's wish either.
    let loaded: [&[(&str, &str)]; 4] = [
        &[("sec-fetch-dest", "image"), ("sec-fetch-mode", "no-cors")],
        &[("sec-fetch-dest", "iframe"), ("sec-fetch-mode", "navigate")],
        &[("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors")],
        &[
            ("sec-fetch-dest", "document"),
            ("sec-fetch-mode", "navigate"),
            ("sec-purpose", "prefetch"),
        ],
    ];
    for headers in loaded {
        let request = browser.request("GET", "/logout").headers(headers);
        let page = request
            .header("sec-fetch-site", "same-origin")
            .send()
            .await?;
        assert_eq!((page.status, page.set_cookies().len()), (403, 0), "{page}");
    }
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn a_stolen_cookie_is_dead_after_logout(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let thief = browser.clone();
    assert_eq!(world.whoami(&thief).await?.as_deref(), Some("alice"));
    sign_out(&browser).await?;
    assert_eq!(world.whoami(&thief).await?, None);
    assert_eq!(thief.fetch("GET", "/token").await?.status, 401);
    // Another login of the same person is another session.
    let again = world.signed_in().await?;
    assert_eq!(world.whoami(&again).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn an_ended_session_can_still_be_ended_at_the_provider(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    world.clock.pass(25 * 3_600);
    let page = sign_out(&browser).await?;
    let url = page.leads_to()?;
    assert_eq!(url.path(), "/end_session", "{url}");
    assert_eq!(parameter(&url, "client_id"), [world.provider.client_id()]);
    assert_eq!(
        parameter(&url, "post_logout_redirect_uri"),
        [format!("{}/", world.site)]
    );
    assert!(page.clears(world.session_cookie()));
    let stranger = sign_out(&world.browser()?).await?;
    assert_eq!(stranger.leads_to()?.path(), "/end_session");
    Ok(())
}

async fn a_provider_without_a_logout_page_is_no_obstacle(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.mischief().on_metadata(|metadata| {
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.remove("end_session_endpoint");
        }
    });
    let browser = world.signed_in().await?;
    let page = sign_out(&browser).await?;
    assert_eq!(
        (page.status, page.location.as_deref()),
        (303, Some("/")),
        "{page}"
    );
    assert_eq!(browser.names("latchgate"), [""; 0]);
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn a_provider_that_is_down_is_no_obstacle(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    // A node that never spoke to the provider.
    let node = world.neighbour(|setup| setup).await?;
    let browser = node.lead(world.signed_in().await?);
    world.provider_down();
    let page = sign_out(&browser).await?;
    assert_eq!(
        (page.status, page.location.as_deref()),
        (303, Some("/")),
        "{page}"
    );
    assert_eq!(node.whoami(&browser).await?, None);
    Ok(())
}

async fn a_long_hint_is_sent_by_a_form(setup: Setup) -> Result<(), Failure> {
    let setup = setup.provider(|provider| {
        let groups: Vec<String> = (0..500).map(|group| format!("group-{group}")).collect();
        provider.person(Person::new("large").claim("groups", groups))
    });
    let world = setup.start().await?;
    world.provider.auto_sign_in(Some("large"));
    let issued = watch_id_tokens(&world);
    let mut browser = world.signed_in().await?;
    let page = sign_out(&browser).await?;
    assert_eq!(page.status, 200, "{page}");
    assert_eq!(
        browser.names(world.session_cookie()).len(),
        1,
        "only the logout's own cookie: {:?}",
        browser.names("")
    );
    let form = page.form()?;
    assert_eq!(form.action.query(), None, "it would be as long");
    let issued = issued
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let sent = form.encoded(&[]);
    assert!(sent.contains(&format!("id_token_hint={issued}")), "{sent}");
    let landed = browser.submit(&form, &[]).await?;
    assert_eq!(
        (landed.status, landed.body.as_str()),
        (200, "anonymous"),
        "{landed}"
    );
    assert_eq!(world.provider.sessions(), []);
    Ok(())
}

/// Idle for too long, or ended by the provider: the cookie is genuine, and the provider should hear of the logout.
async fn an_expired_session_still_tells_the_provider_whom_it_means(
    setup: Setup,
) -> Result<(), Failure> {
    for ended_by_provider in [false, true] {
        let world = setup.clone().start().await?;
        let issued = watch_id_tokens(&world);
        let browser = world.signed_in().await?;
        if ended_by_provider {
            let ended = world.gate.end_sessions_of(world.provider.issuer(), "alice");
            ended.await?;
        } else {
            world.clock.pass(25 * 3_600);
        }
        world.provider.reset_calls();
        let page = sign_out(&browser).await?;
        assert!(page.clears(world.session_cookie()));
        let url = page.leads_to()?;
        let issued = issued
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        assert_eq!(parameter(&url, "id_token_hint"), [issued]);
        let asked = || world.calls(Endpoint::Revocation) == 1;
        world.until("the refresh token is revoked", asked).await?;
        let back = browser.get(url.as_str()).await?.leads_to()?;
        assert_eq!(world.provider.sessions(), []);
        let landed = browser.get(back.as_str()).await?;
        assert_eq!(landed.location.as_deref(), Some("/"), "{landed}");
        assert_eq!(browser.names("latchgate"), [""; 0]);
    }
    Ok(())
}

async fn a_cookie_that_was_signed_out_tells_nothing_more(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let thief = browser.clone();
    sign_out(&browser).await?;
    let url = sign_out(&thief).await?.leads_to()?;
    assert_eq!(parameter(&url, "id_token_hint"), [""; 0]);
    Ok(())
}
