//! Sessions of the crate `latchgate-test`: an application cannot tell them from those of a login.

use std::time::Duration;

use http::Request;
use http::header::COOKIE;
use latchgate::{LoginRejection, SessionEnd, User};
use latchgate_dev_provider::{Answer, Endpoint, LogoutTarget};
use latchgate_test::{Person, SignedInRequest};
use latchgate_tests::app::Count;
use latchgate_tests::{Browser, Failure, Setup, World, scenarios};
use serde_json::{Value, json};

scenarios!(
    the_reason_of_its_end_is_told,
    a_session_that_ended_unseen_begins_a_login;
    in either keeping:
    somebody_is_signed_in_as_after_a_login,
    guards_decide_as_after_a_login,
    a_token_that_is_due_is_refreshed,
    an_expired_token_is_not_used,
    a_logout_leads_to_the_provider,
    a_logout_by_the_provider_ends_it,
    the_login_hook_runs,
    the_applications_value_can_be_given,
);

/// A browser with the session of a person who has never logged in.
async fn browser(world: &World, person: Person) -> Result<Browser, Failure> {
    let request = Request::get("/").signed_in(&world.gate, person);
    let request = request.await.body(())?;
    let cookies = request.headers()[COOKIE].to_str()?;
    let browser = world.browser()?;
    for cookie in cookies.split("; ") {
        let (name, value) = cookie.split_once('=').ok_or("no cookie")?;
        browser.plant(name, value)?;
    }
    Ok(browser)
}

async fn somebody_is_signed_in_as_after_a_login(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let after_a_login = world.signed_in().await?.get("/me").await?.json(200)?;
    let token_after_a_login = world.token(&world.signed_in().await?).await?;
    world.provider_down();
    let asked = world.back_channel_calls();
    let alice = Person::new("alice")
        .role("admin")
        .role("user")
        .email("alice@example.com")
        .access_token("a token of the test");
    let browser = browser(&world, alice).await?;
    let me = browser.get("/me").await?.json(200)?;
    for claim in [
        "iss",
        "sub",
        "aud",
        "auth_time",
        "roles",
        "email",
        "email_verified",
    ] {
        assert_eq!(me[claim], after_a_login[claim], "{claim}");
    }
    let token = world.token(&browser).await?;
    assert_eq!(token["access_token"], "a token of the test");
    assert_eq!(token["expires_in"], 3_600);
    let scope = |token: &Value| {
        let mut scope: Vec<String> = token["scope"]
            .as_str()
            .unwrap_or_default()
            .split(' ')
            .map(str::to_owned)
            .collect();
        scope.sort();
        scope
    };
    assert_eq!(scope(&token), scope(&token_after_a_login));
    assert_eq!(world.back_channel_calls(), asked, "no provider was asked");
    Ok(())
}

async fn guards_decide_as_after_a_login(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let bob = browser(&world, Person::new("bob").role("user")).await?;
    let page = bob.fetch("GET", "/admin").await?;
    assert_eq!(
        (page.status, page.code()),
        (403, "not_permitted".to_owned())
    );
    let alice = Person::new("alice").role("admin").scope("openid");
    let alice = alice.signed_in_ago(Duration::from_secs(400));
    let alice = browser(&world, alice).await?;
    assert_eq!(alice.get("/admin").await?.body, "admitted");
    let page = alice.fetch("GET", "/read").await?;
    assert_eq!(page.status, 403, "the scope was not granted: {page}");
    let page = alice.fetch("GET", "/recent").await?;
    assert_eq!(
        (page.status, page.code()),
        (401, "reauthentication_required".to_owned())
    );
    let recent = Person::new("alice").signed_in_ago(Duration::from_secs(299));
    let recent = browser(&world, recent).await?;
    assert_eq!(recent.get("/recent").await?.body, "admitted");
    Ok(())
}

async fn a_token_that_is_due_is_refreshed(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let fresh = json!({ "access_token": "fresh", "token_type": "Bearer", "expires_in": 600 });
    let answer = Answer::json(http::StatusCode::OK, &fresh);
    world.mischief().answer(Endpoint::Token, answer.once());
    let alice = Person::new("alice").due_for_refresh().refresh_token("mine");
    let browser = browser(&world, alice).await?;
    assert_eq!(browser.get("/me").await?.status, 200);
    assert_eq!(world.calls(Endpoint::Token), 0, "it is still valid");
    assert_eq!(world.token(&browser).await?["access_token"], "fresh");
    let request = world
        .provider
        .last_request(Endpoint::Token)
        .ok_or("no request")?;
    assert_eq!(request.parameter("refresh_token"), Some("mine".to_owned()));
    assert_eq!(world.token(&browser).await?["access_token"], "fresh");
    assert_eq!(world.calls(Endpoint::Token), 1);
    Ok(())
}

