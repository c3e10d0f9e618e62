//! The token endpoint: the authorization code grant, client authentication, what the tokens say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{StatusCode, header};
use jsonwebtoken::Algorithm;
use latchgate_dev_provider::{Client, DevProvider, Endpoint, SigningAlg, TokenEndpointAuthMethod};

use crate::visitor::{
    REDIRECT_URI, VERIFIER, Visitor, authorize, basic, part, provider_with_alice, verified,
};

async fn code(visitor: &Visitor, provider: &DevProvider) -> String {
    let answer = visitor.get(&authorize(provider, &[])).await;
    answer.sent_back("code").unwrap()
}

#[tokio::test]
async fn an_honest_login_gives_tokens_that_verify() {
    let provider = provider_with_alice().await;
    let visitor = Visitor::new();
    let code = code(&visitor, &provider).await;
    let answer = visitor.redeem(&provider, &code).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    let tokens = answer.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 3600);
    assert_eq!(tokens["scope"], "email openid profile");
    assert!(tokens.get("refresh_token").is_none(), "offline_access only");

    let id_token = tokens["id_token"].as_str().unwrap();
    let claims = verified(&provider, id_token, Algorithm::RS256, provider.client_id())
        .await
        .unwrap();
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["nonce"], "the nonce");
    assert_eq!(claims["azp"], provider.client_id());
    assert_eq!(claims["email"], "alice@example.com");
    assert_eq!(claims["realm_access"]["roles"][0], "admin");
    assert_eq!(claims["https://foo.com/myclaim"], "alice's");
    for claim in ["auth_time", "at_hash", "sid", "acr", "amr"] {
        assert!(claims.get(claim).is_some(), "{claim}");
    }

    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(part(access_token, 0)["typ"], "at+jwt");
    let audience = format!("{}/userinfo", provider.issuer());
    let access = verified(&provider, access_token, Algorithm::RS256, &audience)
        .await
        .unwrap();
    assert_eq!(access["client_id"], provider.client_id());
    assert_eq!(access["permissions"][0], "read:invoices");
    assert!(access["jti"].is_string());
}

#[tokio::test]
async fn es256_and_the_knobs_of_the_builder_work() {
    let provider = DevProvider::builder()
        .id_token_alg(SigningAlg::Es256)
        .access_token_lifetime(Duration::from_secs(60))
        .omit_expires_in()
        .start()
        .await
        .unwrap();
    provider.auto_sign_in(Some("bob"));
    let tokens = Visitor::new().log_in(&provider, "openid").await;
    assert!(tokens.get("expires_in").is_none());
    let id_token = tokens["id_token"].as_str().unwrap();
    let claims = verified(&provider, id_token, Algorithm::ES256, provider.client_id())
        .await
        .unwrap();
    assert_eq!(claims["sub"], "bob");
    assert!(claims.get("email").is_none() && claims.get("name").is_none());
    let access = part(tokens["access_token"].as_str().unwrap(), 1);
    let lifetime = access["exp"].as_u64().unwrap() - access["iat"].as_u64().unwrap();
    assert_eq!(lifetime, 60);
}

#[tokio::test]
async fn audience_and_resource_end_up_in_the_access_token() {
    let provider = provider_with_alice().await;
    let visitor = Visitor::new();
    let api = "https://api.example.com";
    let url = format!(
        "{}&resource=https://b.example&resource=https://c.example",
        authorize(&provider, &[("audience", api)])
    );
    let code = visitor.get(&url).await.sent_back("code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
        ("resource", "https://elsewhere.example"),
    ];
    let refused = visitor.post_as_client(&provider, "/token", &form).await;
    assert_eq!(refused.json()["error"], "invalid_target");

    let tokens = visitor.redeem(&provider, &code).await.json();
    let access = part(tokens["access_token"].as_str().unwrap(), 1);
    assert_eq!(
        access["aud"],
        serde_json::json!([api, "https://b.example", "https://c.example"])
    );
}

