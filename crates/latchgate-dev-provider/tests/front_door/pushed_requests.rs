//! Pushed authorization requests.

use http::StatusCode;
use latchgate_dev_provider::{DevProvider, Endpoint};

use crate::visitor::{Visitor, authorize};

async fn provider() -> DevProvider {
    let provider = DevProvider::builder().require_pushed_requests();
    let provider = provider.start().await.unwrap();
    provider.auto_sign_in(Some("alice"));
    provider
}

fn form(provider: &DevProvider, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let url = url::Url::parse(&authorize(provider, changes)).unwrap();
    url.query_pairs().into_owned().collect()
}

async fn push(provider: &DevProvider, changes: &[(&str, &str)]) -> crate::visitor::Page {
    let form = form(provider, changes);
    let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    Visitor::new().post_as_client(provider, "/par", &form).await
}

fn refer(provider: &DevProvider, client_id: &str, reference: &str) -> String {
    let (issuer, path) = (provider.issuer(), Endpoint::Authorize.path());
    format!("{issuer}{path}?client_id={client_id}&request_uri={reference}")
}

#[tokio::test]
async fn a_reference_is_good_for_one_browser_of_its_client() {
    let provider = provider().await;
    let answer = push(&provider, &[]).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    assert_eq!(answer.json()["expires_in"], 60);
    let reference = answer.json()["request_uri"].as_str().unwrap().to_owned();
    let visitor = Visitor::new();
    let url = refer(&provider, provider.client_id(), &reference);
    for wrong in [
        refer(&provider, "another", &reference),
        format!("{url}&state=mine"),
        format!("{url}x"),
        authorize(&provider, &[]),
    ] {
        assert_eq!(visitor.get(&wrong).await.status, StatusCode::BAD_REQUEST);
    }
    let back = visitor.get(&url).await;
    assert!(back.sent_back("code").is_some());
    assert_eq!(back.sent_back("state").as_deref(), Some("the state"));
    assert_eq!(visitor.get(&url).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_would_be_refused_later_is_refused_at_once() {
    let provider = provider().await;
    for (changes, error) in [
        ([("scope", "email")], "invalid_scope"),
        ([("code_challenge", "")], "invalid_request"),
        (
            [("redirect_uri", "https://evil.example/")],
            "invalid_request",
        ),
        ([("client_id", "another")], "invalid_request"),
        ([("request_uri", "urn:a")], "request_uri_not_supported"),
    ] {
        let answer = push(&provider, &changes).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{changes:?}");
        assert_eq!(answer.json()["error"], error, "{changes:?}");
    }
    let endpoint = format!("{}/par", provider.issuer());
    let anonymous = Visitor::new().post(&endpoint, &[("scope", "openid")]).await;
    assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED);
}
