//! The picker page, and the provider's own sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::StatusCode;
use latchgate_dev_provider::{DevProvider, EmailVerification, Person};

use crate::visitor::{Page, Visitor, authorize, part};

async fn decide(visitor: &Visitor, provider: &DevProvider, form: &[(&str, &str)]) -> Page {
    let page = visitor.get(&authorize(provider, &[])).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let transaction = page.hidden("transaction");
    let mut form = form.to_vec();
    form.push(("transaction", &transaction));
    let url = format!("{}/authorize/decide", provider.issuer());
    visitor.post(&url, &form).await
}

async fn claims(visitor: &Visitor, provider: &DevProvider, answer: &Page) -> serde_json::Value {
    let code = answer.sent_back("code").unwrap();
    let tokens = visitor.redeem(provider, &code).await.json();
    part(tokens["id_token"].as_str().unwrap(), 1)
}

#[tokio::test]
async fn the_picker_shows_people_and_scopes_and_the_choice_signs_in() {
    let carol = Person::new("carol")
        .name("Carol <Clark>")
        .email("carol@example.com", EmailVerification::Verified)
        .roles(["<b>"]);
    let provider = DevProvider::builder().person(carol).start().await.unwrap();
    let visitor = Visitor::new();
    let page = visitor
        .get(&authorize(&provider, &[("login_hint", "bob@example.com")]))
        .await;
    assert!(page.body.contains("<h1>Who is signing in?</h1>"));
    for sub in ["alice", "bob", "carol"] {
        assert!(
            page.body
                .contains(&format!("name=\"person\" value=\"{sub}\""))
        );
    }
    assert!(page.body.contains("value=\"bob\" autofocus"));
    assert!(page.body.contains("Roles: admin, user<"), "{}", page.body);
    assert!(page.body.contains("Carol &lt;Clark&gt;") && !page.body.contains("<Clark>"));
    assert!(page.body.contains("Roles: &lt;b&gt;<"), "{}", page.body);
    assert!(page.body.contains("<code>profile</code>"));

    let answer = decide(&visitor, &provider, &[("person", "bob")]).await;
    let claims = claims(&visitor, &provider, &answer).await;
    assert_eq!(claims["sub"], "bob");
    assert_eq!(claims["email_verified"], false);
    assert_eq!(provider.sessions().len(), 1);
}

#[tokio::test]
async fn somebody_can_be_typed_in_with_claims() {
    let provider = DevProvider::start().await.unwrap();
    let visitor = Visitor::new();
    let form = [
        ("name", "Dora Diaz"),
        ("claims", r#"{"team": "blue", "iss": "x"}"#),
    ];
    let answer = decide(&visitor, &provider, &form).await;
    let claims = claims(&visitor, &provider, &answer).await;
    assert_eq!(claims["sub"], "dora-diaz");
    assert_eq!(claims["name"], "Dora Diaz");
    assert_eq!(claims["team"], "blue");
    assert_eq!(claims["iss"], provider.issuer());
}

#[tokio::test]
async fn mistyped_claims_are_asked_for_again() {
    let provider = DevProvider::start().await.unwrap();
    let visitor = Visitor::new();
    let form = [("name", "Dora"), ("claims", "</textarea>[1]")];
    let page = decide(&visitor, &provider, &form).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("role=\"alert\"") && page.body.contains("value=\"Dora\""));
    assert!(page.body.contains("&lt;/textarea&gt;[1]"));
    let transaction = page.hidden("transaction");
    let url = format!("{}/authorize/decide", provider.issuer());
    let form = [("transaction", transaction.as_str()), ("name", "Dora")];
    assert!(visitor.post(&url, &form).await.sent_back("code").is_some());
    let again = visitor.post(&url, &form).await;
    assert_eq!(
        again.status,
        StatusCode::BAD_REQUEST,
        "a decision counts once"
    );
}

#[tokio::test]
async fn deny_gives_access_denied() {
    let provider = DevProvider::start().await.unwrap();
    let answer = decide(&Visitor::new(), &provider, &[("decision", "deny")]).await;
    assert_eq!(answer.sent_back("error").as_deref(), Some("access_denied"));
    assert_eq!(answer.sent_back("state").as_deref(), Some("the state"));
    assert!(provider.sessions().is_empty());
}

#[tokio::test]
async fn a_session_answers_for_its_person_until_more_is_asked() {
    let now = Arc::new(AtomicU64::new(1_700_000_000));
    let clock = Arc::clone(&now);
    let provider = DevProvider::builder()
        .clock(Arc::new(move || clock.load(Ordering::SeqCst)))
        .start()
        .await
        .unwrap();
    let visitor = Visitor::new();
    let first = decide(&visitor, &provider, &[("person", "alice")]).await;
    let first = claims(&visitor, &provider, &first).await;
    assert_eq!(first["auth_time"], 1_700_000_000);
    assert_eq!(first["acr"], "0");

    now.fetch_add(100, Ordering::SeqCst);
    let silent = visitor
        .get(&authorize(&provider, &[("prompt", "none")]))
        .await;
    let silent = claims(&visitor, &provider, &silent).await;
    assert_eq!(silent["auth_time"], 1_700_000_000);
    assert_eq!(silent["iat"], 1_700_000_100);
    assert_eq!(silent["sid"], first["sid"]);

    for (parameter, value) in [
        ("prompt", "login"),
        ("max_age", "99"),
        ("max_age", "0"),
        ("acr_values", "mfa"),
        ("scope", "openid invoices"),
    ] {
        let page = visitor
            .get(&authorize(&provider, &[(parameter, value)]))
            .await;
        assert_eq!(page.status, StatusCode::OK, "{parameter}={value} asks");
    }
    for (changes, error) in [
        ([("prompt", "none"), ("max_age", "99")], "login_required"),
        (
            [("prompt", "none"), ("id_token_hint", "not.a.token")],
            "login_required",
        ),
        (
            [("prompt", "none"), ("scope", "openid invoices")],
            "consent_required",
        ),
    ] {
        let answer = visitor.get(&authorize(&provider, &changes)).await;
        assert_eq!(answer.sent_back("error").as_deref(), Some(error));
    }

    provider.auto_sign_in(Some("alice"));
    let stronger = visitor
        .get(&authorize(&provider, &[("acr_values", "mfa")]))
        .await;
    let stronger = claims(&visitor, &provider, &stronger).await;
    assert_eq!(stronger["acr"], "mfa");
    assert_eq!(stronger["auth_time"], 1_700_000_100);
    assert_eq!(stronger["sid"], first["sid"]);

    provider.auto_sign_in(Some("bob"));
    let bob = visitor.get(&authorize(&provider, &[])).await;
    let bob = claims(&visitor, &provider, &bob).await;
    assert_eq!(bob["sub"], "bob");
    assert_ne!(bob["sid"], first["sid"]);
}
