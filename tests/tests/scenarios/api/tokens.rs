//! JWT access tokens at a server that is only an API (RFC 9068, RFC 6750, RFC 9728).

use latchgate::ProtectedResource;
use latchgate_dev_provider::Endpoint;
use latchgate_tests::app::api::AUDIENCE;
use latchgate_tests::{Failure, Setup, scenarios};
use serde_json::json;

use super::{Issuer, access_token, bearer_challenge, es256, for_the_api, present};

scenarios!(
    a_token_for_this_api_says_who_calls,
    a_token_that_is_wrong_is_refused_by_its_code,
    a_challenge_says_what_is_missing,
    whoever_presents_no_token_is_nobody,
    odd_headers_are_refused,
    a_verified_token_costs_nothing_until_the_keys_change,
    the_metadata_leads_to_the_authorization_server,
);

async fn a_token_for_this_api_says_who_calls(setup: Setup) -> Result<(), Failure> {
    let world = for_the_api(setup).start().await?;
    let api = world.api(AUDIENCE, |api| api).await?;
    let token = access_token(&world).await?;
    let client = api.client()?;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let who = present(&client, "/who", &format!("{scheme} {token}")).await?;
        let who = who.json(200)?;
        assert_eq!(who["sub"], "alice");
        assert_eq!(who["client_id"], world.provider.client_id());
        assert_eq!(who["by_access_token"], true);
        assert!(who["roles"].to_string().contains("admin"), "{who}");
        assert!(who["scopes"].to_string().contains("email"), "{who}");
    }
    let bearer = format!("Bearer {token}");
    let me = present(&client, "/me", &bearer).await?;
    assert_eq!(me.json(200)?["aud"], AUDIENCE);
    assert_eq!(me.header("vary"), "authorization");
    assert_eq!(me.header("cache-control"), "private, no-store");
    let unasked = present(&client, "/nowhere", &bearer).await?;
    assert!(!unasked.headers.contains_key("vary"), "{unasked}");
    for path in ["/admin", "/read", "/recent"] {
        assert_eq!(
            present(&client, path, &bearer).await?.body,
            "admitted",
            "{path}"
        );
    }
    assert_eq!(present(&client, "/", &bearer).await?.body, "alice");
    // A token for this API must not be passed on.
    let page = present(&client, "/token", &bearer).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (403, "session_required")
    );
    // `permissions` as Auth0 has them, and `scp` as Microsoft Entra ID.
    let issuer = Issuer::new(&world)?;
    let api = world.api(es256(), |api| api).await?;
    let token = issuer
        .token(&json!({ "scope": null, "scp": ["read", "write"], "permissions": ["read:all"] }));
    let who = present(&api.client()?, "/who", &format!("Bearer {token}"))
        .await?
        .json(200)?;
    assert_eq!(who["scopes"], json!(["read", "write"]));
    assert_eq!(who["permissions"], json!(["read:all"]));
    Ok(())
}

