//! What is on its way while somebody signs out does not bring the session back.

use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::{Browser, Failure, Setup, scenarios};
use tokio::task::JoinSet;

scenarios!(
    ;
    in either keeping:
    a_refresh_under_way_does_not_bring_a_session_back,
    requests_that_renew_a_session_do_not_bring_it_back,
    a_login_under_way_is_a_new_session,
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
