//! All sessions of a person end, or all but one, and what begins afterwards lives: in the same second, too, and on a node
//! whose clock is behind.

use std::sync::{Arc, OnceLock};

use latchgate::{Clock, Gate, LoginRejection, User};
use latchgate_dev_provider::{Endpoint, LogoutTarget};
use latchgate_tests::{Browser, Failure, Setup, TestClock, World, scenarios};

scenarios!(
    ;
    in either keeping:
    a_session_begun_in_the_same_second_lives,
    a_session_begun_on_a_node_whose_clock_is_behind_lives,
    a_login_hook_that_ends_all_sessions_is_no_loop,
    a_person_can_end_all_other_sessions,
    everybody_has_one_session_if_the_application_wants,
);

async fn log_out_alice(world: &World) -> Result<(), Failure> {
    let alice = LogoutTarget::Sub("alice".to_owned());
    let token = world.provider.logout_token(alice, |_, _| {});
    let provider = world.browser()?;
    let request = provider.request("POST", "/backchannel-logout");
    let page = request.form(&[("logout_token", &token)]).send().await?;
    assert_eq!(page.status, 200, "{page}");
    Ok(())
}

async fn a_session_begun_in_the_same_second_lives(setup: Setup) -> Result<(), Failure> {
    let world = setup.sharing_logouts().start().await?;
    let mut before = world.signed_in().await?;
    for _ in 0..3 {
        log_out_alice(&world).await?;
        assert_eq!(world.whoami(&before).await?, None);
        let next = world.signed_in().await?;
        assert_eq!(world.whoami(&next).await?.as_deref(), Some("alice"));
        before = next;
    }
    Ok(())
}

/// A clock that goes two seconds after another one.
#[derive(Clone, Debug)]
struct Behind(TestClock);

impl Clock for Behind {
    fn now(&self) -> u64 {
        self.0.now() - 2
    }
}

async fn a_session_begun_on_a_node_whose_clock_is_behind_lives(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.sharing_logouts().start().await?;
    let clock = Behind(world.clock.clone());
    let behind = world
        .neighbour(|setup| setup.gate(move |gate| gate.clock(clock.clone())))
        .await?;
    let before = behind.signed_in().await?;
    log_out_alice(&world).await?;
    assert_eq!(behind.whoami(&before).await?, None);
    let next = behind.signed_in().await?;
    assert_eq!(behind.whoami(&next).await?.as_deref(), Some("alice"));
    let there = world.lead(next.clone());
    assert_eq!(world.whoami(&there).await?.as_deref(), Some("alice"));
    log_out_alice(&world).await?;
    assert_eq!(world.whoami(&there).await?, None);
    assert_eq!(behind.whoami(&behind.lead(next)).await?, None);
    Ok(())
}

/// The gate, for hooks that are made before it is.
type LateGate = Arc<OnceLock<Gate>>;

fn built(gate: &LateGate) -> Result<Gate, LoginRejection> {
    let none = || LoginRejection::failed("a login before there is a gate");
    gate.get().cloned().ok_or_else(none)
}

async fn a_login_hook_that_ends_all_sessions_is_no_loop(setup: Setup) -> Result<(), Failure> {
    let gate = LateGate::default();
    let late = Arc::clone(&gate);
    let world = setup
        .gate(move |builder| {
            let late = Arc::clone(&late);
            builder.on_login(move |user: User| {
                let gate = built(&late);
                async move { Ok(gate?.end_sessions_of(user.issuer(), user.subject()).await?) }
            })
        })
        .start()
        .await?;
    let _ = gate.set(world.gate.clone());
    let mut browser = world.browser()?;
    let page = world.visit(&mut browser, "/me").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "session_ended"),
        "{page}"
    );
    assert_eq!(world.calls(Endpoint::Authorize), 1);
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn everybody_has_one_session_if_the_application_wants(setup: Setup) -> Result<(), Failure> {
    let gate = LateGate::default();
    let late = Arc::clone(&gate);
    let world = setup
        .sharing_logouts()
        .gate(move |builder| {
            let late = Arc::clone(&late);
            builder.on_login(move |user: User| {
                let gate = built(&late);
                async move { Ok(gate?.end_other_sessions_of(&user).await?) }
            })
        })
        .start()
        .await?;
    let _ = gate.set(world.gate.clone());
    let (one, two) = (world.signed_in().await?, world.signed_in().await?);
    assert_eq!(world.whoami(&one).await?, None);
    assert_eq!(world.whoami(&two).await?.as_deref(), Some("alice"));
    let node = world.neighbour(|setup| setup).await?;
    assert_eq!(node.whoami(&node.lead(one)).await?, None);
    assert_eq!(
        node.whoami(&node.lead(two)).await?.as_deref(),
        Some("alice")
    );
    Ok(())
}

async fn a_person_can_end_all_other_sessions(setup: Setup) -> Result<(), Failure> {
    let world = setup.sharing_logouts().start().await?;
    let node = world.neighbour(|setup| setup).await?;
    let (one, two) = (world.signed_in().await?, world.signed_in().await?);
    world.provider.auto_sign_in(Some("bob"));
    let mut his = world.browser()?;
    world.visit(&mut his, "/me").await?;
    assert_eq!(one.fetch("POST", "/elsewhere").await?.status, 204);
    for world in [&world, &node] {
        let seen = async |browser: &Browser| world.whoami(&world.lead(browser.clone())).await;
        assert_eq!(seen(&one).await?.as_deref(), Some("alice"));
        assert_eq!(seen(&two).await?, None);
        assert_eq!(seen(&his).await?.as_deref(), Some("bob"));
    }
    // The spared session is no safer than any other afterwards, a second ago or not.
    log_out_alice(&world).await?;
    assert_eq!(world.whoami(&one).await?, None);
    assert_eq!(node.whoami(&node.lead(one)).await?, None);
    Ok(())
}