#[tokio::test]
async fn a_code_that_comes_twice_takes_back_what_it_gave() {
    let provider = provider_with_alice().await;
    let visitor = Visitor::new();
    let code = code(&visitor, &provider).await;
    let tokens = visitor.redeem(&provider, &code).await.json();
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let userinfo = format!("{}/userinfo", provider.issuer());
    let before = visitor
        .get_with(&userinfo, header::AUTHORIZATION, &bearer)
        .await;
    assert_eq!(before.status, StatusCode::OK);

    let second = visitor.redeem(&provider, &code).await;
    assert_eq!(second.status, StatusCode::BAD_REQUEST);
    assert_eq!(second.json()["error"], "invalid_grant");
    let after = visitor
        .get_with(&userinfo, header::AUTHORIZATION, &bearer)
        .await;
    assert_eq!(after.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_code_is_bound_to_verifier_redirect_uri_client_and_time() {
    let now = Arc::new(AtomicU64::new(1_700_000_000));
    let clock = Arc::clone(&now);
    let provider = DevProvider::builder()
        .client(Client::public("other"))
        .clock(Arc::new(move || clock.load(Ordering::SeqCst)))
        .start()
        .await
        .unwrap();
    provider.auto_sign_in(Some("alice"));
    let visitor = Visitor::new();
    let code = code(&visitor, &provider).await;
    let other_verifier = "x".repeat(43);
    for (verifier, redirect_uri) in [
        (other_verifier.as_str(), REDIRECT_URI),
        (VERIFIER, "http://127.0.0.1:3000/elsewhere"),
    ] {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        let answer = visitor.post_as_client(&provider, "/token", &form).await;
        assert_eq!(answer.json()["error"], "invalid_grant");
    }
    let token = format!("{}/token", provider.issuer());
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
        ("client_id", "other"),
    ];
    let answer = visitor.post(&token, &form).await;
    assert_eq!(answer.json()["error"], "invalid_grant");

    now.fetch_add(60, Ordering::SeqCst);
    let late = visitor.redeem(&provider, &code).await;
    assert_eq!(late.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_client_authenticates_with_exactly_one_registered_method() {
    let provider = DevProvider::builder()
        .client(Client::public("public"))
        .client(
            Client::confidential("post-only", "s")
                .token_endpoint_auth_methods([TokenEndpointAuthMethod::ClientSecretPost]),
        )
        .start()
        .await
        .unwrap();
    let visitor = Visitor::new();
    let url = format!("{}/token", provider.issuer());
    let (id, secret) = (provider.client_id(), provider.client_secret());
    let refresh = ("grant_type", "refresh_token");
    let unknown = ("refresh_token", "unknown");

    // Whoever gets as far as invalid_grant was authenticated.
    for (form, expected) in [
        (
            vec![("client_id", id), ("client_secret", secret)],
            "invalid_grant",
        ),
        (vec![("client_id", "public")], "invalid_grant"),
        (
            vec![("client_id", "post-only"), ("client_secret", "s")],
            "invalid_grant",
        ),
        (
            vec![("client_id", id), ("client_secret", "wrong")],
            "invalid_client",
        ),
        (vec![("client_id", id)], "invalid_client"),
        (vec![("client_id", "nobody")], "invalid_client"),
        (
            vec![("client_id", "public"), ("client_secret", "")],
            "invalid_grant",
        ),
        (
            vec![("client_id", "public"), ("client_secret", "x")],
            "invalid_client",
        ),
        (vec![], "invalid_client"),
    ] {
        let mut form = form;
        form.extend([refresh, unknown]);
        let answer = visitor.post(&url, &form).await;
        assert_eq!(answer.json()["error"], expected, "{form:?}");
        if expected == "invalid_client" {
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
            assert!(answer.header(header::WWW_AUTHENTICATE).starts_with("Basic"));
        }
    }

    let form = [refresh, unknown];
    let answer = visitor.post_as_client(&provider, "/token", &form).await;
    assert_eq!(answer.json()["error"], "invalid_grant");
    let recorded = provider.last_request(Endpoint::Token).unwrap();
    assert_eq!(
        recorded.header("authorization"),
        Some(basic(id, secret).as_str())
    );
    assert_eq!(
        recorded.parameter("refresh_token").as_deref(),
        Some("unknown")
    );
    assert!(!format!("{recorded:?}").contains("unknown"));

    let both = [
        refresh,
        unknown,
        ("client_id", id),
        ("client_secret", secret),
    ];
    let answer = visitor.post_as_client(&provider, "/token", &both).await;
    assert_eq!(answer.json()["error"], "invalid_request");
}

#[tokio::test]
async fn requests_that_make_no_sense_are_named() {
    let provider = DevProvider::start().await.unwrap();
    let visitor = Visitor::new();
    for (form, expected) in [
        (vec![("grant_type", "password")], "unsupported_grant_type"),
        (vec![], "invalid_request"),
        (vec![("grant_type", "refresh_token")], "invalid_request"),
        (
            vec![("grant_type", "authorization_code")],
            "invalid_request",
        ),
        (
            vec![
                ("grant_type", "refresh_token"),
                ("grant_type", "refresh_token"),
            ],
            "invalid_request",
        ),
    ] {
        let answer = visitor.post_as_client(&provider, "/token", &form).await;
        assert_eq!(answer.json()["error"], expected, "{form:?}");
    }
}

#[tokio::test]
async fn rotated_keys_leave_the_jwk_set_and_new_ones_sign() {
    let provider = provider_with_alice().await;
    let visitor = Visitor::new();
    let before = visitor.log_in(&provider, "openid").await;
    let before = before["id_token"].as_str().unwrap();
    provider.rotate_keys();
    let after = visitor.log_in(&provider, "openid").await;
    let after = after["id_token"].as_str().unwrap();
    let client = provider.client_id();
    assert_eq!(
        verified(&provider, before, Algorithm::RS256, client).await,
        Err("unknown kid".to_owned())
    );
    assert!(
        verified(&provider, after, Algorithm::RS256, client)
            .await
            .is_ok()
    );
}
