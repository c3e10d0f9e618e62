//! What looks like an access token and is none: forged ones, malformed ones, and tokens of another kind.

use latchgate::{AccessTokenTypes, ProtectedResource, ProviderPreset};
use latchgate_tests::app::api::AUDIENCE;
use latchgate_tests::{FORGERIES, Failure, Setup, scenarios};
use serde_json::json;

use super::{Issuer, access_token, es256, for_the_api, present};

scenarios!(
    a_forged_token_is_refused,
    an_id_token_is_no_access_token,
    a_token_of_a_provider_that_says_jwt_passes_where_it_is_allowed,
);

async fn a_forged_token_is_refused(setup: Setup) -> Result<(), Failure> {
    let world = for_the_api(setup).start().await?;
    let api = world.api(AUDIENCE, |api| api).await?;
    let client = api.client()?;
    for forgery in FORGERIES {
        world.mischief().sign_access_token_with(forgery);
        let token = access_token(&world).await?;
        let page = present(&client, "/me", &format!("Bearer {token}")).await?;
        let refused = (page.status, page.code());
        assert_eq!(
            refused,
            (401, "access_token_signature".to_owned()),
            "{forgery:?}"
        );
    }
    world.mischief().clear();
    let issuer = Issuer::new(&world)?;
    let api = world.api(es256(), |api| api).await?;
    let client = api.client()?;
    let header = r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#;
    let claims = issuer.claims.to_string();
    let open = claims.trim_end_matches('}');
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for (header, claims) in [
        (header, format!("{open},\"aud\":\"{AUDIENCE}\"}}")),
        (header, format!("{open},\"x\":{deep}}}")),
        (header, format!("{open},\"x\":{{\"y\":1,\"y\":2}}}}")),
        (header, format!("{claims}{claims}")),
        (header, "[]".to_owned()),
        (header, "null".to_owned()),
        (
            r#"{"alg":"ES256","kid":"k","typ":"at+jwt","alg":"none"}"#,
            claims.clone(),
        ),
        (
            r#"{"alg":["ES256"],"kid":"k","typ":"at+jwt"}"#,
            claims.clone(),
        ),
        (r#"{"alg":"ES256","kid":7,"typ":"at+jwt"}"#, claims.clone()),
    ] {
        let token = issuer.forger.token(header, &claims);
        let page = present(&client, "/me", &format!("Bearer {token}")).await?;
        // What is too long for a header of 16 KiB is refused before it is read.
        let refused = page.code();
        assert!(
            matches!(
                refused.as_str(),
                "access_token_signature" | "authorization_header"
            ),
            "{refused} for {header}"
        );
        assert!(matches!(page.status, 400 | 401), "{page}");
    }
    let good = issuer.token(&json!({}));
    let stripped = good.rsplit_once('.').map_or("", |(signed, _)| signed);
    for token in [
        format!("{stripped}."),
        format!("{good}.x.y"),
        format!("{stripped}.AAAA"),
        "a.b.c".to_owned(),
        "..".to_owned(),
    ] {
        let page = present(&client, "/me", &format!("Bearer {token}")).await?;
        assert_eq!(page.status, 401, "{token}");
    }
    Ok(())
}

async fn an_id_token_is_no_access_token(setup: Setup) -> Result<(), Failure> {
    let world = for_the_api(setup).start().await?;
    // The worst case: the API's audience is the client id, and JWTs of any type are accepted.
    let audience = world.provider.client_id().to_owned();
    let lenient = ProtectedResource::new(&audience).token_types(AccessTokenTypes::AnyJwt);
    let strict = world.api(audience.as_str(), |api| api).await?;
    let lenient = world.api(lenient, |api| api).await?;
    world
        .mischief()
        .on_id_token(|_, claims| drop(claims.remove("at_hash")));
    world.mischief().on_token_response(|answer| {
        answer["access_token"] = answer["id_token"].clone();
    });
    let id_token = access_token(&world).await?;
    for api in [strict, lenient] {
        let page = present(&api.client()?, "/me", &format!("Bearer {id_token}")).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (401, "access_token_typ"),
            "{page}"
        );
    }
    Ok(())
}

async fn a_token_of_a_provider_that_says_jwt_passes_where_it_is_allowed(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let issuer = Issuer::new(&world)?;
    let keycloak = es256().preset(ProviderPreset::Keycloak);
    let allowed = world.api(keycloak, |api| api).await?;
    let strict = world.api(es256(), |api| api).await?;
    let claims = json!({
        "client_id": null, "azp": "spa", "typ": "Bearer", "realm_access": { "roles": ["admin"] },
    });
    let token = issuer.token_of(&json!({ "typ": "JWT" }), &claims);
    let bearer = format!("Bearer {token}");
    let who = present(&allowed.client()?, "/who", &bearer)
        .await?
        .json(200)?;
    assert_eq!(
        (&who["client_id"], &who["roles"]),
        (&json!("spa"), &json!(["admin"]))
    );
    assert_eq!(
        present(&allowed.client()?, "/admin", &bearer).await?.body,
        "admitted"
    );
    assert_eq!(
        present(&strict.client()?, "/who", &bearer).await?.status,
        401
    );
    for other in [
        json!({ "typ": "ID" }),
        json!({ "typ": "Refresh" }),
        json!({ "nonce": "n" }),
        json!({ "at_hash": "h" }),
    ] {
        let claims = super::with(claims.clone(), &other);
        let token = issuer.token_of(&json!({ "typ": "JWT" }), &claims);
        let page = present(&allowed.client()?, "/who", &format!("Bearer {token}")).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (401, "access_token_typ"),
            "{other}"
        );
    }
    Ok(())
}
