//! The application's own value in the session: it reaches handlers, lasts as long as the session, and changes atomically.

use std::time::Duration;

use latchgate::{LoginRejection, User};
use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::app::Count;
use latchgate_tests::{Browser, Failure, KEY, OLD_KEY, Setup, Transcript, World, scenarios};
use serde_json::{Value, json};
use tokio::task::JoinSet;

scenarios!(
    a_session_too_large_for_cookies_keeps_its_old_value;
    in either keeping:
    changes_of_sessions_that_are_over_stop_nobody,
    what_the_login_hook_says_reaches_handlers,
    data_lasts_through_refreshes_restarts_and_new_keys,
    fifty_changes_at_once_are_fifty_changes,
    a_change_beside_a_refresh_loses_neither,
    a_value_too_large_is_refused_by_its_name,
    data_of_another_type_means_one_clean_login,
    data_that_no_login_would_mend_is_no_loop,
);

const NEAR_THE_END: u64 = 3_560;

/// Everybody who signs in begins to count.
fn counting(setup: Setup) -> Setup {
    setup.gate(|gate| gate.on_login(async |user: User| Ok(Count::of(user.subject()))))
}

async fn count(browser: &Browser) -> Result<Value, Failure> {
    Ok(browser.fetch("GET", "/count").await?.json(200)?)
}

/// Sends so many requests at once, each from a copy of the browser, and returns the copies.
fn at_once(
    browser: &Browser,
    times: usize,
    method: &'static str,
    path: &'static str,
) -> impl Future<Output = Result<Vec<Browser>, Failure>> + use<> {
    let mut requests = JoinSet::new();
    for _ in 0..times {
        let copy = browser.clone();
        requests.spawn(async move {
            copy.fetch(method, path).await?.json(200)?;
            Ok::<_, Failure>(copy)
        });
    }
    async { requests.join_all().await.into_iter().collect() }
}

async fn what_the_login_hook_says_reaches_handlers(setup: Setup) -> Result<(), Failure> {
    let world = counting(setup).start().await?;
    let mut browser = world.browser()?;
    assert_eq!(browser.get("/perhaps").await?.body, "nothing");
    let page = browser.fetch("GET", "/count").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "sign_in_required")
    );
    let page = world.visit(&mut browser, "/count").await?;
    let expected = json!({ "who": "alice", "number": 0, "padding": "" });
    assert_eq!((page.url.path(), page.json(200)?), ("/count", expected));

    let page = browser.fetch("POST", "/count").await?;
    assert_eq!(page.json(200)?["number"], 1);
    assert_eq!(page.header("cache-control"), "private, no-store");
    assert_eq!(count(&browser).await?["number"], 1);
    assert_eq!(browser.get("/perhaps").await?.body, "1");
    Ok(())
}

async fn data_lasts_through_refreshes_restarts_and_new_keys(setup: Setup) -> Result<(), Failure> {
    let world = counting(setup).keys(&[OLD_KEY]).start().await?;
    let browser = world.signed_in().await?;
    browser.fetch("POST", "/count").await?.json(200)?;
    world.clock.pass(NEAR_THE_END);
    browser.fetch("POST", "/refresh").await?.json(200)?;
    assert_eq!(count(&browser).await?["number"], 1);

    let restarted = world.neighbour(|setup| setup).await?;
    let browser = restarted.lead(browser);
    assert_eq!(count(&browser).await?["number"], 1);
    browser.fetch("POST", "/count").await?.json(200)?;

    let rotated = world.neighbour(|setup| setup.keys(&[KEY, OLD_KEY])).await?;
    let browser = rotated.lead(browser);
    world.clock.pass(3 * 3_600);
    assert_eq!(count(&browser).await?["number"], 2);
    let retired = world.neighbour(|setup| setup.keys(&[KEY])).await?;
    let browser = retired.lead(browser);
    assert_eq!(count(&browser).await?["number"], 2);
    Ok(())
}

async fn fifty_changes_at_once_are_fifty_changes(setup: Setup) -> Result<(), Failure> {
    let world = counting(setup).start().await?;
    let browser = world.signed_in().await?;
    for copy in at_once(&browser, 50, "POST", "/count").await? {
        assert_eq!(count(&copy).await?["number"], 50);
    }
    assert_eq!(count(&browser).await?["number"], 50);
    Ok(())
}

async fn a_change_beside_a_refresh_loses_neither(setup: Setup) -> Result<(), Failure> {
    let world = counting(setup).start().await?;
    let browser = world.signed_in().await?;
    let old = world.token(&browser).await?["access_token"].to_string();
    for round in 1..=3 {
        world.provider.reset_calls();
        world.clock.pass(3_700);
        world.mischief().answer(Endpoint::Token, Answer::Hang);
        let asks = browser.clone();
        let asking = tokio::spawn(async move { asks.fetch("GET", "/token").await?.json(200) });
        let asked = || world.calls(Endpoint::Token) == 1;
        world.until("a token request", asked).await?;
        let changes = at_once(&browser, 5, "POST", "/count");
        let counted = if world.store().is_some() {
            // What lies in a store changes while the refresh is under way.
            let counted = changes.await?;
            world.mischief().clear();
            counted
        } else {
            // Who changes a sealed session waits for the refresh.
            let changes = tokio::spawn(changes);
            world.mischief().clear();
            changes.await??
        };
        let token = asking.await??["access_token"].to_string();
        assert_ne!(token, old);
        for copy in counted {
            assert_eq!(count(&copy).await?["number"], 5 * round);
            assert_eq!(world.token(&copy).await?["access_token"].to_string(), token);
        }
        assert_eq!(count(&browser).await?["number"], 5 * round);
        assert_eq!(world.calls(Endpoint::Token), 1);
    }
    Ok(())
}

