//! A session store that is down, or full.

use std::time::Duration;

use latchgate::MemoryStore;
use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::{Browser, Failure, Page, Setup, World, scenarios};

scenarios!(
    a_store_that_is_down_is_told_and_nothing_else,
    a_store_that_fails_after_the_provider_rotated_loses_nothing,
    a_store_that_is_down_keeps_nobody_from_signing_out,
    two_hundred_strangers_cost_a_store_that_is_down_nothing,
    a_full_store_turns_newcomers_away_and_nobody_else,
    one_account_cannot_fill_the_store,
    a_refusal_while_the_store_is_down_ends_nothing_yet,
);

async fn a_store_that_is_down_is_told_and_nothing_else(setup: Setup) -> Result<(), Failure> {
    let world = setup.stored().start().await?;
    let browser = world.signed_in().await?;
    let store = world.store().ok_or("no store")?;
    store.set_down(true);
    for path in ["/me", "/admin", "/token", "/", "/perhaps", "/ended"] {
        let page = browser.get(path).await?;
        assert_eq!(
            page.set_cookies(),
            [""; 0],
            "the session is not thrown away"
        );
        assert_eq!(
            (page.status, page.code().as_str()),
            (503, "store_unavailable"),
            "{path}"
        );
        assert!(!page.header("retry-after").is_empty(), "{path}");
        assert!(!page.body.contains("took it down"), "{page}");
    }
    assert_eq!(browser.get("/public").await?.status, 200);
    let stranger = world.browser()?;
    let callback = world.callback(&stranger, "/me").await?;
    let page = stranger.get(callback.as_str()).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (503, "store_unavailable")
    );
    assert_eq!(page.sets(world.session_cookie()), [""; 0]);
    store.set_down(false);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

/// Signs in as this person: their browser, and the page that the callback answered.
async fn sign_in(world: &World, person: &str) -> Result<(Browser, Page), Failure> {
    world.provider.auto_sign_in(Some(person));
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    let page = browser.get(callback.as_str()).await?;
    Ok((browser, page))
}

async fn a_full_store_turns_newcomers_away_and_nobody_else(setup: Setup) -> Result<(), Failure> {
    let setup = setup.gate(|gate| {
        gate.store(MemoryStore::new(2))
            .session_lifetimes(Duration::from_secs(600), Duration::from_secs(3_600))
    });
    let world = setup.start().await?;
    let (alice, _) = sign_in(&world, "alice").await?;
    let (bob, _) = sign_in(&world, "bob").await?;
    let (carol, page) = sign_in(&world, "carol").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (503, "store_unavailable"),
        "{page}"
    );
    assert_eq!(world.whoami(&alice).await?.as_deref(), Some("alice"));
    assert_eq!(world.whoami(&bob).await?.as_deref(), Some("bob"));
    assert_eq!(world.whoami(&carol).await?, None);

    // Whoever is there already comes in place of themselves.
    let (elsewhere, page) = sign_in(&world, "alice").await?;
    assert_eq!(page.location.as_deref(), Some("/me"), "{page}");
    assert_eq!(world.whoami(&elsewhere).await?.as_deref(), Some("alice"));
    assert_eq!(world.whoami(&alice).await?, None);
    assert_eq!(world.whoami(&bob).await?.as_deref(), Some("bob"));

    world.clock.pass(601);
    let (carol, _) = sign_in(&world, "carol").await?;
    assert_eq!(world.whoami(&carol).await?.as_deref(), Some("carol"));
    assert_eq!(world.whoami(&bob).await?, None);
    Ok(())
}

async fn one_account_cannot_fill_the_store(setup: Setup) -> Result<(), Failure> {
    let world = setup
        .gate(|gate| gate.store(MemoryStore::new(30)))
        .start()
        .await?;
    let (bob, _) = sign_in(&world, "bob").await?;
    let mut hers = Vec::new();
    for _ in 0..35 {
        hers.push(sign_in(&world, "alice").await?.0);
    }
    let (carol, page) = sign_in(&world, "carol").await?;
    assert_eq!(page.location.as_deref(), Some("/me"), "{page}");
    assert_eq!(world.whoami(&carol).await?.as_deref(), Some("carol"));
    assert_eq!(world.whoami(&bob).await?.as_deref(), Some("bob"));
    let mut alive = 0;
    for browser in &hers {
        alive += usize::from(world.whoami(browser).await?.is_some());
    }
    assert_eq!(alive, 3, "a tenth of the places");
    Ok(())
}

