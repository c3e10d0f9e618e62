//! A logout at one node holds at all of them: by the store that has the sessions, or by one that has revocations.

use std::time::Duration;

use latchgate::MemoryStore;
use latchgate_dev_provider::{Answer, Endpoint, JsonObject, LogoutTarget};
use latchgate_tests::{Browser, Failure, Page, Setup, SharedStore, World, scenarios};
use tokio::task::JoinSet;

scenarios!(
    a_store_of_revocations_that_is_down_lets_nobody_in,
    without_an_index_a_node_knows_what_it_was_told,
    revocations_make_up_for_a_missing_index,
    revocations_survive_a_change_of_keys;
    in either keeping:
    a_logout_token_holds_at_every_node,
    a_logout_token_without_sid_ends_all_of_that_person,
    sessions_without_a_sid_end_by_their_person,
    a_logout_token_is_processed_by_one_node_only,
    a_logout_token_comes_again_when_the_store_has_failed,
    a_logout_here_holds_at_every_node,
    everywhere_is_everywhere_and_nobody_else,
    a_refresh_under_way_survives_no_logout_everywhere,
    a_late_answer_leaves_a_newer_session_alone,
);

const ROUTE: &str = "/backchannel-logout";

fn honest(_: &mut JsonObject, _: &mut JsonObject) {}

async fn post(node: &World, token: &str) -> Result<Page, Failure> {
    let provider = node.browser()?;
    let request = provider.request("POST", ROUTE);
    Ok(request.form(&[("logout_token", token)]).send().await?)
}

async fn sid(browser: &Browser) -> Result<String, Failure> {
    let claims = browser.fetch("GET", "/me").await?.json(200)?;
    Ok(claims["sid"].as_str().unwrap_or_default().to_owned())
}

/// Somebody else, signed in.
async fn bob(world: &World) -> Result<Browser, Failure> {
    world.provider.auto_sign_in(Some("bob"));
    let mut browser = world.browser()?;
    world.visit(&mut browser, "/me").await?;
    world.provider.auto_sign_in(Some("alice"));
    Ok(browser)
}

async fn a_logout_token_holds_at_every_node(setup: Setup) -> Result<(), Failure> {
    let world = setup.sharing_logouts().start().await?;
    let node = world.neighbour(|setup| setup).await?;
    let (one, other) = (world.signed_in().await?, world.signed_in().await?);
    let target = LogoutTarget::Sid(sid(&one).await?);
    let token = world.provider.logout_token(target, honest);
    assert_eq!(post(&node, &token).await?.status, 200);
    assert_eq!(world.whoami(&one).await?, None);
    for here in [&world, &node] {
        let other = here.lead(other.clone());
        assert_eq!(here.whoami(&other).await?.as_deref(), Some("alice"));
    }
    Ok(())
}

