//! What is on its way while somebody signs out does not bring the session back.

use futures_util::future::try_join_all;
use latchgate_dev_provider::{Answer, Endpoint, LogoutTarget};
use latchgate_tests::{Browser, Failure, Setup, World, scenarios};
use tokio::task::JoinSet;

scenarios!(
    a_login_that_is_finished_late_is_older_than_a_logout_at_another_node;
    in either keeping:
    a_refresh_under_way_does_not_bring_a_session_back,
    requests_that_renew_a_session_do_not_bring_it_back,
    a_login_under_way_is_a_new_session,
    a_hundred_requests_do_not_bring_a_session_back,
    a_hundred_requests_at_two_nodes_do_not_bring_a_session_back,
    a_hundred_requests_outrun_no_logout_by_the_provider,
    a_login_that_is_finished_late_outruns_no_logout_by_the_provider,
);

async fn sign_out(browser: &Browser) -> Result<(), Failure> {
    let request = browser.request("POST", "/logout").navigation("same-origin");
    let page = request.send().await?;
    assert_eq!(page.status, 303, "{page}");
    Ok(())
}

async fn a_refresh_under_way_does_not_bring_a_session_back(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let thief = browser.clone();
    world.provider.reset_calls();
    world.clock.pass(3_560);
    world.mischief().answer(Endpoint::Token, Answer::Hang);
    let mut requests = JoinSet::new();
    for _ in 0..10 {
        let tab = browser.clone();
        requests.spawn(async move {
            let page = tab.fetch("GET", "/token").await?;
            Ok::<_, Failure>((tab, page))
        });
    }
    world
        .until("a token request", || world.calls(Endpoint::Token) == 1)
        .await?;
    sign_out(&browser).await?;
    world.mischief().clear();
    for request in requests.join_all().await {
        let (tab, page) = request?;
        assert!(
            page.status == 401 || page.sets(world.session_cookie()) == [""; 0],
            "{page}"
        );
        assert_eq!(world.whoami(&tab).await?, None);
    }
    for browser in [&browser, &thief] {
        assert_eq!(world.whoami(browser).await?, None);
        assert_eq!(browser.fetch("GET", "/token").await?.status, 401);
    }
    Ok(())
}

async fn requests_that_renew_a_session_do_not_bring_it_back(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    for _ in 0..3 {
        let browser = world.signed_in().await?;
        world.clock.pass(3 * 3_600);
        let mut requests = JoinSet::new();
        for number in 0..40 {
            let tab = browser.clone();
            requests.spawn(async move {
                if number == 20 {
                    sign_out(&tab).await?;
                } else {
                    let path = ["/", "/me", "/stream"][number % 3];
                    tab.get(path).await?;
                }
                Ok::<_, Failure>(tab)
            });
        }
        for tab in requests.join_all().await {
            assert_eq!(world.whoami(&tab?).await?, None, "a late cookie lives");
        }
        assert_eq!(world.whoami(&browser).await?, None);
    }
    Ok(())
}

async fn a_login_under_way_is_a_new_session(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let old = browser.clone();
    let callback = world.callback(&browser, "/login?return_to=/me").await?;
    sign_out(&browser).await?;
    let page = browser.get(callback.as_str()).await?;
    assert_eq!(page.location.as_deref(), Some("/me"), "{page}");
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    assert_eq!(world.whoami(&old).await?, None);
    Ok(())
}

/// What ends a session while requests are on their way.
#[derive(Clone, Copy)]
enum End {
    ByTheVisitor,
    ByTheProvider,
}

impl End {
    async fn happen(self, world: &World, browser: &Browser) -> Result<(), Failure> {
        match self {
            Self::ByTheVisitor => sign_out(browser).await,
            Self::ByTheProvider => {
                let uri = world.gate.back_channel_logout_uri();
                let alice = LogoutTarget::Sub("alice".to_owned());
                let status = world.provider.send_backchannel_logout(&uri, alice).await?;
                assert_eq!(status, 200);
                Ok(())
            }
        }
    }
}