async fn a_token_that_is_wrong_is_refused_by_its_code(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let issuer = Issuer::new(&world)?;
    let api = world.api(es256(), |api| api).await?;
    let client = api.client()?;
    let now = world.clock.now();
    assert_eq!(
        present(
            &client,
            "/me",
            &format!("Bearer {}", issuer.token(&json!({})))
        )
        .await?
        .status,
        200
    );
    let none = json!({});
    for (header, claims, code) in [
        (
            &none,
            json!({ "aud": "https://other.example.com" }),
            "access_token_aud",
        ),
        (&none, json!({ "aud": [] }), "access_token_aud"),
        (&none, json!({ "aud": null }), "access_token_aud"),
        (
            &none,
            json!({ "iss": "https://evil.example.com" }),
            "access_token_iss",
        ),
        (&none, json!({ "iss": null }), "access_token_iss"),
        (&none, json!({ "exp": now - 31 }), "access_token_exp"),
        (&none, json!({ "exp": null }), "access_token_exp"),
        (&none, json!({ "nbf": now + 31 }), "access_token_nbf"),
        (&none, json!({ "iat": now + 31 }), "access_token_iat"),
        (&none, json!({ "iat": null }), "access_token_iat"),
        (&none, json!({ "sub": null }), "access_token_claim"),
        (&none, json!({ "sub": "" }), "access_token_claim"),
        (&none, json!({ "client_id": null }), "access_token_claim"),
        (&none, json!({ "jti": null }), "access_token_claim"),
        (
            &none,
            json!({ "cnf": { "kid": "k" } }),
            "access_token_binding",
        ),
        (&json!({ "typ": "JWT" }), none.clone(), "access_token_typ"),
        (&json!({ "typ": null }), none.clone(), "access_token_typ"),
        (
            &json!({ "typ": "logout+jwt" }),
            none.clone(),
            "access_token_typ",
        ),
        (
            &json!({ "crit": ["exp"] }),
            none.clone(),
            "access_token_signature",
        ),
        (
            &json!({ "b64": false }),
            none.clone(),
            "access_token_signature",
        ),
        (
            &json!({ "alg": "none" }),
            none.clone(),
            "access_token_signature",
        ),
        (
            &json!({ "alg": "HS256" }),
            none.clone(),
            "access_token_signature",
        ),
        (
            &json!({ "alg": "ES384" }),
            none.clone(),
            "access_token_signature",
        ),
    ] {
        let token = issuer.token_of(header, &claims);
        let page = present(&client, "/me", &format!("Bearer {token}")).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (401, code),
            "{header} {claims} {page}"
        );
        let challenge = bearer_challenge(&page);
        assert!(
            challenge.starts_with("Bearer error=\"invalid_token\""),
            "{challenge}"
        );
        assert!(!page.body.contains("evil"), "it tells why: {page}");
        // Not even where nobody has to be signed in.
        assert_eq!(
            present(&client, "/", &format!("Bearer {token}"))
                .await?
                .status,
            401,
            "{claims}"
        );
    }
    Ok(())
}

async fn a_challenge_says_what_is_missing(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let issuer = Issuer::new(&world)?;
    let api = world.api(es256(), |api| api).await?;
    let client = api.client()?;
    let poor = format!(
        "Bearer {}",
        issuer.token(&json!({ "scope": "openid", "auth_time": world.clock.now() - 331 }))
    );
    let page = present(&client, "/read", &poor).await?;
    assert_eq!((page.status, page.code().as_str()), (403, "not_permitted"));
    let challenge = bearer_challenge(&page);
    assert!(
        challenge.starts_with("Bearer error=\"insufficient_scope\", scope=\"email\""),
        "{challenge}"
    );
    let page = present(&client, "/admin", &poor).await?;
    assert_eq!((page.status, page.code().as_str()), (403, "not_permitted"));
    assert!(bearer_challenge(&page).starts_with("Bearer error=\"insufficient_scope\""));
    let page = present(&client, "/recent", &poor).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "reauthentication_required")
    );
    let challenge = bearer_challenge(&page);
    assert!(
        challenge.starts_with("Bearer error=\"insufficient_user_authentication\"")
            && challenge.contains("max_age=\"300\""),
        "{challenge}"
    );
    // Browsers that navigate are not sent anywhere: there is no login.
    let request = client.request("GET", "/recent").navigation("none");
    let page = request.header("authorization", &poor).send().await?;
    assert_eq!((page.status, page.location), (401, None));
    Ok(())
}

async fn whoever_presents_no_token_is_nobody(setup: Setup) -> Result<(), Failure> {
    let world = for_the_api(setup).start().await?;
    let api = world.api(AUDIENCE, |api| api).await?;
    let client = api.client()?;
    let token = access_token(&world).await?;
    let query = format!("/me?access_token={token}");
    for request in [
        client.request("GET", "/me"),
        client.request("GET", "/me").navigation("none"),
        client.request("GET", &query),
        client
            .request("POST", "/me")
            .form(&[("access_token", &token)]),
        client
            .request("GET", "/me")
            .header("authorization", "Basic YTpi"),
        client
            .request("GET", "/me")
            .header("cookie", format!("access_token={token}")),
    ] {
        let shown = format!("{request:?}");
        let page = request.send().await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (401, "access_token_required"),
            "{shown}"
        );
        let challenge = bearer_challenge(&page);
        let metadata = format!(
            "resource_metadata=\"{}/.well-known/oauth-protected-resource\"",
            api.address
        );
        assert_eq!(challenge, format!("Bearer {metadata}"), "{shown}");
    }
    let home = client.get("/").await?;
    assert_eq!(
        (home.body.as_str(), home.header("vary")),
        ("anonymous", "authorization")
    );
    assert!(!client.get("/nowhere").await?.headers.contains_key("vary"));
    Ok(())
}

