//! Each misbehaviour bites, and clearing the script makes the provider honest again.

use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode, header};
use jsonwebtoken::Algorithm;
use latchgate_dev_provider::{Answer, DevProvider, Endpoint, Forgery};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::visitor::{Visitor, authorize, part, provider_with_alice, verified};

async fn id_token(provider: &DevProvider) -> String {
    let tokens = Visitor::new().log_in(provider, "openid").await;
    tokens["id_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn no_forgery_passes_a_strict_relying_party() {
    let provider = provider_with_alice().await;
    let client = provider.client_id();
    for (forgery, alg) in [
        (Forgery::None, "none"),
        (Forgery::BrokenSignature, "RS256"),
        (Forgery::Hs256WithClientSecret, "HS256"),
        (Forgery::Hs256WithPublicKey, "HS256"),
        (Forgery::OtherKey, "RS256"),
        (Forgery::UnknownKid, "RS256"),
        (Forgery::NoKid, "RS256"),
        (Forgery::Es256, "ES256"),
    ] {
        provider.mischief().sign_id_token_with(forgery);
        let token = id_token(&provider).await;
        assert_eq!(part(&token, 0)["alg"], alg, "{forgery:?}");
        let checked = verified(&provider, &token, Algorithm::RS256, client).await;
        assert!(checked.is_err(), "{forgery:?}");
    }
    provider.mischief().sign_id_token_with(Forgery::Es256);
    let es256 = id_token(&provider).await;
    assert!(
        verified(&provider, &es256, Algorithm::ES256, client)
            .await
            .is_ok()
    );
    provider.mischief().sign_id_token_with(Forgery::None);
    assert!(id_token(&provider).await.ends_with('.'));
    provider.mischief().sign_id_token_with(Forgery::NoKid);
    assert!(part(&id_token(&provider).await, 0).get("kid").is_none());

    provider.mischief().clear();
    let honest = id_token(&provider).await;
    assert!(
        verified(&provider, &honest, Algorithm::RS256, client)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn hs256_forgeries_are_what_they_say() {
    let provider = provider_with_alice().await;
    let mut validation = jsonwebtoken::Validation::new(Algorithm::HS256);
    validation.validate_aud = false;

    provider
        .mischief()
        .sign_id_token_with(Forgery::Hs256WithClientSecret);
    let key = jsonwebtoken::DecodingKey::from_secret(provider.client_secret().as_bytes());
    let token = id_token(&provider).await;
    assert!(jsonwebtoken::decode::<Value>(&token, &key, &validation).is_ok());

    provider
        .mischief()
        .sign_id_token_with(Forgery::Hs256WithPublicKey);
    let token = id_token(&provider).await;
    assert!(jsonwebtoken::decode::<Value>(&token, &key, &validation).is_err());
    assert!(part(&token, 0)["kid"].is_string());
}

#[tokio::test]
async fn documents_and_answers_can_be_altered() {
    let provider = provider_with_alice().await;
    let visitor = Visitor::new();
    let mischief = provider.mischief();
    let at = |endpoint: Endpoint| format!("{}{}", provider.issuer(), endpoint.path());

    mischief.on_metadata(|metadata| metadata["issuer"] = json!("https://evil.example"));
    mischief.on_jwks(|jwks| jwks["keys"] = json!([]));
    mischief.on_token_response(|answer| answer["token_type"] = json!("mac"));
    mischief.on_userinfo(|claims| claims["sub"] = json!("mallory"));
    mischief.on_id_token(|header, claims| {
        header.insert("crit".to_owned(), json!(["x"]));
        claims.insert("nonce".to_owned(), json!("another"));
    });
    mischief.on_refreshed_id_token(|_, claims| claims["sub"] = json!("mallory"));

    let metadata = visitor.get(&at(Endpoint::Discovery)).await.json();
    assert_eq!(metadata["issuer"], "https://evil.example");
    assert_eq!(
        visitor.get(&at(Endpoint::Jwks)).await.json()["keys"],
        json!([])
    );
    let tokens = visitor.log_in(&provider, "openid offline_access").await;
    assert_eq!(tokens["token_type"], "mac");
    let token = tokens["id_token"].as_str().unwrap();
    assert_eq!(part(token, 0)["crit"], json!(["x"]));
    assert_eq!(part(token, 1)["nonce"], "another");
    assert_eq!(part(token, 1)["sub"], "alice");
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ];
    let refreshed = visitor.post_as_client(&provider, "/token", &form).await;
    let refreshed = refreshed.json();
    assert_eq!(
        part(refreshed["id_token"].as_str().unwrap(), 1)["sub"],
        "mallory"
    );
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let userinfo = visitor
        .get_with(&at(Endpoint::Userinfo), header::AUTHORIZATION, &bearer)
        .await;
    assert_eq!(userinfo.json()["sub"], "mallory");

    mischief.clear();
    let honest = visitor.get(&at(Endpoint::Discovery)).await.json();
    assert_eq!(honest["issuer"], provider.issuer());
}

#[tokio::test]
async fn authorization_responses_can_be_altered() {
    let provider = provider_with_alice().await;
    provider.mischief().on_authorization_response(|parameters| {
        parameters.retain(|(name, _)| name != "iss");
        parameters.push(("state".to_owned(), "another".to_owned()));
    });
    let answer = Visitor::new().get(&authorize(&provider, &[])).await;
    assert_eq!(answer.sent_back("iss"), None);
    let location = answer.location();
    let states = location.query_pairs().filter(|(name, _)| name == "state");
    assert_eq!(states.count(), 2);
}

#[tokio::test]
async fn endpoints_can_answer_something_else_once_or_always() {
    let provider = DevProvider::start().await.unwrap();
    let visitor = Visitor::new();
    let mischief = provider.mischief();
    let url = format!("{}/jwks", provider.issuer());

    mischief.answer(
        Endpoint::Jwks,
        Answer::status(StatusCode::SERVICE_UNAVAILABLE).once(),
    );
    assert_eq!(
        visitor.get(&url).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(visitor.get(&url).await.status, StatusCode::OK);

    mischief.answer(
        Endpoint::Jwks,
        Answer::json(StatusCode::IM_A_TEAPOT, &json!({"error": "short"})),
    );
    for _ in 0..2 {
        let page = visitor.get(&url).await;
        assert_eq!(page.status, StatusCode::IM_A_TEAPOT);
        assert_eq!(page.json()["error"], "short");
    }

    mischief.answer(
        Endpoint::Jwks,
        Answer::Redirect("http://evil.example/".into()),
    );
    let page = visitor.get(&url).await;
    assert_eq!(page.status, StatusCode::FOUND);
    assert_eq!(page.header(header::LOCATION), "http://evil.example/");

    mischief.answer(Endpoint::Jwks, Answer::Huge(100_000));
    let page = visitor.get(&url).await;
    assert_eq!(page.body.len(), 100_000);
    assert!(page.json().is_string());
    assert_eq!(page.header(header::CONTENT_LENGTH), "");

    mischief.answer(Endpoint::Jwks, Answer::Drop);
    let no_head_came = |error: reqwest::Error| error.is_request();
    assert!(visitor.try_get(&url).await.is_err_and(no_head_came));

    mischief.clear();
    assert_eq!(visitor.get(&url).await.status, StatusCode::OK);
    assert!(provider.calls(Endpoint::Jwks) >= 8);
}

#[tokio::test]
async fn a_hanging_answer_waits_until_the_script_is_cleared() {
    let provider = DevProvider::start().await.unwrap();
    provider.mischief().answer(Endpoint::Jwks, Answer::Hang);
    let request = Request::get("/jwks").body(Body::empty()).unwrap();
    let hanging = tokio::spawn(provider.router().oneshot(request));
    while provider.calls(Endpoint::Jwks) == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(!hanging.is_finished());
    provider.mischief().clear();
    assert_eq!(hanging.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_honest_but_late() {
    let provider = DevProvider::start().await.unwrap();
    let delay = Duration::from_secs(90);
    provider
        .mischief()
        .answer(Endpoint::Jwks, Answer::Slow(delay));
    let started = tokio::time::Instant::now();
    let request = Request::get("/jwks").body(Body::empty()).unwrap();
    let response = provider.router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(started.elapsed() >= delay);
}

#[tokio::test]
async fn a_script_may_use_the_provider_it_runs_in() {
    let provider = provider_with_alice().await;
    let inside = provider.clone();
    provider
        .mischief()
        .on_id_token(move |_, _| inside.revoke_all());
    id_token(&provider).await;
    provider.mischief().clear();
}

#[tokio::test]
async fn a_withheld_answer_is_about_what_happened_at_once() {
    let provider = DevProvider::start().await.unwrap();
    provider.mischief().answer(Endpoint::Jwks, Answer::Withhold);
    let request = Request::get("/jwks").body(Body::empty()).unwrap();
    let withheld = tokio::spawn(provider.router().oneshot(request));
    while provider.calls(Endpoint::Jwks) == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(!withheld.is_finished());
    provider.rotate_keys();
    provider.mischief().clear();
    let keys = async |response: axum::response::Response| {
        let body = axum::body::to_bytes(response.into_body(), 65_536).await;
        serde_json::from_slice::<serde_json::Value>(&body.unwrap()).unwrap()
    };
    let withheld = keys(withheld.await.unwrap().unwrap()).await;
    let request = Request::get("/jwks").body(Body::empty()).unwrap();
    let now = keys(provider.router().oneshot(request).await.unwrap()).await;
    assert_ne!(withheld, now);
}
