//! Sessions that need more than one cookie.

use latchgate::ResponseMode;
use latchgate_dev_provider::{Endpoint, Person};
use latchgate_tests::{Browser, Failure, Setup, Transcript, World, scenarios};

scenarios!(
    a_large_session_travels_in_several_cookies,
    a_session_that_shrinks_leaves_no_piece_behind,
    a_form_post_login_replaces_a_session_it_cannot_see,
    a_lost_piece_means_one_clean_login,
    pieces_of_two_sessions_do_not_mix,
    a_logout_removes_every_piece,
    a_session_too_large_is_refused_by_its_name,
    a_refreshed_id_token_that_does_not_fit_is_left_out,
    a_refreshed_session_that_does_not_fit_ends;
    in either keeping:
    sessions_of_every_length_come_back_whole,
);

/// Adds somebody whose ID token is about this long.
fn with_large_person(setup: Setup, bytes: usize) -> Setup {
    setup.provider(move |provider| {
        // Not compressible, and no two alike.
        let groups: Vec<String> = (0..bytes / 12)
            .map(|group| format!("group-{group:04}"))
            .collect();
        provider.person(Person::new("large").claim("groups", groups))
    })
}

async fn sign_in(world: &World, person: &str) -> Result<Browser, Failure> {
    world.provider.auto_sign_in(Some(person));
    world.signed_in().await
}

fn pieces(world: &World, browser: &Browser) -> usize {
    let name = world.session_cookie();
    let names = browser.names(name);
    names
        .iter()
        .filter(|own| *own == name || own[name.len()..].starts_with('.'))
        .count()
}

async fn a_large_session_travels_in_several_cookies(setup: Setup) -> Result<(), Failure> {
    let world = with_large_person(setup, 8_000).start().await?;
    let browser = sign_in(&world, "large").await?;
    assert!(pieces(&world, &browser) >= 3, "{:?}", browser.names(""));
    let claims = browser.fetch("GET", "/me").await?.json(200)?;
    assert_eq!(claims["groups"].as_array().map(Vec::len), Some(8_000 / 12));
    let token = world.token(&browser).await?;
    assert!(
        token["access_token"]
            .as_str()
            .is_some_and(|token| !token.is_empty())
    );
    Ok(())
}

