//! A session that is over says why, to those who bring its genuine cookie.

use std::time::Duration;

use latchgate_dev_provider::LogoutTarget;
use latchgate_tests::{Browser, Failure, KEY, OLD_KEY, Setup, Transcript, World, scenarios};
use serde_json::Value;

scenarios!(
    the_provider_has_ended_it;
    in either keeping:
    nothing_is_told_of_sessions_that_live_or_do_not_open,
    it_was_idle_or_too_old,
    somebody_signed_out,
    the_provider_refused_to_renew_it,
    the_clock_went_backwards,
    a_navigation_is_sent_to_log_in_all_the_same,
);

async fn short(setup: Setup) -> Result<World, Failure> {
    let setup = setup
        .gate(|gate| gate.session_lifetimes(Duration::from_secs(600), Duration::from_secs(3_600)));
    setup.start().await
}

/// What a script and a handler are told of the session of this browser, whose cookies stay as they are.
async fn told(browser: &Browser) -> Result<(Option<String>, String), Failure> {
    let problem = browser.clone().fetch("GET", "/me").await?.json(401)?;
    assert_eq!(problem["code"], "sign_in_required", "{problem}");
    let member = problem.get("session").and_then(Value::as_str);
    let page = browser.clone().get("/ended").await?;
    assert_eq!(page.status, 200, "{page}");
    Ok((member.map(str::to_owned), page.body))
}

/// The session is over for this reason. A store that has forgotten the session cannot tell.
async fn over(world: &World, browser: &Browser, why: &str) -> Result<(), Failure> {
    let expected = match world.store() {
        None => (Some(why.to_owned()), why.to_owned()),
        Some(_) => (None, "-".to_owned()),
    };
    assert_eq!(told(browser).await?, expected);
    Ok(())
}

async fn nothing_is_told_of_sessions_that_live_or_do_not_open(setup: Setup) -> Result<(), Failure> {
    let world = setup
        .gate(|gate| gate.session_lifetimes(Duration::from_secs(600), Duration::from_secs(3_600)))
        .keys(&[OLD_KEY])
        .start()
        .await?;
    let retired = world.neighbour(|setup| setup.keys(&[KEY])).await?;
    let browser = world.signed_in().await?;
    assert_eq!(browser.get("/ended").await?.body, "-");
    let silent = (None, "-".to_owned());
    assert_eq!(told(&world.browser()?).await?, silent, "no cookie");
    world.clock.pass(601);
    let foreign = retired.lead(browser.clone());
    assert_eq!(told(&foreign).await?, silent, "sealed with another key");
    let name = world.session_cookie();
    let genuine = browser.cookie(name).ok_or("no session")?;
    for forged in [&genuine[1..], &genuine[..genuine.len() - 1], "idle", ""] {
        browser.plant(name, forged)?;
        assert_eq!(told(&browser).await?, silent, "{forged}");
    }
    Ok(())
}

async fn it_was_idle_or_too_old(setup: Setup) -> Result<(), Failure> {
    let log = Transcript::begin();
    let world = short(setup).await?;
    let browser = world.signed_in().await?;
    world.clock.pass(600);
    over(&world, &browser, "idle").await?;
    if world.store().is_none() {
        let text = log.text();
        let mut lines = text.lines().filter(|line| line.contains("session_over"));
        assert!(lines.any(|line| line.contains("code=\"idle\"")), "{text}");
    }
    world.clock.pass(3_000);
    over(&world, &browser, "absolute").await
}

async fn somebody_signed_out(setup: Setup) -> Result<(), Failure> {
    let world = short(setup).await?;
    let browser = world.signed_in().await?;
    let left_behind = browser.clone();
    let request = browser.request("POST", "/logout").navigation("same-origin");
    assert_eq!(request.send().await?.status, 303);
    over(&world, &left_behind, "signed_out").await
}

async fn the_provider_has_ended_it(setup: Setup) -> Result<(), Failure> {
    let world = short(setup).await?;
    let browser = world.signed_in().await?;
    let target = LogoutTarget::Sub("alice".to_owned());
    let token = world.provider.logout_token(target, |_, _| {});
    let provider = world.browser()?;
    let request = provider.request("POST", "/backchannel-logout");
    let form = [("logout_token", token.as_str())];
    assert_eq!(request.form(&form).send().await?.status, 200);
    over(&world, &browser, "ended_by_provider").await
}

async fn the_provider_refused_to_renew_it(setup: Setup) -> Result<(), Failure> {
    let world = short(setup).await?;
    let browser = world.signed_in().await?;
    let stale = browser.clone();
    world.provider.revoke_all();
    let page = browser.fetch("POST", "/refresh").await?;
    assert_eq!(page.json(401)?["session"], "revoked", "{page}");
    over(&world, &stale, "revoked").await
}

async fn the_clock_went_backwards(setup: Setup) -> Result<(), Failure> {
    let world = short(setup).await?;
    let browser = world.signed_in().await?;
    world.clock.set(world.clock.now() - 61);
    let why = "clock_went_back".to_owned();
    assert_eq!(told(&browser).await?, (Some(why.clone()), why));
    Ok(())
}

async fn a_navigation_is_sent_to_log_in_all_the_same(setup: Setup) -> Result<(), Failure> {
    let world = short(setup).await?;
    let mut browser = world.signed_in().await?;
    world.clock.pass(600);
    let page = browser.clone().get("/me").await?;
    assert!(
        page.leads_to()?
            .as_str()
            .starts_with(world.provider.issuer())
    );
    let page = world.visit(&mut browser, "/me").await?;
    assert_eq!((page.status, page.url.path()), (200, "/me"), "{page}");
    Ok(())
}
