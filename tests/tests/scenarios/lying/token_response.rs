//! Token responses that are malformed, that say too much or too little, or that do not come.

use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::{Failure, Setup, scenarios};
use serde_json::{Value, json};

use super::{Lie, WORDS, all_are_refused, answers, change, lie, redirect, was_refused};

scenarios!(
    members_that_are_missing_or_odd_are_refused,
    answers_that_are_no_token_response_are_refused,
    refusals_are_told_by_whose_fault_they_are,
    every_expires_in_is_survived,
    only_the_granted_scope_is_seen,
    what_is_not_asked_for_is_ignored,
);

const REFUSED: (u16, &str) = (502, "token_response");

/// Another value for a member of the token response; `null` removes it.
fn member(name: &'static str, value: Value, told: (u16, &'static str)) -> Lie {
    lie(format!("{name}: {value}"), told, move |world| {
        let value = value.clone();
        world
            .mischief()
            .on_token_response(move |response| change(response, name, &value));
    })
}

async fn members_that_are_missing_or_odd_are_refused(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut lies = Vec::new();
    for name in ["access_token", "refresh_token"] {
        for odd in [
            json!(""),
            json!(7),
            json!(["a"]),
            json!("a\tb"),
            json!("a\r\nX: y"),
            json!("é"),
        ] {
            lies.push(member(name, odd, REFUSED));
        }
    }
    for (name, value, told) in [
        ("access_token", json!(null), REFUSED),
        ("access_token", json!("a b"), REFUSED),
        ("token_type", json!(null), REFUSED),
        ("token_type", json!(""), REFUSED),
        ("token_type", json!("mac"), REFUSED),
        ("token_type", json!("DPoP"), REFUSED),
        ("token_type", json!(WORDS), REFUSED),
        ("token_type", json!(["Bearer"]), REFUSED),
        ("id_token", json!(null), (502, "id_token_missing")),
        ("id_token", json!(""), REFUSED),
        ("id_token", json!({ "sub": "alice" }), REFUSED),
        ("scope", json!(["openid"]), REFUSED),
        ("scope", json!(7), REFUSED),
    ] {
        lies.push(member(name, value, told));
    }
    all_are_refused(&world, lies).await
}

async fn answers_that_are_no_token_response_are_refused(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut lies = answers(Endpoint::Token, REFUSED);
    lies.push(redirect(Endpoint::Token));
    for body in [
        r#"{"access_token":"a","access_token":"b","token_type":"Bearer","id_token":"x.y.z"}"#,
        r#"{"access_token":"a","token_type":"mac","token_type":"Bearer","id_token":"x.y.z"}"#,
        r#"{"access_token":"a","token_type":"Bearer","id_token":"x.y.z","x":{"y":1,"y":2}}"#,
    ] {
        lies.push(lie(body, REFUSED, move |world| {
            let answer = Answer::Status {
                status: http::StatusCode::OK,
                content_type: "application/json".to_owned(),
                body: body.to_owned(),
            };
            world.mischief().answer(Endpoint::Token, answer);
        }));
    }
    all_are_refused(&world, lies).await
}

async fn refusals_are_told_by_whose_fault_they_are(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let lies = [
        ("invalid_grant", 400, 400),
        ("invalid_client", 401, 500),
        ("unauthorized_client", 400, 500),
        ("invalid_scope", 400, 500),
        ("server_error", 500, 502),
        (WORDS, 400, 502),
        ("<script>alert(1)</script>", 400, 502),
        ("\r\nSet-Cookie: latchgate=x", 400, 502),
    ]
    .map(|(error, answered, status)| {
        lie(error, (status, "token_request_refused"), move |world| {
            let body = json!({
                "error": error,
                "error_description": WORDS.repeat(1_000),
                "error_uri": "https://evil.example",
            });
            let status = http::StatusCode::from_u16(answered).unwrap_or_default();
            let answer = Answer::json(status, &body);
            world.mischief().answer(Endpoint::Token, answer);
        })
    });
    all_are_refused(&world, lies.into()).await
}

async fn every_expires_in_is_survived(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let ten_years = json!(315_360_000);
    for (said, read) in [
        (json!(60), json!(60)),
        (json!("3600"), json!(3600)),
        (json!(59.9), json!(59)),
        (json!(u64::MAX), ten_years.clone()),
        (json!(1e300), ten_years),
        (json!(null), json!(null)),
        (json!(0), json!(null)),
        (json!(0.5), json!(null)),
        (json!(-5), json!(null)),
        (json!(i64::MIN), json!(null)),
        (json!("soon"), json!(null)),
        (json!(""), json!(null)),
        (json!([3600]), json!(null)),
        (json!({}), json!(null)),
        (json!(true), json!(null)),
    ] {
        let name = said.to_string();
        world
            .mischief()
            .on_token_response(move |response| change(response, "expires_in", &said));
        let browser = world.signed_in().await?;
        world.provider.reset_calls();
        let token = world.token(&browser).await?;
        assert_eq!(token["expires_in"], read, "{name}");
        assert_eq!(world.calls(Endpoint::Token), 0, "{name}: not due yet");
        world.mischief().clear();
    }
    Ok(())
}

async fn only_the_granted_scope_is_seen(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    for (granted, admitted, seen) in [
        (json!("openid email"), true, "openid email"),
        (json!("openid"), false, "openid"),
        (json!(""), false, ""),
        (json!("openid e-mail"), false, "openid e-mail"),
        // Missing means: what was asked for.
        (json!(null), true, "openid profile email offline_access"),
    ] {
        let said = granted.clone();
        world
            .mischief()
            .on_token_response(move |response| change(response, "scope", &said));
        let browser = world.signed_in().await?;
        let page = browser.fetch("GET", "/read").await?;
        if admitted {
            assert_eq!(
                (page.status, page.body.as_str()),
                (200, "admitted"),
                "{granted}"
            );
        } else {
            was_refused(&page, 403, "not_permitted")?;
        }
        assert_eq!(world.token(&browser).await?["scope"], seen);
        world.mischief().clear();
    }
    Ok(())
}

async fn what_is_not_asked_for_is_ignored(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.mischief().on_token_response(|response| {
        response["token_type"] = json!("bEARER");
        response["not_before_policy"] = json!(0);
        response["session_state"] = json!({ "deep": [1, 2, { "er": null }] });
        response["error"] = json!("none of this is one");
    });
    let browser = world.signed_in().await?;
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}