async fn a_logout_token_without_sid_ends_all_of_that_person(setup: Setup) -> Result<(), Failure> {
    let world = setup.sharing_logouts().start().await?;
    let node = world.neighbour(|setup| setup).await?;
    let hers = [
        world.signed_in().await?,
        node.signed_in().await?,
        world.signed_in().await?,
    ];
    let his = bob(&world).await?;
    let target = LogoutTarget::Sub("alice".to_owned());
    let token = world.provider.logout_token(target, honest);
    assert_eq!(post(&node, &token).await?.status, 200);
    for here in [&world, &node] {
        for browser in &hers {
            assert_eq!(here.whoami(&here.lead(browser.clone())).await?, None);
        }
        let his = here.lead(his.clone());
        assert_eq!(here.whoami(&his).await?.as_deref(), Some("bob"));
    }
    world.clock.pass(1);
    let again = node.signed_in().await?;
    let again = world.lead(again);
    assert_eq!(world.whoami(&again).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn sessions_without_a_sid_end_by_their_person(setup: Setup) -> Result<(), Failure> {
    let world = setup.sharing_logouts().start().await?;
    let node = world.neighbour(|setup| setup).await?;
    let named = world.signed_in().await?;
    world
        .mischief()
        .on_id_token(|_, claims| drop(claims.remove("sid")));
    let (nameless, his) = (world.signed_in().await?, bob(&world).await?);
    assert_eq!(sid(&nameless).await?, "");
    let session = |sub: Option<&str>| match sub {
        None => LogoutTarget::Sid("of another browser".to_owned()),
        Some(sub) => LogoutTarget::SidAndSub {
            sid: "of another browser".to_owned(),
            sub: sub.to_owned(),
        },
    };
    let token = world.provider.logout_token(session(None), honest);
    assert_eq!(post(&node, &token).await?.status, 200);
    assert_eq!(world.whoami(&nameless).await?.as_deref(), Some("alice"));
    let token = world.provider.logout_token(session(Some("alice")), honest);
    assert_eq!(post(&node, &token).await?.status, 200);
    // It may have been the one that is meant; whose session has a name, it was not.
    assert_eq!(world.whoami(&nameless).await?, None);
    assert_eq!(world.whoami(&named).await?.as_deref(), Some("alice"));
    assert_eq!(world.whoami(&his).await?.as_deref(), Some("bob"));
    Ok(())
}

async fn a_logout_token_is_processed_by_one_node_only(setup: Setup) -> Result<(), Failure> {
    let world = setup.sharing_logouts().start().await?;
    let node = world.neighbour(|setup| setup).await?;
    let target = LogoutTarget::Sub("alice".to_owned());
    let token = world.provider.logout_token(target, honest);
    assert_eq!(post(&world, &token).await?.status, 200);
    world.clock.pass(1);
    let browser = world.signed_in().await?;
    for here in [&node, &world] {
        let page = post(here, &token).await?;
        assert_eq!((page.status, page.code().as_str()), (400, "logout_token"));
    }
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn a_logout_token_comes_again_when_the_store_has_failed(setup: Setup) -> Result<(), Failure> {
    let world = setup.sharing_logouts().start().await?;
    let node = world.neighbour(|setup| setup).await?;
    let browser = world.signed_in().await?;
    let store = world.common_store().ok_or("no store")?;
    let target = LogoutTarget::Sub("alice".to_owned());
    let token = world.provider.logout_token(target, honest);
    store.set_down(true);
    let page = post(&node, &token).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (503, "store_unavailable")
    );
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(!page.header("retry-after").is_empty());
    store.set_down(false);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    assert_eq!(post(&node, &token).await?.status, 200);
    assert_eq!(world.whoami(&browser).await?, None);
    assert_eq!(post(&node, &token).await?.status, 400);
    Ok(())
}

async fn a_logout_here_holds_at_every_node(setup: Setup) -> Result<(), Failure> {
    let world = setup.sharing_logouts().start().await?;
    let node = world.neighbour(|setup| setup).await?;
    let (browser, other) = (world.signed_in().await?, world.signed_in().await?);
    let thief = node.lead(browser.clone());
    assert_eq!(node.whoami(&thief).await?.as_deref(), Some("alice"));
    let logout = browser.request("POST", "/logout").navigation("same-origin");
    assert_eq!(logout.send().await?.status, 303);
    assert_eq!(node.whoami(&thief).await?, None);
    assert_eq!(thief.fetch("GET", "/token").await?.status, 401);
    // A login in place of a session ends that one as well.
    let replaced = node.lead(other.clone());
    let callback = world.callback(&other, "/login").await?;
    assert_eq!(other.get(callback.as_str()).await?.status, 303);
    assert_eq!(world.whoami(&other).await?.as_deref(), Some("alice"));
    assert_eq!(node.whoami(&replaced).await?, None);
    Ok(())
}

async fn everywhere_is_everywhere_and_nobody_else(setup: Setup) -> Result<(), Failure> {
    let world = setup.sharing_logouts().start().await?;
    let node = world.neighbour(|setup| setup).await?;
    let (asks, other) = (world.signed_in().await?, node.signed_in().await?);
    let his = bob(&world).await?;
    let done = asks.fetch("POST", "/everywhere").await?;
    assert_eq!(done.status, 204, "{done}");
    for here in [&world, &node] {
        for browser in [&asks, &other] {
            assert_eq!(here.whoami(&here.lead(browser.clone())).await?, None);
        }
        let his = here.lead(his.clone());
        assert_eq!(here.whoami(&his).await?.as_deref(), Some("bob"));
    }
    world.clock.pass(1);
    let again = world.signed_in().await?;
    assert_eq!(world.whoami(&again).await?.as_deref(), Some("alice"));
    let store = world.common_store().ok_or("no store")?;
    store.set_down(true);
    let failed = world.gate.end_sessions_of(world.provider.issuer(), "bob");
    let failed = failed.await.err().ok_or("the store was down")?;
    assert_eq!(failed.code(), "store_unavailable");
    Ok(())
}

async fn a_refresh_under_way_survives_no_logout_everywhere(setup: Setup) -> Result<(), Failure> {
    let world = setup.sharing_logouts().start().await?;
    let node = world.neighbour(|setup| setup).await?;
    let (browser, elsewhere) = (world.signed_in().await?, node.signed_in().await?);
    world.provider.reset_calls();
    world.clock.pass(3_590);
    world.mischief().answer(Endpoint::Token, Answer::Hang);
    let mut requests = JoinSet::new();
    for _ in 0..10 {
        let tab = browser.clone();
        requests.spawn(async move {
            tab.fetch("GET", "/token").await?;
            Ok::<_, Failure>(tab)
        });
    }
    let asked = || world.calls(Endpoint::Token) == 1;
    world.until("a token request", asked).await?;
    let done = elsewhere.fetch("POST", "/everywhere").await?;
    assert_eq!(done.status, 204, "{done}");
    world.mischief().clear();
    for tab in requests.join_all().await {
        let tab = tab?;
        for here in [&world, &node] {
            let tab = here.lead(tab.clone());
            assert_eq!(here.whoami(&tab).await?, None, "a refresh brought it back");
        }
    }
    Ok(())
}

/// A ticket that leads nowhere says nothing of the cookie the browser has by now.
async fn a_late_answer_leaves_a_newer_session_alone(setup: Setup) -> Result<(), Failure> {
    let world = setup.sharing_logouts().start().await?;
    let node = world.neighbour(|setup| setup).await?;
    let browser = world.signed_in().await?;
    let old = node.lead(browser.clone());
    let logout = browser.request("POST", "/logout").navigation("same-origin");
    assert_eq!(logout.send().await?.status, 303);
    let late = old.get("/").await?;
    assert_eq!(
        (late.body.as_str(), late.set_cookies().len()),
        ("anonymous", 0),
        "{late}"
    );
    Ok(())
}

async fn a_store_of_revocations_that_is_down_lets_nobody_in(setup: Setup) -> Result<(), Failure> {
    let world = setup.sharing_logouts().start().await?;
    let browser = world.signed_in().await?;
    let store = world.common_store().ok_or("no store")?;
    store.set_down(true);
    for path in ["/me", "/admin", "/token"] {
        let page = browser.get(path).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (503, "store_unavailable"),
            "{path}"
        );
        assert_eq!(
            page.set_cookies(),
            [""; 0],
            "the session is not thrown away"
        );
    }
    assert_eq!(browser.get("/public").await?.status, 200);
    let (thief, other_thief) = (browser.clone(), browser.clone());
    let logout = browser.request("POST", "/logout").navigation("same-origin");
    let page = logout.send().await?;
    assert!(
        page.status == 303 && page.clears(world.session_cookie()),
        "{page}"
    );
    store.set_down(false);
    assert_eq!(world.whoami(&thief).await?, None, "this node remembers");
    // The others hear of it once the store is back.
    let node = world.neighbour(|setup| setup).await?;
    let thief = node.lead(other_thief);
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    let ends = async {
        while node.whoami(&thief).await?.is_some() {
            looks.tick().await;
        }
        Ok::<(), Failure>(())
    };
    tokio::time::timeout(Duration::from_secs(15), ends).await??;
    let again = world.signed_in().await?;
    assert_eq!(world.whoami(&again).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn without_an_index_a_node_knows_what_it_was_told(setup: Setup) -> Result<(), Failure> {
    let setup = setup.stored_in(SharedStore::without_index());
    let world = setup.start().await?;
    let node = world.neighbour(|setup| setup).await?;
    let browser = world.signed_in().await?;
    let target = LogoutTarget::Sid(sid(&browser).await?);
    let token = world.provider.logout_token(target, honest);
    assert_eq!(post(&node, &token).await?.status, 200);
    let there = node.lead(browser.clone());
    assert_eq!(node.whoami(&there).await?, None);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    assert_eq!(
        post(&world, &token).await?.status,
        400,
        "the store has the token's name"
    );
    Ok(())
}

async fn revocations_make_up_for_a_missing_index(setup: Setup) -> Result<(), Failure> {
    let setup = setup
        .stored_in(SharedStore::without_index())
        .revocations_in(SharedStore::new(MemoryStore::default()));
    a_logout_token_without_sid_ends_all_of_that_person(setup).await
}

async fn revocations_survive_a_change_of_keys(setup: Setup) -> Result<(), Failure> {
    use latchgate_tests::{KEY, OLD_KEY};
    let setup = setup.keys(&[OLD_KEY]).sharing_logouts();
    let world = setup.start().await?;
    let node = world.neighbour(|setup| setup.keys(&[KEY, OLD_KEY])).await?;
    for (told, asked) in [(&world, &node), (&node, &world)] {
        let browser = world.signed_in().await?;
        let target = LogoutTarget::Sid(sid(&browser).await?);
        let token = world.provider.logout_token(target, honest);
        assert_eq!(post(told, &token).await?.status, 200);
        let browser = asked.lead(browser);
        assert_eq!(asked.whoami(&browser).await?, None);
    }
    Ok(())
}
