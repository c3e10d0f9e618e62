//! Opaque access tokens, which the authorization server is asked about (RFC 7662).

use http::StatusCode;
use latchgate::{ClientAuth, Discovery, ProtectedResource};
use latchgate_dev_provider::{Answer, DevProvider, Endpoint};
use latchgate_tests::app::api::AUDIENCE;
use latchgate_tests::{Failure, Setup, World, scenarios};

use super::{access_token, for_the_api, present};

scenarios!(
    an_opaque_token_is_introspected_once_in_a_while,
    a_revoked_token_passes_half_a_minute_at_most,
    an_opaque_token_for_another_api_is_refused,
    an_answer_that_is_not_clearly_active_is_refused,
    an_authorization_server_that_is_down_refuses_nobody_for_good,
    an_authorization_server_without_openid_connect_is_asked,
);

/// A JWT in form.
const FORGED: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJpc3MiOiJ4In0.AAAA";

fn introspecting(provider: &DevProvider) -> ProtectedResource {
    let auth = ClientAuth::ClientSecretBasic(provider.client_secret().into());
    ProtectedResource::new(AUDIENCE).introspection(provider.client_id(), auth)
}

fn opaque(setup: Setup) -> Setup {
    for_the_api(setup).provider(|provider| provider.opaque_access_tokens())
}

fn asked(world: &World) -> usize {
    world.calls(Endpoint::Introspection)
}

async fn an_opaque_token_is_introspected_once_in_a_while(setup: Setup) -> Result<(), Failure> {
    let world = opaque(setup).start().await?;
    let api = world.api(introspecting(&world.provider), |api| api).await?;
    let client = api.client()?;
    let token = access_token(&world).await?;
    assert!(!token.contains('.'), "{token}");
    let bearer = format!("Bearer {token}");
    for _ in 0..3 {
        let me = present(&client, "/me", &bearer).await?.json(200)?;
        assert_eq!(
            (&me["sub"], &me["client_id"]),
            (&"alice".into(), &world.provider.client_id().into())
        );
    }
    assert_eq!(asked(&world), 1);
    assert_eq!(present(&client, "/read", &bearer).await?.body, "admitted");
    let request = world.provider.last_request(Endpoint::Introspection);
    let request = request.ok_or("nothing was asked")?;
    assert_eq!(request.method, "POST");
    assert!(
        request.headers.contains_key("authorization"),
        "the client authenticates"
    );
    assert!(
        !request.path_and_query.contains(&token),
        "the token is in the URL"
    );
    world.clock.pass(30);
    assert_eq!(present(&client, "/me", &bearer).await?.status, 200);
    assert_eq!(asked(&world), 2);
    // Invented tokens are asked about once, too.
    for _ in 0..3 {
        let page = present(&client, "/me", "Bearer invented").await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (401, "access_token_inactive")
        );
    }
    assert_eq!(asked(&world), 3);
    Ok(())
}

async fn a_revoked_token_passes_half_a_minute_at_most(setup: Setup) -> Result<(), Failure> {
    let world = opaque(setup).start().await?;
    let api = world.api(introspecting(&world.provider), |api| api).await?;
    let client = api.client()?;
    let bearer = format!("Bearer {}", access_token(&world).await?);
    assert_eq!(present(&client, "/me", &bearer).await?.status, 200);
    let body = r#"{"active":false}"#.to_owned();
    let content_type = "application/json".to_owned();
    let revoked = Answer::Status {
        status: StatusCode::OK,
        content_type,
        body,
    };
    world.mischief().answer(Endpoint::Introspection, revoked);
    world.clock.pass(29);
    assert_eq!(present(&client, "/me", &bearer).await?.status, 200);
    world.clock.pass(1);
    let page = present(&client, "/me", &bearer).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "access_token_inactive")
    );
    // The refusal is kept for ten seconds.
    world.mischief().clear();
    world.clock.pass(9);
    assert_eq!(present(&client, "/me", &bearer).await?.status, 401);
    world.clock.pass(1);
    assert_eq!(present(&client, "/me", &bearer).await?.status, 200);
    Ok(())
}

async fn an_opaque_token_for_another_api_is_refused(setup: Setup) -> Result<(), Failure> {
    let world = setup.provider(|provider| provider.opaque_access_tokens());
    let world = world.start().await?;
    let api = world.api(introspecting(&world.provider), |api| api).await?;
    let bearer = format!("Bearer {}", access_token(&world).await?);
    let page = present(&api.client()?, "/me", &bearer).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "access_token_aud")
    );
    Ok(())
}

