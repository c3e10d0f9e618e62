//! Userinfo responses about somebody else, or about nobody.

use latchgate::UserinfoPolicy;
use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::{Failure, Setup, scenarios};
use serde_json::{Value, json};

use super::{Lie, WORDS, all_are_refused, answers, change, lie, redirect};

scenarios!(
    claims_of_somebody_else_are_refused,
    answers_that_are_no_claims_are_refused,
    claims_of_the_same_person_are_added;
    in either keeping: the_session_of_before_outlives_a_lie,
);

const REFUSED: (u16, &str) = (502, "userinfo");

fn asked(setup: Setup) -> Setup {
    setup.registration(|registration| registration.userinfo(UserinfoPolicy::Always))
}

fn says(
    name: &'static str,
    status: http::StatusCode,
    content_type: &'static str,
    body: &str,
) -> Lie {
    let body = body.to_owned();
    lie(name, REFUSED, move |world| {
        let answer = Answer::Status {
            status,
            content_type: content_type.to_owned(),
            body: body.clone(),
        };
        world.mischief().answer(Endpoint::Userinfo, answer);
    })
}

fn subject(value: Value) -> Lie {
    lie(
        format!("sub: {value}"),
        (502, "userinfo_sub"),
        move |world| {
            let value = value.clone();
            world
                .mischief()
                .on_userinfo(move |claims| change(claims, "sub", &value));
        },
    )
}

async fn claims_of_somebody_else_are_refused(setup: Setup) -> Result<(), Failure> {
    let world = asked(setup).start().await?;
    let lies = [
        json!(null),
        json!(""),
        json!("bob"),
        json!("Alice"),
        json!("alice "),
        json!(["alice"]),
        json!(7),
    ];
    all_are_refused(&world, lies.into_iter().map(subject).collect()).await
}

async fn answers_that_are_no_claims_are_refused(setup: Setup) -> Result<(), Failure> {
    let world = asked(setup).start().await?;
    let honest = r#"{"sub":"alice"}"#;
    let ok = http::StatusCode::OK;
    let json = "application/json";
    let mut lies = answers(Endpoint::Userinfo, REFUSED);
    // An object without `sub` is one about nobody.
    lies.retain(|lie| lie.name != "an empty object");
    lies.extend([
        subject(Value::Null),
        redirect(Endpoint::Userinfo),
        says(
            "a JWT",
            ok,
            "application/jwt",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.",
        ),
        says(
            "a JWT that says JSON",
            ok,
            json,
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.",
        ),
        says("claims that say JWT", ok, "application/jwt", honest),
        says("claims that say HTML", ok, "text/html", honest),
        says("claims that say nothing", ok, "", honest),
        says("sub twice", ok, json, r#"{"sub":"bob","sub":"alice"}"#),
        says("401", http::StatusCode::UNAUTHORIZED, json, honest),
        says("403", http::StatusCode::FORBIDDEN, json, honest),
        says(
            "401 with words",
            http::StatusCode::UNAUTHORIZED,
            "text/plain",
            WORDS,
        ),
    ]);
    all_are_refused(&world, lies).await
}

async fn claims_of_the_same_person_are_added(setup: Setup) -> Result<(), Failure> {
    let world = asked(setup).start().await?;
    world.mischief().on_userinfo(|claims| {
        claims["nickname"] = json!("<script>alert(1)</script>");
        for about_the_login in ["iss", "aud", "acr", "amr", "auth_time", "sid"] {
            claims[about_the_login] = json!("https://evil.example");
        }
    });
    let browser = world.signed_in().await?;
    let page = browser.fetch("GET", "/me").await?;
    assert!(!page.body.contains("evil.example"), "{page}");
    let claims = page.json(200)?;
    assert_eq!(claims["iss"], world.provider.issuer());
    assert_eq!(claims["nickname"], "<script>alert(1)</script>");
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn the_session_of_before_outlives_a_lie(setup: Setup) -> Result<(), Failure> {
    let world = asked(setup).start().await?;
    let mut browser = world.signed_in().await?;
    let before = world.token(&browser).await?;
    world.provider.auto_sign_in(Some("bob"));
    world
        .mischief()
        .on_userinfo(|claims| claims["sub"] = json!("alice"));
    let page = world.visit(&mut browser, "/login").await?;
    super::was_refused(&page, 502, "userinfo_sub")?;
    assert!(page.sets(world.session_cookie()).is_empty(), "{page}");
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    assert_eq!(world.token(&browser).await?, before);
    Ok(())
}