/// A visitor whose session passes its absolute deadline while the body of a request trickles in, after a logout with the
/// same cookie: once for each thread of the server, and once more.
async fn changes_of_sessions_that_are_over_stop_nobody(setup: Setup) -> Result<(), Failure> {
    let world = counting(setup).start().await?;
    let browser = world.signed_in().await?;
    let mut trickles = Vec::new();
    for _ in 0..3 {
        trickles.push(world.trickle(&browser, "/slowly").await?);
    }
    let begun = || world.slow_requests() == 3;
    world.until("three slow requests", begun).await?;
    let logout = browser.request("POST", "/logout").navigation("same-origin");
    assert_eq!(logout.send().await?.status, 303);
    world.clock.pass(8 * 24 * 3_600);
    for trickle in trickles {
        let answer = trickle.finish();
        let answer = tokio::time::timeout(Duration::from_secs(10), answer).await??;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(!answer.to_lowercase().contains("set-cookie"), "{answer}");
    }
    assert_eq!(world.browser()?.get("/public").await?.status, 200);
    Ok(())
}

async fn a_session_too_large_for_cookies_keeps_its_old_value(setup: Setup) -> Result<(), Failure> {
    let world = counting(setup).start().await?;
    let browser = world.signed_in().await?;
    browser.fetch("POST", "/count").await?.json(200)?;
    let page = browser.fetch("POST", "/grow?20000").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (500, "session_too_large"),
        "{page}"
    );
    let expected = json!({ "who": "alice", "number": 1, "padding": "" });
    assert_eq!(count(&browser).await?, expected);
    // A value that needs a few cookies does not mind.
    browser.fetch("POST", "/grow?9000").await?.json(200)?;
    browser.fetch("POST", "/count").await?.json(200)?;
    let grown = count(&browser).await?;
    assert_eq!(grown["number"], 2);
    assert_eq!(grown["padding"].as_str().map(str::len), Some(9_000));
    Ok(())
}

async fn a_value_too_large_is_refused_by_its_name(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = counting(setup).start().await?;
    let browser = world.signed_in().await?;
    browser.fetch("POST", "/count").await?.json(200)?;
    let page = browser.fetch("POST", "/grow?65536").await?;
    let problem = page.json(500)?;
    assert_eq!(problem["code"], "session_data_too_large");
    let log = line(&transcript, &problem)?;
    assert!(log.contains("a session holds at most 65536"), "{log}");
    assert_eq!(count(&browser).await?["number"], 1);
    if world.store().is_some() {
        let page = browser.fetch("POST", "/grow?60000").await?;
        let grown = page.json(200)?;
        assert_eq!(grown["padding"].as_str().map(str::len), Some(60_000));
    }
    Ok(())
}

/// What the log has under a problem's id.
fn line(transcript: &Transcript, problem: &Value) -> Result<String, Failure> {
    let id = problem["id"].as_str().ok_or("no id")?;
    let log = transcript.text();
    let line = log.lines().find(|line| line.contains(id));
    Ok(line.ok_or("not in the log")?.to_owned())
}

/// The application was replaced by one that keeps something else.
async fn data_of_another_type_means_one_clean_login(setup: Setup) -> Result<(), Failure> {
    let before = |setup: Setup| {
        setup.gate(|gate| gate.on_login(async |_: User| Ok(json!({ "number": "no number yet" }))))
    };
    let world = before(setup).start().await?;
    let upgraded = world.neighbour(counting).await?;
    let mut browser = upgraded.lead(world.signed_in().await?);
    world.clock.pass(60);
    assert_eq!(browser.get("/perhaps").await?.body, "nothing");
    assert_eq!(browser.get("/").await?.body, "alice");
    let page = browser.fetch("GET", "/count").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "sign_in_required")
    );
    world.provider.reset_calls();
    let page = upgraded.visit(&mut browser, "/count").await?;
    assert_eq!(page.json(200)?["who"], "alice");
    assert_eq!(world.calls(Endpoint::Authorize), 1);
    Ok(())
}

async fn data_that_no_login_would_mend_is_no_loop(setup: Setup) -> Result<(), Failure> {
    let without_hook = setup.clone().start().await?;
    let browser = without_hook.signed_in().await?;
    without_hook.clock.pass(3_600);
    unusable(&without_hook, &browser, "no on_login hook").await?;

    // The hook makes something else than the handlers ask for.
    let odd = setup
        .gate(|gate| gate.on_login(async |_: User| Ok::<_, LoginRejection>("hunter2-hunter2")));
    let world = odd.start().await?;
    let mut browser = world.signed_in().await?;
    world.clock.pass(59);
    unusable(&world, &browser, "less than a minute ago").await?;
    world.clock.pass(1);
    // A minute later a login may help. It does not, and that is the end of it.
    world.provider.reset_calls();
    let page = world.visit(&mut browser, "/count").await?;
    assert_eq!((page.status, page.code().as_str()), (500, "session_data"));
    assert_eq!(world.calls(Endpoint::Authorize), 1);
    Ok(())
}

async fn unusable(world: &World, browser: &Browser, cause: &str) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    world.provider.reset_calls();
    for page in [
        browser.fetch("GET", "/count").await?,
        browser.get("/count").await?,
    ] {
        assert_eq!(
            (page.status, page.code().as_str()),
            (500, "session_data"),
            "{page}"
        );
    }
    assert_eq!(world.calls(Endpoint::Authorize), 0);
    let log = transcript.text();
    let line = log
        .lines()
        .find(|line| line.contains("session_data_unusable") && line.contains(cause));
    assert!(line.is_some(), "{cause} is not in the log");
    assert!(!log.contains("hunter2-hunter2"), "the value is in the log");
    Ok(())
}
