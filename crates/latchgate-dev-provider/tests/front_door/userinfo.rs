//! The userinfo endpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{StatusCode, header};
use latchgate_dev_provider::{Client, DevProvider, SigningAlg};

use crate::visitor::{Visitor, part, provider_with_alice};

#[tokio::test]
async fn userinfo_tells_what_the_scope_releases() {
    let provider = provider_with_alice().await;
    let visitor = Visitor::new();
    let tokens = visitor.log_in(&provider, "openid email").await;
    let token = tokens["access_token"].as_str().unwrap();
    let url = format!("{}/userinfo", provider.issuer());
    let by_header = visitor
        .get_with(&url, header::AUTHORIZATION, &format!("Bearer {token}"))
        .await
        .json();
    assert_eq!(by_header["sub"], "alice");
    assert_eq!(by_header["email"], "alice@example.com");
    assert!(by_header.get("name").is_none());
    let by_form = visitor.post(&url, &[("access_token", token)]).await;
    assert_eq!(by_form.json(), by_header);
}

#[tokio::test]
async fn refusals_carry_the_challenge_of_rfc_6750() {
    let provider = DevProvider::start().await.unwrap();
    let visitor = Visitor::new();
    let url = format!("{}/userinfo", provider.issuer());
    let none = visitor.get(&url).await;
    assert_eq!(none.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        none.header(header::WWW_AUTHENTICATE),
        "Bearer, DPoP algs=\"ES256\""
    );
    let wrong = visitor
        .get_with(&url, header::AUTHORIZATION, "Bearer wrong")
        .await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(
        wrong
            .header(header::WWW_AUTHENTICATE)
            .contains("error=\"invalid_token\"")
    );
    let in_query = visitor.get(&format!("{url}?access_token=wrong")).await;
    assert_eq!(
        in_query.header(header::WWW_AUTHENTICATE),
        "Bearer, DPoP algs=\"ES256\""
    );
}

#[tokio::test]
async fn an_access_token_expires() {
    let now = Arc::new(AtomicU64::new(1_700_000_000));
    let clock = Arc::clone(&now);
    let provider = DevProvider::builder()
        .clock(Arc::new(move || clock.load(Ordering::SeqCst)))
        .start()
        .await
        .unwrap();
    provider.auto_sign_in(Some("alice"));
    let visitor = Visitor::new();
    let tokens = visitor.log_in(&provider, "openid").await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let url = format!("{}/userinfo", provider.issuer());
    for (passed, expected) in [(3599, StatusCode::OK), (1, StatusCode::UNAUTHORIZED)] {
        now.fetch_add(passed, Ordering::SeqCst);
        let answer = visitor.get_with(&url, header::AUTHORIZATION, &bearer).await;
        assert_eq!(answer.status, expected);
    }
}

#[tokio::test]
async fn a_client_that_registered_it_gets_signed_userinfo() {
    let provider = provider_with_alice().await;
    provider.register_client(Client::development().userinfo_signed_response_alg(SigningAlg::Es256));
    let visitor = Visitor::new();
    let tokens = visitor.log_in(&provider, "openid email").await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let url = format!("{}/userinfo", provider.issuer());
    let page = visitor.get_with(&url, header::AUTHORIZATION, &bearer).await;
    assert_eq!(page.header(header::CONTENT_TYPE), "application/jwt");
    assert_eq!(part(&page.body, 0)["alg"], "ES256");
    let claims = part(&page.body, 1);
    assert_eq!(claims["iss"], provider.issuer());
    assert_eq!(claims["aud"], provider.client_id());
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["email"], "alice@example.com");
}