async fn a_store_that_fails_after_the_provider_rotated_loses_nothing(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.stored().start().await?;
    let browser = world.signed_in().await?;
    let store = world.store().ok_or("no store")?.clone();
    let falls = store.clone();
    world
        .mischief()
        .on_token_response(move |_| falls.set_down(true));
    world.provider.reset_calls();
    let waiting = browser.fetch("POST", "/refresh");
    let rises = async {
        world.until("the store's fall", || store.is_down()).await?;
        world.mischief().clear();
        store.set_down(false);
        Ok::<(), Failure>(())
    };
    let (refreshed, risen) = tokio::join!(waiting, rises);
    risen?;
    let refreshed = refreshed?;
    assert_eq!(refreshed.status, 200, "{refreshed}");

    let token = world.token(&browser).await?;
    assert_eq!(world.calls(Endpoint::Token), 1, "nothing was spent again");
    let neighbour = world.neighbour(|setup| setup).await?;
    let there = neighbour.lead(browser.clone());
    assert_eq!(
        neighbour.token(&there).await?,
        token,
        "the store has it by now"
    );
    assert_eq!(there.fetch("POST", "/refresh").await?.status, 200);
    assert_eq!(world.calls(Endpoint::Token), 2);
    Ok(())
}

/// They sign out with cookies that they have made up, and one person does so with her own.
async fn two_hundred_strangers_cost_a_store_that_is_down_nothing(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.stored().start().await?;
    let browser = world.signed_in().await?;
    let store = world.store().ok_or("no store")?;
    store.set_down(true);
    let before = store.calls();
    let name = world.session_cookie();
    for number in 0..200 {
        let stranger = world.browser()?;
        let request = stranger
            .request("POST", "/logout")
            .navigation("same-origin");
        let cookie = format!("{name}={number:A>43}");
        let page = request.header("cookie", &cookie).send().await?;
        assert_eq!(page.status, 303, "{page}");
    }
    assert_eq!(store.calls(), before);
    let request = browser.request("POST", "/logout").navigation("same-origin");
    assert_eq!(request.send().await?.status, 303);
    assert_eq!(store.calls(), before + 1);
    Ok(())
}

async fn a_store_that_is_down_keeps_nobody_from_signing_out(setup: Setup) -> Result<(), Failure> {
    let world = setup.stored().start().await?;
    let browser = world.signed_in().await?;
    let thief = browser.clone();
    world.store().ok_or("no store")?.set_down(true);
    let request = browser.request("POST", "/logout").navigation("same-origin");
    let page = request.send().await?;
    assert_eq!(page.status, 303, "{page}");
    assert!(page.clears(world.session_cookie()));

    // The store hears of it as soon as it is back, and so do other nodes.
    world.store().ok_or("no store")?.set_down(false);
    assert_eq!(world.whoami(&thief).await?, None, "this node remembers");
    let node = world.neighbour(|setup| setup).await?;
    let thief = node.lead(thief);
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    let ends = async {
        while node.whoami(&thief).await?.is_some() {
            looks.tick().await;
        }
        Ok::<(), Failure>(())
    };
    tokio::time::timeout(Duration::from_secs(15), ends).await?
}

/// Another node may have spent the refresh token, and only the store can tell.
async fn a_refusal_while_the_store_is_down_ends_nothing_yet(setup: Setup) -> Result<(), Failure> {
    let world = setup.stored().start().await?;
    let browser = world.signed_in().await?;
    let store = world.store().ok_or("no store")?;
    world.provider.reset_calls();
    world.clock.pass(3_600);
    world.provider.revoke_all();
    world.mischief().answer(Endpoint::Token, Answer::Hang);
    let falls = async {
        let asked = || world.calls(Endpoint::Token) == 1;
        world.until("a token request", asked).await?;
        store.set_down(true);
        world.mischief().clear();
        Ok::<(), Failure>(())
    };
    let (page, fallen) = tokio::join!(browser.fetch("GET", "/token"), falls);
    fallen?;
    let page = page?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (503, "refresh_unavailable")
    );
    store.set_down(false);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    // The lease could not be given back. It runs out.
    world.clock.pass(6);
    assert_eq!(browser.fetch("GET", "/token").await?.status, 401);
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}