/// A hundred requests that prolong the session or refresh its tokens, spread over the nodes, and its end among them:
/// afterwards no cookie that any answer has set is worth anything at any node.
async fn a_hundred(nodes: &[&World], end: End) -> Result<(), Failure> {
    let world = nodes[0];
    // Tokens that are due; a session that was not used for a while, too; and one whose tokens nobody asks for.
    let rounds: [(u64, &[&str]); 3] = [
        (3_590, &["/token", "/", "/me"]),
        (3 * 3_600, &["/token", "/", "/me"]),
        (3 * 3_600, &["/", "/me"]),
    ];
    for (idle, paths) in rounds {
        let browser = world.signed_in().await?;
        world.clock.pass(idle);
        let requests = (0..100).map(|number: usize| {
            let node = nodes[number % nodes.len()];
            let tab = node.lead(browser.clone());
            async move {
                if number == 40 {
                    end.happen(world, &world.lead(tab.clone())).await?;
                } else {
                    tab.fetch("GET", paths[number / 2 % paths.len()]).await?;
                }
                Ok::<_, Failure>(tab)
            }
        });
        let tabs = try_join_all(requests).await?;
        for node in nodes {
            for tab in &tabs {
                let tab = node.lead(tab.clone());
                assert_eq!(node.whoami(&tab).await?, None, "a late cookie lives");
            }
            let first = node.lead(browser.clone());
            assert_eq!(node.whoami(&first).await?, None);
            assert_eq!(first.fetch("GET", "/token").await?.status, 401);
        }
        world.clock.pass(1);
    }
    Ok(())
}

async fn a_hundred_requests_do_not_bring_a_session_back(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    a_hundred(&[&world], End::ByTheVisitor).await
}

async fn a_hundred_requests_at_two_nodes_do_not_bring_a_session_back(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.sharing_logouts().start().await?;
    let node = world.neighbour(|setup| setup).await?;
    a_hundred(&[&world, &node], End::ByTheVisitor).await
}

async fn a_hundred_requests_outrun_no_logout_by_the_provider(setup: Setup) -> Result<(), Failure> {
    let world = setup.sharing_logouts().start().await?;
    let node = world.neighbour(|setup| setup).await?;
    a_hundred(&[&world, &node], End::ByTheProvider).await
}

/// What happens while the provider hands out the tokens of a login happens to its session.
async fn a_login_that_is_finished_late_outruns_no_logout_by_the_provider(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    world.mischief().answer(Endpoint::Token, Answer::Hang);
    let ends = async {
        let asked = || world.calls(Endpoint::Token) == 1;
        world.until("a token request", asked).await?;
        world.clock.pass(5);
        End::ByTheProvider.happen(&world, &browser).await?;
        world.clock.pass(5);
        world.mischief().clear();
        Ok::<(), Failure>(())
    };
    let (page, ended) = tokio::join!(browser.get(callback.as_str()), ends);
    ended?;
    let page = page?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "session_ended"),
        "{page}"
    );
    assert_eq!(world.whoami(&browser).await?, None);
    assert_eq!(
        world.whoami(&world.signed_in().await?).await?.as_deref(),
        Some("alice")
    );
    Ok(())
}

/// A session begins when its login comes back, not when the provider has handed out its tokens.
async fn a_login_that_is_finished_late_is_older_than_a_logout_at_another_node(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let node = world.neighbour(|setup| setup).await?;
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    world.mischief().answer(Endpoint::Token, Answer::Hang);
    let ends = async {
        let asked = || world.calls(Endpoint::Token) == 1;
        world.until("a token request", asked).await?;
        world.clock.pass(5);
        let alice = LogoutTarget::Sub("alice".to_owned());
        let token = world.provider.logout_token(alice, |_, _| {});
        let provider = node.browser()?;
        let request = provider.request("POST", "/backchannel-logout");
        let page = request.form(&[("logout_token", &token)]).send().await?;
        assert_eq!(page.status, 200, "{page}");
        world.clock.pass(5);
        world.mischief().clear();
        Ok::<(), Failure>(())
    };
    let (page, ended) = tokio::join!(browser.get(callback.as_str()), ends);
    ended?;
    let page = page?;
    assert_eq!(page.location.as_deref(), Some("/me"), "{page}");
    let there = node.lead(browser);
    assert_eq!(node.whoami(&there).await?, None);
    Ok(())
}