async fn a_session_that_shrinks_leaves_no_piece_behind(setup: Setup) -> Result<(), Failure> {
    let world = with_large_person(setup, 8_000).start().await?;
    let mut browser = sign_in(&world, "large").await?;
    world.provider.auto_sign_in(Some("alice"));
    let page = world.visit(&mut browser, "/login?return_to=/me").await?;
    assert_eq!(page.json(200)?["sub"], "alice");
    assert_eq!(pieces(&world, &browser), 1, "{:?}", browser.names(""));
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn a_form_post_login_replaces_a_session_it_cannot_see(setup: Setup) -> Result<(), Failure> {
    let setup = setup
        .site("https://app.example.com")
        .registration(|registration| registration.response_mode(ResponseMode::FormPost));
    let world = with_large_person(setup, 8_000).start().await?;
    let mut browser = sign_in(&world, "large").await?;
    let before = browser.clone();
    world.provider.auto_sign_in(Some("alice"));
    // The provider's form comes from another site, so the session cookies stay at home.
    let page = world.visit(&mut browser, "/login?return_to=/me").await?;
    assert_eq!(page.json(200)?["sub"], "alice");
    assert_eq!(world.whoami(&before).await?, None);
    // What is left of the old pieces goes when the session is next written.
    world.clock.pass(3 * 3_600);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    assert_eq!(pieces(&world, &browser), 1, "{:?}", browser.names(""));
    Ok(())
}

async fn a_lost_piece_means_one_clean_login(setup: Setup) -> Result<(), Failure> {
    let world = with_large_person(setup, 8_000).start().await?;
    let browser = sign_in(&world, "large").await?;
    let whole = pieces(&world, &browser);
    for lost in browser.names(world.session_cookie()) {
        let tab = browser.clone();
        tab.remove(&lost)?;
        let page = tab.get("/").await?;
        assert_eq!(page.body, "anonymous", "without {lost}");
        assert_eq!(
            pieces(&world, &tab),
            0,
            "without {lost}: {:?}",
            tab.names("")
        );

        let mut tab = browser.clone();
        tab.remove(&lost)?;
        world.provider.reset_calls();
        let page = tab.open("/me").await?;
        assert_eq!(
            (page.status, pieces(&world, &tab)),
            (200, whole),
            "without {lost}"
        );
        assert_eq!(world.calls(latchgate_dev_provider::Endpoint::Authorize), 1);
    }
    Ok(())
}

async fn pieces_of_two_sessions_do_not_mix(setup: Setup) -> Result<(), Failure> {
    let world = with_large_person(setup, 8_000).start().await?;
    let (one, two) = (
        sign_in(&world, "large").await?,
        sign_in(&world, "large").await?,
    );
    let names = one.names(world.session_cookie());
    for name in &names {
        let mixed = one.clone();
        mixed.plant(name, &two.cookie(name).ok_or("no piece")?)?;
        assert_eq!(
            world.whoami(&mixed).await?,
            None,
            "{name} of another session"
        );
    }
    let swapped = one.clone();
    swapped.plant(&names[1], &one.cookie(&names[2]).ok_or("no piece")?)?;
    swapped.plant(&names[2], &one.cookie(&names[1]).ok_or("no piece")?)?;
    assert_eq!(
        world.whoami(&swapped).await?,
        None,
        "pieces in another order"
    );
    // A piece too many is left over from a longer session: it does no harm.
    let more = one.clone();
    more.plant(
        &format!("{}.{}", world.session_cookie(), names.len()),
        "left over",
    )?;
    assert_eq!(world.whoami(&more).await?.as_deref(), Some("large"));
    Ok(())
}

async fn a_logout_removes_every_piece(setup: Setup) -> Result<(), Failure> {
    let world = with_large_person(setup, 8_000).start().await?;
    let browser = sign_in(&world, "large").await?;
    browser.plant(&format!("{}.9", world.session_cookie()), "left over")?;
    let logout = browser
        .request("POST", "/logout")
        .header("sec-fetch-site", "same-origin");
    let page = logout.send().await?;
    assert_eq!(pieces(&world, &browser), 0, "{:?}", page.set_cookies());
    Ok(())
}

async fn a_session_too_large_is_refused_by_its_name(setup: Setup) -> Result<(), Failure> {
    let world = with_large_person(setup, 30_000).start().await?;
    let browser = sign_in(&world, "alice").await?;
    world.provider.auto_sign_in(Some("large"));
    let callback = world.callback(&browser, "/login").await?;
    let page = browser.get(callback.as_str()).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (500, "session_too_large"),
        "{page}"
    );
    assert_eq!(browser.names(world.login_cookies()), [""; 0]);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn sessions_of_every_length_come_back_whole(setup: Setup) -> Result<(), Failure> {
    let setup = (0..24).fold(setup, |setup, step| {
        setup.provider(move |provider| {
            let padding = "x".repeat(1_200 + step * 97);
            let person = Person::new(format!("person-{step}"));
            provider.person(person.claim("padding", padding))
        })
    });
    let world = setup.start().await?;
    for step in 0..24 {
        let name = format!("person-{step}");
        let browser = sign_in(&world, &name).await?;
        assert_eq!(world.whoami(&browser).await?, Some(name));
    }
    Ok(())
}

/// As long as no session may be, and nothing that could be compressed.
fn padding() -> Vec<String> {
    (0..1_700).map(|number| format!("{number:09}")).collect()
}

async fn a_refreshed_id_token_that_does_not_fit_is_left_out(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let old = world.token(&browser).await?;
    world.mischief().on_refreshed_id_token(|_, claims| {
        claims.insert("padding".to_owned(), padding().into());
    });
    let new = browser.fetch("POST", "/refresh").await?.json(200)?;
    assert_ne!(new["access_token"], old["access_token"]);
    let claims = browser.fetch("GET", "/me").await?.json(200)?;
    assert!(claims.get("padding").is_none());
    let log = transcript.text();
    assert!(log.contains("id_token_left_out"), "{log}");

    // The browser has the new tokens, not only this process.
    let restarted = world.neighbour(|setup| setup).await?;
    let there = restarted.lead(browser);
    assert_eq!(
        restarted.token(&there).await?["access_token"],
        new["access_token"]
    );
    Ok(())
}

async fn a_refreshed_session_that_does_not_fit_ends(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    world.provider.reset_calls();
    world.mischief().on_token_response(|response| {
        response["access_token"] = padding().concat().into();
    });
    world.mischief().on_refreshed_id_token(|_, claims| {
        claims.remove("at_hash");
    });
    let page = browser.fetch("POST", "/refresh").await?;
    let problem = page.json(401)?;
    assert_eq!(problem["session"], "too_large", "{page}");
    assert_eq!(world.whoami(&browser).await?, None);
    let log = transcript.text();
    let line = log.lines().find(|line| line.contains("session_too_large"));
    assert!(
        line.is_some_and(|line| line.contains("LATCHGATE_STORE")),
        "{log}"
    );
    let revoked = || world.calls(Endpoint::Revocation) == 1;
    world.until("a revocation", revoked).await
}
