//! The authorization endpoint and the pages.

use http::{StatusCode, header};
use latchgate_dev_provider::{Client, DevProvider, RegisteredUris, ResponseIssuer};

use crate::visitor::{REDIRECT_URI, Visitor, authorize, provider_with_alice};

#[tokio::test]
async fn a_good_request_is_answered_with_code_state_and_issuer() {
    let provider = provider_with_alice().await;
    let answer = Visitor::new().get(&authorize(&provider, &[])).await;
    let location = answer.location();
    assert!(location.as_str().starts_with(REDIRECT_URI), "{location}");
    assert_eq!(answer.sent_back("tenant").as_deref(), Some("a"));
    assert_eq!(answer.sent_back("state").as_deref(), Some("the state"));
    assert_eq!(answer.sent_back("iss").as_deref(), Some(provider.issuer()));
    assert!(answer.sent_back("code").is_some_and(|code| code.len() > 40));
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
}

#[tokio::test]
async fn a_request_may_come_as_a_post() {
    let provider = provider_with_alice().await;
    let url = authorize(&provider, &[]);
    let (endpoint, query) = url.split_once('?').unwrap();
    let form: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let answer = Visitor::new().post(endpoint, &form).await;
    assert!(answer.sent_back("code").is_some());
}

#[tokio::test]
async fn an_uncertain_redirect_uri_is_never_followed() {
    let provider = provider_with_alice().await;
    provider.register_client(
        Client::public("exact").redirect_uris(RegisteredUris::exactly("http://127.0.0.1/cb")),
    );
    for changes in [
        [("redirect_uri", "https://evil.example/"), ("state", "x")],
        [("redirect_uri", "javascript:alert(1)"), ("state", "x")],
        [("redirect_uri", ""), ("state", "x")],
        [("client_id", "<script>nobody"), ("state", "x")],
        [("client_id", ""), ("state", "x")],
        [
            ("client_id", "exact"),
            ("redirect_uri", "http://127.0.0.1/cb/"),
        ],
    ] {
        let page = Visitor::new().get(&authorize(&provider, &changes)).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{changes:?}");
        assert_eq!(page.header(header::LOCATION), "");
        assert!(!page.body.contains("<script>nobody"));
    }
    let twice = format!(
        "{}&redirect_uri=https://evil.example/",
        authorize(&provider, &[])
    );
    assert_eq!(
        Visitor::new().get(&twice).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn a_bad_request_is_reported_to_the_client_with_state_and_issuer() {
    let provider = provider_with_alice().await;
    let plain = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    for (changes, expected) in [
        (
            vec![("response_type", "token")],
            "unsupported_response_type",
        ),
        (vec![("response_type", "")], "invalid_request"),
        (vec![("scope", "profile")], "invalid_scope"),
        (vec![("code_challenge", "")], "invalid_request"),
        (vec![("code_challenge", "short")], "invalid_request"),
        (
            vec![
                ("code_challenge", plain),
                ("code_challenge_method", "plain"),
            ],
            "invalid_request",
        ),
        (vec![("code_challenge_method", "")], "invalid_request"),
        (vec![("max_age", "soon")], "invalid_request"),
        (vec![("prompt", "none login")], "invalid_request"),
        (vec![("response_mode", "fragment")], "invalid_request"),
        (vec![("request", "eyJ9")], "request_not_supported"),
        (vec![("request_uri", "urn:x")], "request_uri_not_supported"),
        (vec![("prompt", "none")], "login_required"),
    ] {
        let answer = Visitor::new().get(&authorize(&provider, &changes)).await;
        assert_eq!(
            answer.sent_back("error").as_deref(),
            Some(expected),
            "{changes:?}"
        );
        assert_eq!(answer.sent_back("state").as_deref(), Some("the state"));
        assert_eq!(answer.sent_back("iss").as_deref(), Some(provider.issuer()));
        assert_eq!(answer.sent_back("code"), None);
    }
    let twice = format!("{}&nonce=again", authorize(&provider, &[]));
    let answer = Visitor::new().get(&twice).await;
    assert_eq!(
        answer.sent_back("error").as_deref(),
        Some("invalid_request")
    );
}

#[tokio::test]
async fn form_post_answers_with_a_form_that_submits_itself() {
    let provider = provider_with_alice().await;
    let url = authorize(
        &provider,
        &[("response_mode", "form_post"), ("state", "\"<b>")],
    );
    let page = Visitor::new().get(&url).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains(&format!("action=\"{REDIRECT_URI}\"")));
    assert_eq!(page.hidden("state"), "&quot;&lt;b&gt;");
    assert_eq!(page.hidden("iss"), provider.issuer());
    assert!(page.hidden("code").len() > 40);
    assert!(page.body.contains("<noscript>"));
    assert!(
        page.header(header::CONTENT_SECURITY_POLICY)
            .contains("script-src 'sha256-")
    );
}

#[tokio::test]
async fn pages_cannot_be_framed_cached_or_scripted() {
    let provider = DevProvider::start().await.unwrap();
    for url in [
        authorize(&provider, &[]),
        format!("{}/", provider.issuer()),
        format!("{}/end_session", provider.issuer()),
    ] {
        let page = Visitor::new().get(&url).await;
        let policy = page.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("script-src"));
        assert_eq!(page.header(header::X_FRAME_OPTIONS), "DENY");
        assert_eq!(page.header(header::CACHE_CONTROL), "no-store");
        assert!(page.body.contains("<html lang=\"en\">") && page.body.contains("<h1>"));
        assert!(page.body.contains("Development provider."));
    }
}

#[tokio::test]
async fn the_issuer_can_be_left_out_of_responses() {
    let provider = DevProvider::builder()
        .response_issuer(ResponseIssuer::Absent)
        .start()
        .await
        .unwrap();
    provider.auto_sign_in(Some("alice"));
    let answer = Visitor::new().get(&authorize(&provider, &[])).await;
    assert_eq!(answer.sent_back("iss"), None);
    let metadata = Visitor::new()
        .get(&format!(
            "{}/.well-known/openid-configuration",
            provider.issuer()
        ))
        .await;
    assert_eq!(
        metadata.json()["authorization_response_iss_parameter_supported"],
        false
    );
}
