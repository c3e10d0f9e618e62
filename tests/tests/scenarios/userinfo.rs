//! Claims of the userinfo endpoint: as old as the answer they came in, and in pairs.

use latchgate::UserinfoPolicy;
use latchgate_dev_provider::{Answer, Client, Endpoint, SigningAlg};
use latchgate_tests::{Browser, Failure, Setup, World, scenarios};
use serde_json::{Value, json};

scenarios!(
    signed_claims_are_verified_and_read,
    signed_claims_that_are_not_for_us_are_refused;
    in either keeping:
    a_refresh_brings_new_claims,
    a_refresh_outlives_a_userinfo_endpoint_that_fails,
    somebody_else_s_claims_at_a_refresh_end_the_session,
    no_flag_vouches_for_the_other_source_s_value,
);

fn asked(setup: Setup) -> Setup {
    setup.registration(|registration| registration.userinfo(UserinfoPolicy::Always))
}

fn userinfo_says(world: &World, claims: &Value) {
    let claims = claims.clone();
    world.mischief().on_userinfo(move |userinfo| {
        for name in ["email", "email_verified", "roles"] {
            userinfo.as_object_mut().map(|members| members.remove(name));
        }
        for (name, value) in claims.as_object().into_iter().flatten() {
            userinfo[name] = value.clone();
        }
    });
}

fn id_token_says(world: &World, claims: &Value) {
    let claims = claims.clone();
    world.mischief().on_id_token(move |_, id_token| {
        for name in ["email", "email_verified", "roles"] {
            id_token.remove(name);
        }
        id_token.extend(claims.as_object().cloned().unwrap_or_default());
    });
}

async fn refresh(browser: &Browser) -> Result<(), Failure> {
    browser.fetch("POST", "/refresh").await?.json(200)?;
    Ok(())
}

async fn claims(browser: &Browser) -> Result<Value, Failure> {
    Ok(browser.fetch("GET", "/me").await?.json(200)?)
}

async fn admin(browser: &Browser) -> Result<u16, Failure> {
    Ok(browser.fetch("GET", "/admin").await?.status)
}

async fn a_refresh_brings_new_claims(setup: Setup) -> Result<(), Failure> {
    let world = asked(setup).start().await?;
    id_token_says(&world, &json!({}));
    userinfo_says(
        &world,
        &json!({ "roles": ["admin"], "email": "old@example.com" }),
    );
    let browser = world.signed_in().await?;
    assert_eq!(admin(&browser).await?, 200);
    userinfo_says(
        &world,
        &json!({ "roles": ["user"], "email": "new@example.com" }),
    );
    refresh(&browser).await?;
    assert_eq!(admin(&browser).await?, 403, "the role was taken away");
    assert_eq!(claims(&browser).await?["email"], "new@example.com");
    userinfo_says(&world, &json!({}));
    refresh(&browser).await?;
    assert_eq!(claims(&browser).await?["email"], json!(null));
    assert_eq!(world.calls(Endpoint::Userinfo), 3);
    Ok(())
}

/// What the provider has rotated is kept, and what userinfo said before counts less than the newer ID token.
async fn a_refresh_outlives_a_userinfo_endpoint_that_fails(setup: Setup) -> Result<(), Failure> {
    let world = asked(setup).start().await?;
    let page = |status: http::StatusCode, kind: &str, body: &str| Answer::Status {
        status,
        content_type: kind.to_owned(),
        body: body.to_owned(),
    };
    let ok = http::StatusCode::OK;
    for answer in [
        Answer::status(http::StatusCode::INTERNAL_SERVER_ERROR),
        Answer::status(http::StatusCode::UNAUTHORIZED),
        page(ok, "text/html", "<html>"),
        page(ok, "application/json", "{}"),
        page(ok, "application/jwt", "a.b.c"),
        Answer::Redirect("https://evil.example".to_owned()),
        Answer::Huge(1 << 20),
        Answer::Drop,
    ] {
        id_token_says(&world, &json!({ "roles": ["admin"] }));
        userinfo_says(&world, &json!({ "roles": ["admin"], "nickname": "Ali" }));
        let browser = world.signed_in().await?;
        assert_eq!(admin(&browser).await?, 200);
        id_token_says(&world, &json!({ "roles": ["user"] }));
        world.mischief().answer(Endpoint::Userinfo, answer.clone());
        refresh(&browser).await?;
        assert_eq!(
            admin(&browser).await?,
            403,
            "{answer:?}: stale userinfo lies over a newer ID token"
        );
        assert_eq!(claims(&browser).await?["nickname"], "Ali", "{answer:?}");
        // The refresh token that was rotated is the one that is spent next.
        refresh(&browser).await?;
        world.mischief().clear();
        refresh(&browser).await?;
        assert_eq!(admin(&browser).await?, 200, "{answer:?}");
    }
    Ok(())
}

