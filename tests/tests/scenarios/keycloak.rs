//! Keycloak as it is out of the box: a client gets roles in its access token and nowhere else.

use latchgate::ProviderPreset;
use latchgate_dev_provider::{Forgery, JsonObject};
use latchgate_tests::{Browser, FORGERIES, Failure, Setup, Transcript, World, scenarios};
use serde_json::{Value, json};

scenarios!(
    another_provider_s_preset_looks_elsewhere;
    in either keeping:
    roles_of_the_access_token_open_doors,
    a_refresh_brings_the_roles_of_the_day,
    an_access_token_that_cannot_be_verified_gives_no_role,
    a_denial_without_any_roles_claim_says_what_to_do,
);

fn keycloak(setup: Setup) -> Setup {
    setup.registration(|registration| registration.preset(ProviderPreset::Keycloak))
}

fn set(claims: &mut JsonObject, members: &Value) {
    let members = members.as_object().cloned().unwrap_or_default();
    claims.extend(members);
}

/// Tokens of the shape that Keycloak 26 gives a client whose scopes nobody has touched: the mappers "realm roles" and
/// "client roles" of the scope `roles` add to the access token only; `typ` says which token it is; the client is in `azp`, and
/// `aud` is another's.
fn issues_stock_tokens(world: &World, access_token: &Value) {
    world.mischief().on_id_token(|_, claims| {
        for name in [
            "roles",
            "permissions",
            "realm_access",
            "https://latchgate.dev/roles",
        ] {
            claims.remove(name);
        }
        claims.insert("typ".to_owned(), json!("ID"));
    });
    let client = world.provider.client_id().to_owned();
    let changes = access_token.clone();
    world.mischief().on_access_token(move |header, claims| {
        header.insert("typ".to_owned(), json!("JWT"));
        for name in ["roles", "permissions", "client_id"] {
            claims.remove(name);
        }
        set(
            claims,
            &json!({
                "typ": "Bearer",
                "azp": client,
                "aud": "account",
                "acr": "1",
                "allowed-origins": ["http://127.0.0.1:3000"],
                "realm_access": { "roles": ["offline_access", "default-roles-demo", "uma_authorization"] },
                "resource_access": {
                    client.as_str(): { "roles": ["admin"] },
                    "account": { "roles": ["manage-account", "manage-account-links", "view-profile"] },
                },
                "scope": "openid email profile",
                "email_verified": true,
                "preferred_username": "alice",
            }),
        );
        set(claims, &changes);
    });
}

fn realm_roles(roles: &[&str]) -> Value {
    json!({ "realm_access": { "roles": roles }, "resource_access": {} })
}

/// What the door that asks for the role `admin` answers.
async fn admin(browser: &Browser) -> Result<u16, Failure> {
    Ok(browser.fetch("GET", "/admin").await?.status)
}

async fn roles_of_the_access_token_open_doors(setup: Setup) -> Result<(), Failure> {
    let world = keycloak(setup).start().await?;
    let client = world.provider.client_id().to_owned();
    let elsewhere = json!({ "realm_access": { "roles": ["user"] }, "resource_access": { "account": { "roles": ["admin"] } } });
    for (access_token, status) in [
        (json!({}), 200),
        (realm_roles(&["admin"]), 200),
        (
            json!({ "resource_access": { client: { "roles": ["user"] } } }),
            403,
        ),
        // A role at another client of the realm is none here.
        (elsewhere, 403),
        (
            json!({ "realm_access": null, "resource_access": null }),
            403,
        ),
    ] {
        issues_stock_tokens(&world, &access_token);
        let browser = world.signed_in().await?;
        assert_eq!(admin(&browser).await?, status, "{access_token}");
        // Who somebody is, and everything else about them, is what the ID token says.
        let claims = browser.fetch("GET", "/me").await?.json(200)?;
        assert_eq!(
            (&claims["typ"], &claims["realm_access"]),
            (&json!("ID"), &json!(null))
        );
    }
    Ok(())
}

async fn a_refresh_brings_the_roles_of_the_day(setup: Setup) -> Result<(), Failure> {
    let world = keycloak(setup).start().await?;
    issues_stock_tokens(&world, &realm_roles(&["user"]));
    let browser = world.signed_in().await?;
    assert_eq!(admin(&browser).await?, 403);
    for (roles, status) in [(["admin"], 200), (["user"], 403), (["admin"], 200)] {
        issues_stock_tokens(&world, &realm_roles(&roles));
        browser.fetch("POST", "/refresh").await?.json(200)?;
        assert_eq!(admin(&browser).await?, status, "{roles:?}");
    }
    // What cannot be verified takes the roles of before away.
    world
        .mischief()
        .sign_access_token_with(Forgery::BrokenSignature);
    browser.fetch("POST", "/refresh").await?.json(200)?;
    assert_eq!(admin(&browser).await?, 403);
    Ok(())
}

async fn an_access_token_that_cannot_be_verified_gives_no_role(
    setup: Setup,
) -> Result<(), Failure> {
    let world = keycloak(setup).start().await?;
    let now = world.clock.now();
    for claims in [
        json!({ "iss": "https://evil.example" }),
        json!({ "iss": null }),
        json!({ "azp": "another-client" }),
        json!({ "azp": null }),
        json!({ "typ": "ID" }),
        json!({ "typ": "Refresh" }),
        json!({ "typ": null }),
        json!({ "sub": "bob" }),
        json!({ "exp": now - 60 }),
        json!({ "exp": null }),
        json!({ "iat": now + 60 }),
    ] {
        issues_stock_tokens(&world, &claims);
        let browser = world.signed_in().await?;
        assert_eq!(admin(&browser).await?, 403, "{claims}");
    }
    issues_stock_tokens(&world, &json!({}));
    for forgery in FORGERIES {
        world.mischief().sign_access_token_with(forgery);
        let browser = world.signed_in().await?;
        assert_eq!(admin(&browser).await?, 403, "{forgery:?}");
    }
    world.mischief().on_token_response(|answer| {
        // The ID token is believed, and its `at_hash` is another's: no session at all.
        answer["access_token"] = json!("an-opaque-token");
    });
    let page = world.visit(&mut world.browser()?, "/me").await?;
    assert_eq!(page.code(), "id_token_at_hash");
    Ok(())
}

async fn a_denial_without_any_roles_claim_says_what_to_do(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = keycloak(setup).start().await?;
    let told = || {
        let log = transcript.text();
        let mut lines = log
            .lines()
            .filter(|line| line.contains(world.provider.issuer()));
        lines.any(|line| line.contains("no_roles_claim") && line.contains("client scope `roles`"))
    };
    issues_stock_tokens(&world, &json!({}));
    let browser = world.signed_in().await?;
    assert_eq!(admin(&browser).await?, 200);
    issues_stock_tokens(&world, &realm_roles(&["user"]));
    let browser = world.signed_in().await?;
    assert_eq!(
        (admin(&browser).await?, told()),
        (403, false),
        "it has roles, not this one"
    );
    issues_stock_tokens(
        &world,
        &json!({ "realm_access": null, "resource_access": null }),
    );
    let browser = world.signed_in().await?;
    assert_eq!((admin(&browser).await?, told()), (403, true));
    Ok(())
}

/// The same tokens under the plain preset: an access token is not looked into by anybody who was not told to.
async fn another_provider_s_preset_looks_elsewhere(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    issues_stock_tokens(&world, &json!({ "roles": ["admin"] }));
    let browser = world.signed_in().await?;
    assert_eq!(admin(&browser).await?, 403);
    Ok(())
}
