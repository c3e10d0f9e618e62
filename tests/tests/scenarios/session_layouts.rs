//! Sessions with and without what only some of them have, across restarts, releases and keys.

use latchgate::RememberMe;
use latchgate_tests::{Browser, Failure, KEY, OLD_KEY, Setup, World, scenarios};

scenarios!(
    ;
    in either keeping:
    restarts_and_new_keys_keep_everybody_signed_in,
    a_retired_key_costs_one_clean_login,
    a_setting_that_changes_ends_no_session,
);

/// Both kinds of session.
const LINKS: [&str; 2] = ["/login?remember=yes&return_to=/me", "/login?return_to=/me"];

fn asking(setup: Setup, keys: &'static [[u8; 32]]) -> Setup {
    setup
        .keys(keys)
        .gate(|gate| gate.remember_me(RememberMe::Ask))
}

async fn alice(world: &World, browser: &Browser, what: &str) -> Result<(), Failure> {
    let found = world.whoami(browser).await?;
    assert_eq!(found.as_deref(), Some("alice"), "{what}");
    Ok(())
}

/// Every node is a process that has just been started: what nodes share is the store, if there is one.
async fn restarts_and_new_keys_keep_everybody_signed_in(setup: Setup) -> Result<(), Failure> {
    let before = asking(setup, &[OLD_KEY]).start().await?;
    let rotated = before
        .neighbour(|setup| setup.keys(&[KEY, OLD_KEY]))
        .await?;
    let restarted = before
        .neighbour(|setup| setup.keys(&[KEY, OLD_KEY]))
        .await?;
    let retired = before.neighbour(|setup| setup.keys(&[KEY])).await?;
    for (link, remembered) in LINKS.into_iter().zip([true, false]) {
        let browser = before.browser()?;
        let callback = before.callback(&browser, link).await?;
        let browser = rotated.lead(browser);
        let page = browser.get(callback.as_str()).await?;
        assert_eq!(page.location.as_deref(), Some("/me"), "{link}: {page}");
        let line = page.sets(before.session_cookie()).concat();
        assert_eq!(line.contains("Max-Age="), remembered, "{link}: {line}");
        let browser = restarted.lead(browser);
        alice(&restarted, &browser, link).await?;
        browser.fetch("POST", "/refresh").await?.json(200)?;
        let browser = retired.lead(browser);
        alice(&retired, &browser, link).await?;
        let browser = browser.restarted();
        let found = retired.whoami(&browser).await?;
        assert_eq!(found.is_some(), remembered, "{link}");
    }
    Ok(())
}

async fn a_retired_key_costs_one_clean_login(setup: Setup) -> Result<(), Failure> {
    let before = asking(setup, &[OLD_KEY]).start().await?;
    let retired = before.neighbour(|setup| setup.keys(&[KEY])).await?;
    for link in LINKS {
        let mut browser = before.browser()?;
        before.visit(&mut browser, link).await?;
        alice(&before, &browser, link).await?;
        let mut browser = retired.lead(browser);
        let page = browser.clone().fetch("GET", "/me").await?;
        let problem = page.json(401)?;
        assert_eq!(problem.get("session"), None, "{problem}");
        assert!(before.gives_up(&page));
        let page = retired.visit(&mut browser, link).await?;
        assert_eq!((page.status, page.url.path()), (200, "/me"), "{page}");
        alice(&retired, &browser, link).await?;
    }
    Ok(())
}

/// Sessions keep what they began with, on nodes that would begin them otherwise.
async fn a_setting_that_changes_ends_no_session(setup: Setup) -> Result<(), Failure> {
    let always = setup.start().await?;
    let never = always
        .neighbour(|setup| setup.gate(|gate| gate.remember_me(RememberMe::Never)))
        .await?;
    for (first, then, remembered) in [(&always, &never, true), (&never, &always, false)] {
        let browser = then.lead(first.signed_in().await?);
        alice(then, &browser, "on the other node").await?;
        let page = browser.fetch("POST", "/refresh").await?;
        page.json(200)?;
        alice(first, &first.lead(browser.clone()), "and back").await?;
        let browser = browser.restarted();
        assert_eq!(then.whoami(&browser).await?.is_some(), remembered);
    }
    Ok(())
}
