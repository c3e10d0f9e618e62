//! What a provider grants beyond the scope: the `authorization_details` of its token responses (RFC 9396 §7).

use std::sync::{Arc, Mutex, PoisonError};

use latchgate::{AuthorizationDetails, User};
use latchgate_tests::app::Count;
use latchgate_tests::{Browser, Failure, Page, Setup, Transcript, World, scenarios};
use serde_json::{Value, json};

scenarios!(
    details_that_are_none_end_the_login,
    a_provider_that_says_nothing_grants_nothing;
    in either keeping:
    handlers_and_hooks_see_what_was_granted,
);

fn asking(setup: Setup, details: Value) -> Setup {
    setup.registration(
        move |registration| match AuthorizationDetails::of(&details) {
            Ok(details) => registration.authorization_details(details),
            Err(_) => registration,
        },
    )
}

async fn granted(browser: &Browser) -> Result<Value, Failure> {
    Ok(browser.fetch("GET", "/granted").await?.json(200)?)
}

async fn handlers_and_hooks_see_what_was_granted(setup: Setup) -> Result<(), Failure> {
    let seen = Arc::<Mutex<Vec<Value>>>::default();
    let hook = Arc::clone(&seen);
    let wanted = json!([{ "type": "payment", "amount": "1.50" }, { "type": "accounts" }]);
    let setup = asking(setup, wanted.clone()).gate(move |gate| {
        let tell = |hook: &Arc<Mutex<Vec<Value>>>, user: &User| {
            let granted = user.authorization_details();
            let granted = granted.map(|granted| granted.list().to_vec());
            let mut seen = hook.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push(json!(granted));
        };
        let (at_login, at_refresh) = (Arc::clone(&hook), Arc::clone(&hook));
        gate.on_login(move |user: User| {
            tell(&at_login, &user);
            async move { Ok(Count::of(user.subject())) }
        })
        .on_refresh(move |user: User| {
            tell(&at_refresh, &user);
            async move { Ok::<_, Failure>(Some(Count::of(user.subject()))) }
        })
    });
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    assert_eq!(granted(&browser).await?, wanted);

    // A refresh that says nothing leaves them, and one that says less replaces them.
    let less = json!([{ "type": "accounts" }]);
    for (said, expected) in [
        (None, &wanted),
        (Some(less.clone()), &less),
        (None, &less),
        (Some(json!([])), &Value::Null),
    ] {
        world.mischief().on_token_response(move |response| {
            match &said {
                Some(details) => response["authorization_details"] = details.clone(),
                None => {
                    let members = response.as_object_mut();
                    members.map(|members| members.remove("authorization_details"));
                }
            };
        });
        assert_eq!(browser.fetch("POST", "/refresh").await?.status, 200);
        assert_eq!(granted(&browser).await?, *expected);
    }
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let expected = [wanted.clone(), wanted, less.clone(), less, Value::Null];
    assert_eq!(*seen, expected);
    Ok(())
}

async fn a_provider_that_says_nothing_grants_nothing(setup: Setup) -> Result<(), Failure> {
    let world = asking(setup, json!([{ "type": "payment" }]))
        .start()
        .await?;
    world.mischief().on_token_response(|response| {
        let members = response.as_object_mut();
        members.map(|members| members.remove("authorization_details"));
    });
    let browser = world.signed_in().await?;
    assert_eq!(granted(&browser).await?, Value::Null);
    Ok(())
}

async fn refused(world: &World, details: Value) -> Result<Page, Failure> {
    world.mischief().on_token_response(move |response| {
        response["authorization_details"] = details.clone();
    });
    Ok(world.browser()?.open("/me").await?)
}

async fn details_that_are_none_end_the_login(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = setup.start().await?;
    for (details, said) in [
        (json!({ "type": "payment" }), "is not a list"),
        (json!("[]"), "is not a list"),
        (json!([{ "type": "a" }, { "typ": "b" }]), "at position 2"),
        (
            json!([{ "type": "a", "more": "x".repeat(20_000) }]),
            "is longer than 16384 bytes",
        ),
    ] {
        let page = refused(&world, details).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (502, "token_response"),
            "{page}"
        );
        let log = transcript.text();
        assert!(
            log.contains("the token response's `authorization_details`") && log.contains(said),
            "{said}"
        );
    }
    Ok(())
}