async fn an_answer_that_is_not_clearly_active_is_refused(setup: Setup) -> Result<(), Failure> {
    let world = opaque(setup).start().await?;
    let now = world.clock.now();
    let issuer = world.provider.issuer();
    let json = "application/json";
    for (kind, body, refused) in [
        (json, r#"{"active":"true","sub":"alice","aud":"https://api.example.com"}"#.to_owned(), (503, "introspection")),
        (json, r#"{"active":1,"sub":"alice","aud":"https://api.example.com"}"#.to_owned(), (503, "introspection")),
        (json, r#"{"sub":"alice","aud":"https://api.example.com"}"#.to_owned(), (503, "introspection")),
        (json, r#"{"active":false,"active":true,"sub":"alice","aud":"https://api.example.com"}"#.to_owned(), (503, "introspection")),
        (json, "[true]".to_owned(), (503, "introspection")),
        ("text/html", r#"{"active":true,"sub":"alice","aud":"https://api.example.com"}"#.to_owned(), (503, "introspection")),
        (json, r#"{"active":true,"sub":"alice"}"#.to_owned(), (401, "access_token_aud")),
        (json, r#"{"active":true,"aud":"https://api.example.com"}"#.to_owned(), (401, "access_token_claim")),
        (json, r#"{"active":true,"iss":"https://evil.example.com","sub":"alice","aud":"https://api.example.com"}"#.to_owned(), (401, "access_token_iss")),
        (json, format!(r#"{{"active":true,"iss":"{issuer}","sub":"alice","aud":"https://api.example.com","exp":{}}}"#, now - 31), (401, "access_token_exp")),
        (json, r#"{"active":true,"sub":"alice","aud":"https://api.example.com","cnf":{"jkt":"x"}}"#.to_owned(), (401, "access_token_binding")),
    ] {
        let api = world.api(introspecting(&world.provider), |api| api).await?;
        let answer = Answer::Status { status: StatusCode::OK, content_type: kind.to_owned(), body: body.clone() };
        world.mischief().answer(Endpoint::Introspection, answer);
        let page = present(&api.client()?, "/me", "Bearer opaque").await?;
        assert_eq!((page.status, page.code().as_str()), refused, "{body}");
        assert!(!page.body.contains("evil"), "{page}");
    }
    Ok(())
}

async fn an_authorization_server_that_is_down_refuses_nobody_for_good(
    setup: Setup,
) -> Result<(), Failure> {
    let world = opaque(setup).start().await?;
    let api = world.api(introspecting(&world.provider), |api| api).await?;
    let client = api.client()?;
    let bearer = format!("Bearer {}", access_token(&world).await?);
    world
        .mischief()
        .answer(Endpoint::Introspection, Answer::Drop);
    for path in ["/me", "/"] {
        let page = present(&client, path, &bearer).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (503, "provider_unreachable"),
            "{path}"
        );
        assert_eq!(page.header("retry-after"), "5");
        assert_eq!(page.header("www-authenticate"), "");
    }
    let unauthorized = Answer::status(StatusCode::UNAUTHORIZED);
    world
        .mischief()
        .answer(Endpoint::Introspection, unauthorized);
    let page = present(&client, "/me", &bearer).await?;
    assert_eq!((page.status, page.code().as_str()), (503, "introspection"));
    world.mischief().clear();
    assert_eq!(present(&client, "/me", &bearer).await?.status, 200);
    Ok(())
}

async fn an_authorization_server_without_openid_connect_is_asked(
    setup: Setup,
) -> Result<(), Failure> {
    for has_keys in [true, false] {
        let world = opaque(setup.clone()).start().await?;
        let token = access_token(&world).await?;
        world.provider.reset_calls();
        world.mischief().on_metadata(move |metadata| {
            metadata["authorization_endpoint"] = serde_json::Value::Null;
            if !has_keys {
                metadata["jwks_uri"] = serde_json::Value::Null;
            }
        });
        let resource = introspecting(&world.provider);
        let discovered = |api: latchgate::ApiBuilder| api.discovery(Discovery::OAuth2);
        let api = world.api(resource, discovered).await?;
        let client = api.client()?;
        let page = present(&client, "/me", &format!("Bearer {token}")).await?;
        assert_eq!(page.json(200)?["sub"], "alice");
        // A JWT is refused by the server's keys; without keys it cannot be judged.
        let page = present(&client, "/me", &format!("Bearer {FORGED}")).await?;
        assert_eq!(page.status, if has_keys { 401 } else { 502 }, "{page}");
        assert_eq!(world.calls(Endpoint::Discovery), 0);
        assert!(world.calls(Endpoint::AuthorizationServerMetadata) > 0);
    }
    Ok(())
}