async fn somebody_else_s_claims_at_a_refresh_end_the_session(setup: Setup) -> Result<(), Failure> {
    let world = asked(setup).start().await?;
    let browser = world.signed_in().await?;
    world
        .mischief()
        .on_userinfo(|claims| claims["sub"] = json!("bob"));
    let page = browser.fetch("POST", "/refresh").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "sign_in_required")
    );
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn no_flag_vouches_for_the_other_source_s_value(setup: Setup) -> Result<(), Failure> {
    let world = asked(setup).start().await?;
    for (value, flag) in [
        ("email", "email_verified"),
        ("phone_number", "phone_number_verified"),
    ] {
        for (id_token, userinfo, told, vouched) in [
            (
                json!({ value: "a", flag: true }),
                json!({ value: "b" }),
                "b",
                json!(null),
            ),
            (
                json!({ value: "a" }),
                json!({ flag: true }),
                "a",
                json!(null),
            ),
            (
                json!({ value: "a", flag: false }),
                json!({ flag: true }),
                "a",
                json!(false),
            ),
            (
                json!({ value: "a", flag: true }),
                json!({ value: "b", flag: false }),
                "b",
                json!(false),
            ),
            (
                json!({ flag: true }),
                json!({ value: "b" }),
                "b",
                json!(null),
            ),
            (
                json!({ value: "a", flag: true }),
                json!({}),
                "a",
                json!(true),
            ),
            (
                json!({}),
                json!({ value: "b", flag: true }),
                "b",
                json!(true),
            ),
        ] {
            id_token_says(&world, &id_token);
            userinfo_says(&world, &userinfo);
            let browser = world.signed_in().await?;
            let claims = claims(&browser).await?;
            assert_eq!(
                (&claims[value], &claims[flag]),
                (&json!(told), &vouched),
                "{id_token} {userinfo}"
            );
        }
    }
    Ok(())
}

async fn signed(setup: Setup) -> Result<World, Failure> {
    let world = asked(setup).start().await?;
    let client = Client::development().userinfo_signed_response_alg(SigningAlg::Rs256);
    world.provider.register_client(client);
    Ok(world)
}

async fn signed_claims_are_verified_and_read(setup: Setup) -> Result<(), Failure> {
    let world = signed(setup).await?;
    userinfo_says(&world, &json!({ "nickname": "Ali" }));
    let browser = world.signed_in().await?;
    assert_eq!(claims(&browser).await?["nickname"], "Ali");
    userinfo_says(&world, &json!({ "nickname": "Lis" }));
    world.provider.rotate_keys();
    refresh(&browser).await?;
    assert_eq!(claims(&browser).await?["nickname"], "Lis");
    Ok(())
}

async fn signed_claims_that_are_not_for_us_are_refused(setup: Setup) -> Result<(), Failure> {
    let world = signed(setup).await?;
    let now = world.clock.now();
    for (lie, code) in [
        (json!({ "iss": "https://evil.example" }), "userinfo"),
        (json!({ "iss": null }), "userinfo"),
        (json!({ "aud": "another-client" }), "userinfo"),
        (json!({ "aud": null }), "userinfo"),
        (json!({ "exp": now - 60 }), "userinfo"),
        (json!({ "sub": "bob" }), "userinfo_sub"),
    ] {
        userinfo_says(&world, &lie);
        let page = world.visit(&mut world.browser()?, "/me").await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (502, code),
            "{lie}: {page}"
        );
    }
    world.mischief().clear();
    let client = Client::development().userinfo_signed_response_alg(SigningAlg::Es256);
    world.provider.register_client(client);
    let page = world.visit(&mut world.browser()?, "/me").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (502, "userinfo"),
        "another algorithm: {page}"
    );
    Ok(())
}
