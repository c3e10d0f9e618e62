//! What a request allocates behind the login layer, compared with the same application without it.
//!
//! Counted per thread and to the last one, so a change here is a change of the code, never noise.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should stop where it is"
)]

#[expect(dead_code, reason = "the benchmark reads the clock of a login, too")]
#[path = "../benches/gate/in_process.rs"]
mod in_process;

use std::convert::Infallible;

use allocation_counter::measure;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, Response, StatusCode};
use latchgate_tower::{Gate, MemoryStore};
use latchgate_tower::{LoginLayer, User};
use tokio::runtime::Runtime;
use tower::layer::util::Identity;
use tower::{Layer, Service};

use in_process::{InProcess, Tokens, browser, request};

/// A session that nobody asks for: its handle, the box of that among the request's extensions, and the room
/// for a fourth extension, since axum itself adds three.
const UNUSED: i64 = 3;

/// A session that is opened for its subject: its bytes and who shares them, and the response's room for two headers.
const OPENED: i64 = 6;

/// The same from a store: the ticket, and a record that comes in a future and is asked for in another.
const LOADED: i64 = 10;

#[test]
fn a_request_allocates_only_for_a_session_of_ours() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let sessions = [Tokens::SMALL, Tokens::USUAL, Tokens::LARGE]
        .map(|tokens| runtime.block_on(signed_in(tokens)));
    // Within a router any layer is boxed, also one that does nothing; around it none is.
    let idle = application().layer(Identity::new()).with_state(());
    let (gate, session) = &sessions[1];
    let around = LoginLayer::new(gate.clone()).layer(application());

    let others = format!("theme=dark; lang=en; analytics={}", "a".repeat(3_000));
    let ours = format!("theme=dark; {session}");
    let visitor = format!("theme=dark; __Host-latchgate-visitor={}", "A".repeat(2_800));
    let garbage = format!("__Host-latchgate={}", "A".repeat(session.len()));
    for (title, cookies, expected) in [
        ("no cookie", None, 0),
        ("cookies of others", Some(others.as_str()), 0),
        ("what we keep for a visitor", Some(&visitor), 0),
        ("our session", Some(&ours), UNUSED),
        // What could never be opened costs the same: nobody has tried.
        ("garbage of its length", Some(&garbage), UNUSED),
        ("short garbage", Some("__Host-latchgate=x"), UNUSED),
    ] {
        // The gate looks twice at "/", where its sign-out leads unless configured otherwise.
        for path in ["/", "/public"] {
            let count = |service| allocations(&runtime, service, path, cookies);
            let within = count(behind(gate)) - count(idle.clone());
            let around =
                allocations(&runtime, around.clone(), path, cookies) - count(application());
            assert_eq!((within, around), (expected, expected), "{title} at {path}");
        }
    }
    for (gate, session) in &sessions {
        let count = |service| allocations(&runtime, service, "/user", Some(session));
        let opened = count(behind(gate)) - count(idle.clone());
        assert_eq!(opened, OPENED, "for {} bytes", session.len());
    }
    let (gate, ticket) = runtime.block_on(stored());
    let count = |service| allocations(&runtime, service, "/user", Some(&ticket));
    let loaded = count(behind(&gate)) - count(idle.clone());
    assert_eq!(loaded, LOADED, "from a store");
}

/// Somebody signed in: the gate, and the session's cookies.
async fn signed_in(tokens: Tokens) -> (Gate, String) {
    signed_in_to(tokens, None).await
}

/// The same with a session in a store.
async fn stored() -> (Gate, String) {
    signed_in_to(Tokens::USUAL, Some(MemoryStore::default())).await
}

async fn signed_in_to(tokens: Tokens, store: Option<MemoryStore>) -> (Gate, String) {
    let provider = InProcess::start(tokens).await;
    let gate = provider.gate(store);
    let cookies = provider.log_in(&mut behind(&gate)).await.cookies;
    (gate, cookies)
}

/// Public pages, and one that looks who is there. As `axum::serve` does, `with_state` puts layers
/// around the handlers once and not for every request.
fn application() -> Router {
    Router::new()
        .route("/", get(|| async { "Hello" }))
        .route("/public", get(|| async { "Hello" }))
        .route("/user", get(|user: Option<User>| async { drop(user) }))
        .with_state(())
}

fn behind(gate: &Gate) -> Router {
    application()
        .layer(LoginLayer::new(gate.clone()))
        .with_state(())
}

/// How often a request allocates, from when the service gets it to when its response is gone.
fn allocations<S>(runtime: &Runtime, mut service: S, path: &str, cookies: Option<&str>) -> i64
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let mut count = || {
        let request = request(browser(path, cookies));
        let counted = measure(|| {
            let Ok(response) = runtime.block_on(service.call(request));
            assert_eq!(response.status(), StatusCode::OK);
        });
        i64::try_from(counted.count_total).unwrap()
    };
    // The first request may fill what later ones find.
    count();
    let second = count();
    assert_eq!(second, count());
    second
}
