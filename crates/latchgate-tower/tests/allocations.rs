//! What a request allocates behind the login layer, compared with the same application without it.
//!
//! Counted by the thread, so that the test harness next door does not disturb.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should stop where it is"
)]

#[path = "../benches/gate/in_process.rs"]
mod in_process;

use std::convert::Infallible;

use allocation_counter::measure;
use axum::Router;
use axum::body::Body;
use axum::response::Json;
use axum::routing::get;
use http::{Request, Response};
use latchgate_tower::latchgate::{Gate, MemoryStore};
use latchgate_tower::{LoginLayer, User};
use tokio::runtime::Runtime;
use tower::layer::util::Identity;
use tower::{Layer, Service};

use in_process::{InProcess, Tokens, browser, request};

#[test]
fn print() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let [small, usual, large] = [Tokens::SMALL, Tokens::USUAL, Tokens::LARGE].map(|tokens| {
        runtime.block_on(async {
            let provider = InProcess::start(tokens).await;
            let gate = provider.gate(None::<MemoryStore>);
            let mut a = app().layer(LoginLayer::new(gate.clone()));
            let c = provider.log_in(&mut a).await.cookies;
            println!("{} -> {}", provider.token_bytes(), c.len());
            (gate, c)
        })
    });
    let layered = app().layer(LoginLayer::new(usual.0.clone())).with_state(());
    let around = LoginLayer::new(usual.0.clone()).layer(app().with_state(()));
    for (n, c) in [("none", None), ("others", Some("a=b; c=d; e=f".to_owned())), ("ours", Some(usual.1.clone())), ("garbage", Some("__Host-latchgate=garbage".to_owned()))] {
        let c = c.as_deref();
        println!("{n}: bare {} idle {} layered {} around {}", count(&runtime, app().with_state(()), "/", c), count(&runtime, app().layer(Identity::new()).with_state(()), "/", c), count(&runtime, layered.clone(), "/", c), count(&runtime, around.clone(), "/", c));
    }
    for (g, c) in [small, usual, large] {
        let l = app().layer(LoginLayer::new(g)).with_state(());
        println!("subject: idle {} ours {} me {}", count(&runtime, app().layer(Identity::new()).with_state(()), "/subject-of-nobody", Some(&c)), count(&runtime, l.clone(), "/subject", Some(&c)), count(&runtime, l.clone(), "/me", Some(&c)));
    }
}

fn app() -> Router {
    Router::new().route("/", get(|| async { "Hello" }))
        .route("/subject-of-nobody", get(|| async { "Hello" }))
        .route("/subject", get(|u: User| async move { drop(u); "Hello" }))
        .route("/me", get(|u: User| async move { Json((*u).clone()) }))
}

fn count<S>(runtime: &Runtime, mut service: S, path: &str, cookies: Option<&str>) -> u64
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let head = browser(path, cookies);
    let mut v = vec![];
    for _ in 0..3 {
        let request = request(head.clone());
        v.push(measure(|| {
            let Ok(answer) = runtime.block_on(service.call(request));
            drop(answer);
        })
        .count_total);
    }
    assert!(v[1] == v[2], "{v:?}");
    v[2]
}
#[test]
fn parts_of() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let gate = runtime.block_on(async { InProcess::start(Tokens::USUAL).await.gate(None::<MemoryStore>) });
    let head = browser("/", Some("__Host-latchgate=garbage"));
    let mut r = request(head);
    r.extensions_mut().insert(1u8);
    r.extensions_mut().insert(1u16);
    let mut v = None;
    println!("admit {:?}", measure(|| v = Some(gate.admit(&r))));
    let Some(latchgate_tower::latchgate::Verdict::Pass(Some(v))) = v else { panic!() };
    println!("insert {:?}", measure(|| { r.extensions_mut().insert(v.clone()); }));
    let mut h = http::HeaderMap::new();
    println!("leave {:?}", measure(|| { v.leave(&mut h); }));
}
