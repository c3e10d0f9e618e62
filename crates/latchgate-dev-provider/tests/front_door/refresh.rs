//! Refreshing: rotation, reuse, scope, and what a refreshed ID token says.

use http::StatusCode;
use latchgate_dev_provider::{Client, DevProvider};
use serde_json::Value;

use crate::visitor::{Page, Visitor, part, provider_with_alice};

async fn refresh(
    visitor: &Visitor,
    provider: &DevProvider,
    token: &str,
    more: &[(&str, &str)],
) -> Page {
    let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
    form.extend(more);
    visitor.post_as_client(provider, "/token", &form).await
}

fn refresh_token(tokens: &Value) -> &str {
    tokens["refresh_token"].as_str().unwrap()
}

#[tokio::test]
async fn a_refresh_rotates_the_token_and_renews_the_id_token() {
    let provider = provider_with_alice().await;
    let visitor = Visitor::new();
    let first = visitor.log_in(&provider, "openid offline_access").await;
    let answer = refresh(&visitor, &provider, refresh_token(&first), &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let second = answer.json();
    assert_ne!(refresh_token(&first), refresh_token(&second));
    assert_ne!(first["access_token"], second["access_token"]);

    let before = part(first["id_token"].as_str().unwrap(), 1);
    let after = part(second["id_token"].as_str().unwrap(), 1);
    for claim in ["iss", "sub", "aud", "auth_time", "sid"] {
        assert_eq!(before[claim], after[claim], "{claim}");
    }
    assert!(after.get("nonce").is_none());
    assert_ne!(before["at_hash"], after["at_hash"]);
}

#[tokio::test]
async fn a_token_that_comes_back_revokes_the_family() {
    let provider = provider_with_alice().await;
    let visitor = Visitor::new();
    let first = visitor.log_in(&provider, "openid offline_access").await;
    let second = refresh(&visitor, &provider, refresh_token(&first), &[])
        .await
        .json();
    let reuse = refresh(&visitor, &provider, refresh_token(&first), &[]).await;
    assert_eq!(reuse.status, StatusCode::BAD_REQUEST);
    assert_eq!(reuse.json()["error"], "invalid_grant");
    let newest = refresh(&visitor, &provider, refresh_token(&second), &[]).await;
    assert_eq!(newest.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_refresh_may_narrow_the_scope_but_not_widen_it() {
    let provider = provider_with_alice().await;
    let visitor = Visitor::new();
    let tokens = visitor
        .log_in(&provider, "openid email offline_access")
        .await;
    let wider = refresh(
        &visitor,
        &provider,
        refresh_token(&tokens),
        &[("scope", "openid profile")],
    )
    .await;
    assert_eq!(wider.json()["error"], "invalid_scope");

    let narrower = refresh(
        &visitor,
        &provider,
        refresh_token(&tokens),
        &[("scope", "email")],
    )
    .await
    .json();
    assert_eq!(narrower["scope"], "email");
    assert!(narrower.get("id_token").is_none());
    let full = refresh(&visitor, &provider, refresh_token(&narrower), &[])
        .await
        .json();
    assert_eq!(full["scope"], "email offline_access openid");
}

#[tokio::test]
async fn revoke_all_ends_every_refresh_token() {
    let provider = provider_with_alice().await;
    let visitor = Visitor::new();
    let tokens = visitor.log_in(&provider, "openid offline_access").await;
    provider.revoke_all();
    let answer = refresh(&visitor, &provider, refresh_token(&tokens), &[]).await;
    assert_eq!(answer.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn introspection_and_revocation_agree() {
    let provider = provider_with_alice().await;
    let visitor = Visitor::new();
    let tokens = visitor.log_in(&provider, "openid offline_access").await;
    let access = tokens["access_token"].as_str().unwrap();
    let refresh = refresh_token(&tokens);

    let ask = async |token: &str| {
        let form = [("token", token)];
        visitor
            .post_as_client(&provider, "/introspect", &form)
            .await
            .json()
    };
    assert_eq!(ask(access).await["sub"], "alice");
    assert_eq!(ask(access).await["active"], true);
    assert_eq!(ask(refresh).await["active"], true);
    assert_eq!(ask("unknown").await, serde_json::json!({"active": false}));

    let revoked = visitor
        .post_as_client(&provider, "/revoke", &[("token", access)])
        .await;
    assert_eq!(revoked.status, StatusCode::OK);
    assert_eq!(ask(access).await["active"], false);
    assert_eq!(ask(refresh).await["active"], true);
    visitor
        .post_as_client(&provider, "/revoke", &[("token", refresh)])
        .await;
    assert_eq!(ask(refresh).await["active"], false);
    let unknown = visitor
        .post_as_client(&provider, "/revoke", &[("token", "unknown")])
        .await;
    assert_eq!(unknown.status, StatusCode::OK);

    let anonymous = visitor
        .post(
            &format!("{}/introspect", provider.issuer()),
            &[("token", access)],
        )
        .await;
    assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn tokens_are_of_no_use_to_another_client() {
    let provider = provider_with_alice().await;
    provider.register_client(Client::public("other"));
    let visitor = Visitor::new();
    let tokens = visitor.log_in(&provider, "openid offline_access").await;
    let token = refresh_token(&tokens);
    let stolen = [
        ("client_id", "other"),
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
    ];
    let url = format!("{}/token", provider.issuer());
    let answer = visitor.post(&url, &stolen).await;
    assert_eq!(answer.json()["error"], "invalid_grant");
    let url = format!("{}/revoke", provider.issuer());
    let answer = visitor
        .post(&url, &[("client_id", "other"), ("token", token)])
        .await;
    assert_eq!(answer.json()["error"], "invalid_grant");
    let own = refresh(&visitor, &provider, token, &[]).await;
    assert_eq!(own.status, StatusCode::OK, "{}", own.body);
}

#[tokio::test]
async fn refresh_tokens_may_begin_with_words() {
    let provider = DevProvider::builder().refresh_token_prefix("two words ");
    let provider = provider.start().await.unwrap();
    provider.auto_sign_in(Some("alice"));
    let visitor = Visitor::new();
    let tokens = visitor.log_in(&provider, "openid offline_access").await;
    assert!(refresh_token(&tokens).starts_with("two words "));
    let answer = refresh(&visitor, &provider, refresh_token(&tokens), &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}
