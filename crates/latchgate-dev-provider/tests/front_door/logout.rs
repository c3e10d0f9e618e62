//! Logout at the request of a relying party, and over the back channel.

use axum::Router;
use axum::extract::Form;
use axum::routing::post;
use http::{StatusCode, header};
use jsonwebtoken::Algorithm;
use latchgate_dev_provider::{Client, DevProvider, LogoutTarget};
use std::collections::HashMap;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::visitor::{Visitor, part, provider_with_alice, verified};

/// A relying party's back-channel logout endpoint; what it gets comes out of the receiver.
async fn logout_endpoint() -> (String, mpsc::UnboundedReceiver<String>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/logout", listener.local_addr().unwrap());
    let receive = move |Form(form): Form<HashMap<String, String>>| async move {
        sender.send(form["logout_token"].clone()).unwrap();
        StatusCode::NO_CONTENT
    };
    let app = Router::new().route("/logout", post(receive));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (uri, receiver)
}

fn end_session(provider: &DevProvider, parameters: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    format!("{}/end_session?{query}", provider.issuer())
}

#[tokio::test]
async fn logout_ends_the_session_tells_clients_and_goes_back() {
    let provider = provider_with_alice().await;
    let (uri, mut received) = logout_endpoint().await;
    provider.register_client(Client::development().backchannel_logout_uri(uri));
    let visitor = Visitor::new();
    let tokens = visitor.log_in(&provider, "openid").await;
    let id_token = tokens["id_token"].as_str().unwrap();
    provider.rotate_keys();

    let answer = visitor
        .get(&end_session(
            &provider,
            &[
                ("id_token_hint", id_token),
                ("post_logout_redirect_uri", "http://127.0.0.1:3000/bye"),
                ("state", "s&t"),
            ],
        ))
        .await;
    assert_eq!(
        answer.location().as_str(),
        "http://127.0.0.1:3000/bye?state=s%26t"
    );
    assert!(answer.header(header::SET_COOKIE).contains("Max-Age=0"));
    assert!(provider.sessions().is_empty());

    let logout_token = received.recv().await.unwrap();
    assert_eq!(part(&logout_token, 0)["typ"], "logout+jwt");
    let claims = verified(
        &provider,
        &logout_token,
        Algorithm::RS256,
        provider.client_id(),
    )
    .await
    .unwrap();
    assert_eq!(claims["sid"], part(id_token, 1)["sid"]);
    assert_eq!(claims["sub"], "alice");
    assert!(claims["events"]["http://schemas.openid.net/event/backchannel-logout"].is_object());
    assert!(claims.get("nonce").is_none());
}

#[tokio::test]
async fn a_hint_ends_the_session_even_from_another_browser() {
    let provider = provider_with_alice().await;
    let tokens = Visitor::new().log_in(&provider, "openid").await;
    let hint = tokens["id_token"].as_str().unwrap();
    let page = Visitor::new()
        .get(&end_session(&provider, &[("id_token_hint", hint)]))
        .await;
    assert!(page.body.contains("<h1>Signed out</h1>"));
    assert!(provider.sessions().is_empty());
}

#[tokio::test]
async fn without_a_hint_somebody_signed_in_is_asked() {
    let provider = provider_with_alice().await;
    let visitor = Visitor::new();
    visitor.log_in(&provider, "openid").await;
    let parameters = [
        ("client_id", provider.client_id()),
        ("post_logout_redirect_uri", "http://127.0.0.1:3000/bye"),
    ];
    let page = visitor.get(&end_session(&provider, &parameters)).await;
    assert!(page.body.contains("<h1>Sign out?</h1>"), "{}", page.body);
    assert_eq!(provider.sessions().len(), 1);

    let mut form = parameters.to_vec();
    form.push(("confirmation", "yes"));
    let url = format!("{}/end_session", provider.issuer());
    let answer = visitor.post(&url, &form).await;
    assert_eq!(answer.location().as_str(), "http://127.0.0.1:3000/bye");
    assert!(provider.sessions().is_empty());
}

#[tokio::test]
async fn uncertain_logout_requests_stay_here() {
    let provider = provider_with_alice().await;
    let visitor = Visitor::new();
    let tokens = visitor.log_in(&provider, "openid").await;
    let hint = tokens["id_token"].as_str().unwrap();
    provider.register_client(Client::public("other"));
    let bye = ("post_logout_redirect_uri", "http://127.0.0.1:3000/bye");
    let evil = ("post_logout_redirect_uri", "https://evil.example/");
    let forged = format!("{hint}x");
    for parameters in [
        vec![("client_id", provider.client_id()), evil],
        vec![bye],
        vec![("client_id", "nobody"), bye],
        vec![("client_id", "other"), ("id_token_hint", hint), bye],
        vec![("id_token_hint", forged.as_str()), bye],
        vec![bye, bye],
    ] {
        let page = visitor.get(&end_session(&provider, &parameters)).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{parameters:?}");
        assert_eq!(page.header(header::LOCATION), "");
    }
    assert_eq!(provider.sessions().len(), 1);
}

#[tokio::test]
async fn logout_tokens_can_be_sent_and_bent() {
    let provider = provider_with_alice().await;
    let (uri, mut received) = logout_endpoint().await;
    let status = provider
        .send_backchannel_logout(&uri, LogoutTarget::Sub("alice".to_owned()))
        .await
        .unwrap();
    assert_eq!(status, StatusCode::NO_CONTENT);
    let claims = part(&received.recv().await.unwrap(), 1);
    assert_eq!(claims["sub"], "alice");
    assert!(claims.get("sid").is_none());

    let bent = provider.logout_token(LogoutTarget::Sid("s".to_owned()), |header, claims| {
        header["typ"] = "JWT".into();
        claims.insert("nonce".to_owned(), "n".into());
    });
    assert_eq!(part(&bent, 0)["typ"], "JWT");
    assert_eq!(part(&bent, 1)["nonce"], "n");
    assert_eq!(part(&bent, 1)["sid"], "s");

    provider.stop().await;
    let nobody = provider
        .send_backchannel_logout(provider.issuer(), LogoutTarget::Sid("s".to_owned()))
        .await;
    assert!(nobody.is_err());
}
