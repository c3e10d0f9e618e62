//! Where the provider listens, when it stops, what it publishes and counts.

use std::net::SocketAddr;

use axum::body::Body;
use http::{Request, StatusCode, header};
use latchgate_dev_provider::{DevProvider, Endpoint, StartError};
use tower::ServiceExt;

use crate::visitor::Visitor;

#[tokio::test]
async fn it_refuses_to_listen_off_loopback() {
    for address in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
        let address: SocketAddr = address.parse().unwrap();
        let refused = DevProvider::builder().listen(address).start().await;
        assert!(
            matches!(&refused, Err(StartError::NotLoopback(refused)) if *refused == address),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = DevProvider::start().await.unwrap();
    let port = first.issuer().rsplit(':').next().unwrap().parse().unwrap();
    let second = DevProvider::builder().port(port).start().await;
    assert!(second.is_err_and(|error| error.to_string().contains(&port.to_string())));
}

#[tokio::test]
async fn a_name_pointed_at_loopback_from_elsewhere_gets_nothing() {
    let provider = DevProvider::start().await.unwrap();
    let url = format!("{}/jwks", provider.issuer());
    let page = Visitor::new()
        .get_with(&url, header::HOST, "rebound.example")
        .await;
    assert_eq!(page.status, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn it_stops_when_told_and_when_forgotten() {
    let visitor = Visitor::new();
    let provider = DevProvider::start().await.unwrap();
    let url = format!("{}/jwks", provider.issuer());
    assert_eq!(visitor.get(&url).await.status, StatusCode::OK);
    let clone = provider.clone();
    clone.stop().await;
    assert!(visitor.try_get(&url).await.is_err());

    let port = provider.issuer().rsplit(':').next().unwrap();
    let again = DevProvider::builder().port(port.parse().unwrap());
    let again = again.start().await.unwrap();
    let url = format!("{}/jwks", again.issuer());
    drop(again);
    while visitor.try_get(&url).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn discovery_and_keys_are_complete_and_counted() {
    let provider = DevProvider::start().await.unwrap();
    let visitor = Visitor::new();
    let url = format!("{}/.well-known/openid-configuration", provider.issuer());
    let metadata = visitor.get(&url).await.json();
    assert_eq!(metadata["issuer"], provider.issuer());
    for endpoint in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "end_session_endpoint",
        "introspection_endpoint",
        "revocation_endpoint",
        "jwks_uri",
    ] {
        let url = metadata[endpoint].as_str().unwrap();
        assert!(url.starts_with(provider.issuer()), "{endpoint}");
        assert_ne!(visitor.get(url).await.status, StatusCode::NOT_FOUND);
    }
    for list in [
        "response_types_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
        "code_challenge_methods_supported",
    ] {
        assert!(!metadata[list].as_array().unwrap().is_empty(), "{list}");
    }
    let jwks = visitor.get(metadata["jwks_uri"].as_str().unwrap()).await;
    let jwks = jwks.json();
    let keys = jwks["keys"].as_array().unwrap();
    assert!(keys.iter().any(|key| key["use"] == "enc"));
    assert!(keys.iter().any(|key| key["kty"] == "LATTICE"));
    for alg in ["RS256", "ES256"] {
        assert!(
            keys.iter()
                .any(|key| key["alg"] == alg && key["use"] == "sig")
        );
    }
    assert!(keys.iter().all(|key| key.get("d").is_none()));

    assert_eq!(provider.calls(Endpoint::Discovery), 1);
    assert_eq!(provider.calls(Endpoint::Jwks), 2);
    provider.reset_calls();
    assert_eq!(provider.calls(Endpoint::Jwks), 0);
    assert!(provider.last_request(Endpoint::Jwks).is_none());
}

#[tokio::test]
async fn the_router_is_the_same_provider_without_a_socket() {
    let provider = DevProvider::start().await.unwrap();
    let request = Request::get("/jwks?x=1").body(Body::empty()).unwrap();
    let response = provider.router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let recorded = provider.last_request(Endpoint::Jwks).unwrap();
    assert_eq!(recorded.path_and_query, "/jwks?x=1");
}

#[test]
fn it_runs_inside_a_single_threaded_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let provider = DevProvider::start().await.unwrap();
        let url = format!("{}/jwks", provider.issuer());
        assert_eq!(Visitor::new().get(&url).await.status, StatusCode::OK);
    });
}