async fn an_expired_token_is_not_used(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let alice = Person::new("alice").with_expired_access_token();
    let browser = browser(&world, alice).await?;
    world.provider_down();
    let page = browser.fetch("GET", "/token").await?;
    assert_eq!(page.status, 503, "{page}");
    assert_eq!(browser.get("/me").await?.status, 200);
    world.mischief().clear();
    world.clock.pass(10);
    // The provider does not know the refresh token.
    let page = browser.fetch("GET", "/token").await?;
    assert_eq!(page.status, 401, "{page}");
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn a_logout_leads_to_the_provider(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = browser(&world, Person::new("alice")).await?;
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    let logout = browser.request("POST", "/logout").navigation("same-origin");
    let page = logout.send().await?;
    let target = page.leads_to()?;
    assert!(
        target.as_str().starts_with(world.provider.issuer()),
        "{page}"
    );
    let mut parameters = target.query_pairs();
    assert!(
        parameters.any(|(name, _)| name == "id_token_hint"),
        "{page}"
    );
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn a_logout_by_the_provider_ends_it(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let alice = browser(&world, Person::new("alice").sid("one")).await?;
    let other = browser(&world, Person::new("alice").sid("two")).await?;
    let to = format!("{}/backchannel-logout", world.address);
    let target = LogoutTarget::Sid("one".to_owned());
    let status = world.provider.send_backchannel_logout(&to, target).await?;
    assert_eq!(status, 200);
    assert_eq!(world.whoami(&alice).await?, None);
    assert_eq!(world.whoami(&other).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn the_login_hook_runs(setup: Setup) -> Result<(), Failure> {
    let setup = setup.gate(|gate| {
        gate.on_login(async |user: User| match user.subject() {
            "alice" => Ok(Count {
                number: 7,
                ..Count::of("alice")
            }),
            _ => Err(LoginRejection::forbidden("not a customer")),
        })
    });
    let world = setup.start().await?;
    let alice = browser(&world, Person::new("alice")).await?;
    assert_eq!(alice.fetch("GET", "/count").await?.json(200)?["number"], 7);
    let gate = world.gate.clone();
    let rejected = tokio::spawn(async move {
        let request = Request::get("/").signed_in(&gate, Person::new("bob"));
        request.await.body(()).is_ok()
    });
    let panic = rejected.await.err().ok_or("bob is signed in")?.into_panic();
    let message = panic.downcast_ref::<String>().ok_or("no message")?;
    assert!(
        message.contains("test_kit.rs") && message.contains("not a customer"),
        "{message}"
    );
    Ok(())
}

async fn the_applications_value_can_be_given(setup: Setup) -> Result<(), Failure> {
    let setup = setup.gate(|gate| {
        gate.on_login(async |_: User| Err::<Count, _>(LoginRejection::forbidden("nobody")))
    });
    let world = setup.start().await?;
    let alice = Person::new("alice").data(Count {
        number: 3,
        ..Count::of("alice")
    });
    let alice = browser(&world, alice).await?;
    assert_eq!(alice.fetch("GET", "/count").await?.json(200)?["number"], 3);
    Ok(())
}

async fn the_reason_of_its_end_is_told(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    for why in [
        SessionEnd::Idle,
        SessionEnd::Absolute,
        SessionEnd::Ceiling,
        SessionEnd::ClockWentBack,
        SessionEnd::Revoked,
        SessionEnd::SignedOut,
        SessionEnd::EndedByProvider,
    ] {
        let browser = browser(&world, Person::new("alice").session_ended(why)).await?;
        let page = browser.fetch("GET", "/me").await?;
        assert_eq!(page.json(401)?["session"], why.code(), "{page}");
    }
    Ok(())
}

async fn a_session_that_ended_unseen_begins_a_login(setup: Setup) -> Result<(), Failure> {
    let world = setup.stored().start().await?;
    for why in [SessionEnd::Idle, SessionEnd::SignedOut] {
        let ended = Person::new("alice").session_ended(why);
        let mut browser = browser(&world, ended).await?;
        assert_eq!(browser.fetch("GET", "/me").await?.status, 401);
        let page = world.visit(&mut browser, "/me").await?;
        assert_eq!((page.status, page.url.path()), (200, "/me"), "{page}");
    }
    Ok(())
}