async fn odd_headers_are_refused(setup: Setup) -> Result<(), Failure> {
    let world = for_the_api(setup).start().await?;
    let api = world.api(AUDIENCE, |api| api).await?;
    let client = api.client()?;
    let token = access_token(&world).await?;
    let bearer = format!("Bearer {token}");
    for odd in [
        "Bearer",
        "Bearer ",
        "Bearer \u{e9}",
        "Bearer a b",
        "Bearer a,b",
        &format!("Bearer {}", "a".repeat(17_000)),
    ] {
        let page = present(&client, "/me", odd).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (400, "authorization_header"),
            "{odd}"
        );
        assert!(bearer_challenge(&page).starts_with("Bearer error=\"invalid_request\""));
    }
    for second in [bearer.as_str(), "Basic YTpi", "Bearer x"] {
        let request = client
            .request("GET", "/me")
            .header("authorization", &bearer);
        let page = request.header("authorization", second).send().await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (400, "authorization_header"),
            "{second}"
        );
    }
    let opaque = present(&client, "/me", "Bearer an-opaque-token").await?;
    assert_eq!(
        (opaque.status, opaque.code().as_str()),
        (401, "access_token_opaque")
    );
    Ok(())
}

async fn a_verified_token_costs_nothing_until_the_keys_change(setup: Setup) -> Result<(), Failure> {
    let world = for_the_api(setup).start().await?;
    let api = world.api(AUDIENCE, |api| api).await?;
    let client = api.client()?;
    let bearer = format!("Bearer {}", access_token(&world).await?);
    world.provider.reset_calls();
    for _ in 0..3 {
        assert_eq!(present(&client, "/me", &bearer).await?.status, 200);
    }
    let asked = (
        world.calls(Endpoint::Discovery),
        world.calls(Endpoint::Jwks),
    );
    assert_eq!(asked, (1, 1), "asked once");
    // A key that was withdrawn vouches for nothing as soon as the keys were fetched again.
    world.clock.pass(60);
    assert_eq!(
        present(&client, "/me", &bearer).await?.status,
        200,
        "the keys are kept for an hour"
    );
    let invented =
        Issuer::new(&world)?.token_of(&json!({ "alg": "RS256", "kid": "new" }), &json!({}));
    assert_eq!(
        present(&client, "/me", &format!("Bearer {invented}"))
            .await?
            .status,
        401
    );
    let page = present(&client, "/me", &bearer).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "access_token_signature"),
        "{page}"
    );
    // And none outlives its expiry.
    world.mischief().clear();
    let api = world.api(AUDIENCE, |api| api).await?;
    let client = api.client()?;
    assert_eq!(present(&client, "/me", &bearer).await?.status, 200);
    world.clock.pass(3_570);
    let page = present(&client, "/me", &bearer).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "access_token_exp")
    );
    Ok(())
}

async fn the_metadata_leads_to_the_authorization_server(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let resource = ProtectedResource::new("api://invoices").scopes_supported(["read", "write"]);
    let api = world.api(resource, |api| api).await?;
    let client = api.client()?;
    let page = client.get("/.well-known/oauth-protected-resource").await?;
    assert_eq!(page.header("access-control-allow-origin"), "*");
    assert!(page.header("cache-control").contains("max-age"));
    let metadata = page.json(200)?;
    assert_eq!(metadata["resource"], api.address);
    assert_eq!(
        metadata["authorization_servers"],
        json!([world.provider.issuer()])
    );
    assert_eq!(metadata["scopes_supported"], json!(["read", "write"]));
    assert_eq!(metadata["bearer_methods_supported"], json!(["header"]));
    let refused = client
        .request("POST", "/.well-known/oauth-protected-resource")
        .send()
        .await?;
    assert_eq!(
        (refused.status, refused.header("allow")),
        (405, "GET, HEAD")
    );
    Ok(())
}
