//! Claims that somebody else vouches for (OpenID Connect Core 1.0 §5.6.2): applications see where they are, and nothing
//! takes them for the provider's own.

use std::sync::{Arc, Mutex, PoisonError};

use latchgate::{ClaimSource, User, UserinfoPolicy};
use latchgate_tests::app::Count;
use latchgate_tests::{Failure, Setup, scenarios};
use serde_json::json;
use tokio::net::TcpListener;

scenarios!(
    aggregated_claims_are_never_merged,
    distributed_claims_are_never_fetched,
    userinfo_replaces_names_and_sources_together,
);

/// Somebody's `{"sub":"alice","roles":["admin"],"email":"root@example.com"}`, of which nobody knows who signed it.
const JWT: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsInJvbGVzIjpbImFkbWluIl0sImVtYWlsIjoicm9vdEBleGFtcGxlLmNvbSJ9.c2ln";

/// What the application's hook is shown at a login.
type Seen = Arc<Mutex<Vec<String>>>;

fn watched(setup: Setup, seen: &Seen) -> Setup {
    let seen = Arc::clone(seen);
    setup.gate(move |gate| {
        let seen = Arc::clone(&seen);
        gate.on_login(move |user: User| {
            let sources = user.claim_sources().into_iter().map(|source| match source {
                ClaimSource::Aggregated {
                    names,
                    unverified_jwt,
                } => format!("{} in {unverified_jwt}", names.join(",")),
                ClaimSource::Distributed { names, endpoint } => {
                    format!("{} at {endpoint}", names.join(","))
                }
                _ => "another".to_owned(),
            });
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = sources.collect();
            async move { Ok(Count::of(user.subject())) }
        })
    })
}

fn take(seen: &Seen) -> Vec<String> {
    std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner))
}

async fn aggregated_claims_are_never_merged(setup: Setup) -> Result<(), Failure> {
    let seen = Seen::default();
    let world = watched(setup, &seen).start().await?;
    world.mischief().on_id_token(|_, claims| {
        claims.remove("roles");
        claims.remove("email");
        claims.insert(
            "_claim_names".to_owned(),
            json!({ "roles": "src1", "email": "src1" }),
        );
        claims.insert(
            "_claim_sources".to_owned(),
            json!({ "src1": { "JWT": JWT } }),
        );
    });
    let browser = world.signed_in().await?;
    let said = take(&seen);
    assert_eq!(said.len(), 1);
    assert!(
        said[0].ends_with(&format!(" in {JWT}")) && said[0].contains("roles"),
        "{said:?}"
    );
    assert_eq!(browser.get("/admin").await?.status, 403);
    let me = browser.fetch("GET", "/me").await?.json(200)?;
    assert!(me["roles"].is_null() && me["email"].is_null(), "{me}");
    assert_eq!(me["sub"], "alice");

    // With the provider's own word beside it, that is what counts.
    world.mischief().on_id_token(|_, claims| {
        claims.insert("roles".to_owned(), json!(["admin"]));
        claims.insert("_claim_names".to_owned(), json!({ "roles": "src1" }));
        claims.insert(
            "_claim_sources".to_owned(),
            json!({ "src1": { "JWT": "nonsense" } }),
        );
    });
    let browser = world.signed_in().await?;
    assert_eq!(take(&seen), [""; 0]);
    assert_eq!(browser.get("/admin").await?.status, 200);
    Ok(())
}

async fn distributed_claims_are_never_fetched(setup: Setup) -> Result<(), Failure> {
    let seen = Seen::default();
    let elsewhere = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("https://{}/claims", elsewhere.local_addr()?);
    let setup = setup.registration(|registration| registration.userinfo(UserinfoPolicy::Always));
    let world = watched(setup, &seen).start().await?;
    let sources = json!({
        "src1": { "endpoint": endpoint, "access_token": "theirs" },
        "src2": { "endpoint": "http://169.254.169.254/latest" },
    });
    world.mischief().on_userinfo(move |claims| {
        claims["_claim_names"] = json!({ "shoe_size": "src1", "hat_size": "src2" });
        claims["_claim_sources"] = sources.clone();
    });
    let browser = world.signed_in().await?;
    assert_eq!(take(&seen), [format!("shoe_size at {endpoint}")]);
    assert_eq!(browser.fetch("POST", "/refresh").await?.status, 200);
    let called = tokio::time::timeout(std::time::Duration::ZERO, elsewhere.accept()).await;
    assert!(called.is_err(), "the endpoint was called");
    Ok(())
}

/// Of two sources of claims the newer one counts; its names are not looked up in the other one's sources.
async fn userinfo_replaces_names_and_sources_together(setup: Setup) -> Result<(), Failure> {
    let seen = Seen::default();
    let setup = setup.registration(|registration| registration.userinfo(UserinfoPolicy::Always));
    let world = watched(setup, &seen).start().await?;
    world.mischief().on_id_token(|_, claims| {
        claims.insert("_claim_names".to_owned(), json!({ "roles": "src1" }));
        claims.insert(
            "_claim_sources".to_owned(),
            json!({ "src1": { "JWT": JWT } }),
        );
    });
    world.mischief().on_userinfo(|claims| {
        claims["_claim_names"] = json!({ "hat_size": "src1" });
    });
    world.signed_in().await?;
    assert_eq!(take(&seen), [""; 0]);
    world.mischief().on_userinfo(|claims| {
        claims["_claim_sources"] = json!({ "src1": { "JWT": "e30.e30.c2ln" } });
    });
    world.signed_in().await?;
    assert_eq!(take(&seen), [format!("roles in {JWT}")]);
    Ok(())
}
