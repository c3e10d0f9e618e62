//! Requests for callgrind to count the instructions of: `cargo xtask instructions` runs this under it and divides.
//!
//! Prints the name of each case, and of the one that it is compared with. A dump of callgrind's ends with each case, so
//! the names belong to the dumps in this order.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that cannot go on should stop where it is"
)]

#[path = "gate/applications.rs"]
mod applications;
#[expect(dead_code, reason = "the benchmark of times reads more of a login")]
#[path = "gate/in_process.rs"]
mod in_process;
#[expect(dead_code, reason = "one of the peers is enough")]
#[path = "gate/peers.rs"]
mod peers;
#[path = "gate/replay.rs"]
mod replay;

use std::hint::black_box;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;
use latchgate_tower::MemoryStore;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tower::{Service, ServiceExt};

use applications::{bare, idle, latchgate};
use in_process::{InProcess, Tokens, browser, cookies, request};
use peers::Record;
use replay::Refreshes;

/// How many requests of each case are counted: `cargo xtask instructions` divides by it.
const REQUESTS: usize = 100;

/// What comes along with our cookie.
const OTHERS: &str = "theme=dark; lang=en; _ga=GA1.1.1234567890.1700000000";

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let provider = runtime.block_on(InProcess::start(Tokens::USUAL));
    let (sealed, session) = signed_in(&runtime, &provider, None);
    let (stored, ticket) = signed_in(&runtime, &provider, Some(MemoryStore::default()));
    let session = format!("{OTHERS}; {session}");
    let ticket = format!("{OTHERS}; {ticket}");
    let claims = page(&runtime, &sealed, "/me", &session);
    let token = page(&runtime, &sealed, "/token", &session);
    let bare = || bare(claims.clone());
    let (record, id) = peer(&runtime, peers::memory_store(record(&claims, &token)));
    let id = format!("{OTHERS}; {id}");

    // One case alone, for who asks callgrind where its instructions are.
    let wanted = std::env::args().skip(1).find(|name| !name.starts_with('-'));
    let measure = |name: &str, over: &str, application, path, cookies: Option<&str>| {
        if wanted.as_deref().is_some_and(|wanted| wanted != name) {
            return;
        }
        println!("{name}\t{over}");
        measure(&runtime, application, path, cookies);
    };
    let [no_cookie, with_session, with_ticket] =
        ["no cookie", "sealed cookie", "ticket"].map(|what| format!("bare router, {what}"));
    measure(&no_cookie, "", bare(), "/", None);
    measure(&with_session, "", bare(), "/me", Some(&session));
    measure(&with_ticket, "", bare(), "/me", Some(&ticket));
    let idle = idle(claims.clone());
    measure("idle layer, no cookie", &no_cookie, idle, "/", None);
    for (name, over, application, path, cookies) in [
        ("no cookie", &no_cookie, &sealed, "/", None),
        ("unused cookie", &with_session, &sealed, "/", Some(&session)),
        (
            "/subject, sealed",
            &with_session,
            &sealed,
            "/subject",
            Some(&session),
        ),
        ("/me, sealed", &with_session, &sealed, "/me", Some(&session)),
        (
            "/me, MemoryStore",
            &with_ticket,
            &stored,
            "/me",
            Some(&ticket),
        ),
        (
            "/token, sealed",
            &with_session,
            &sealed,
            "/token",
            Some(&session),
        ),
        (
            "/me, tower-sessions MemoryStore",
            &with_ticket,
            &record,
            "/me",
            Some(&id),
        ),
    ] {
        measure(
            name,
            over,
            application.clone(),
            path,
            cookies.map(String::as_str),
        );
    }
    for (name, over, store) in [
        ("refresh, sealed", &with_session, None),
        (
            "refresh, MemoryStore",
            &with_ticket,
            Some(MemoryStore::default()),
        ),
    ] {
        if wanted.as_deref().is_none_or(|wanted| wanted == name) {
            println!("{name}\t{over}");
            measure_refreshes(&runtime, Refreshes::start(&runtime, store));
        }
    }
}

/// Lets the application answer requests of one session, each of which finds its access token due.
fn measure_refreshes(runtime: &Runtime, mut refreshes: Refreshes) {
    for number in 0..10 + REQUESTS {
        refreshes.expire();
        let request = request(browser("/token", Some(&refreshes.cookies)));
        let application = &mut refreshes.application;
        let answer = match number {
            0..10 => runtime.block_on(application.call(request)).unwrap(),
            _ => counted_refresh(runtime, application, request),
        };
        assert_eq!(answer.status(), StatusCode::OK);
        let fresh = cookies(answer.headers());
        assert!(!fresh.is_empty(), "nothing was refreshed");
        refreshes.cookies = fresh;
    }
    case_is_over();
}

/// An application, and the cookies of somebody who has signed in to it.
fn signed_in(
    runtime: &Runtime,
    provider: &InProcess,
    store: Option<MemoryStore>,
) -> (Router, String) {
    let mut application = latchgate(&provider.gate(store));
    let login = runtime.block_on(provider.log_in(&mut application));
    (application, login.cookies)
}

/// The body of a page for whoever has these cookies.
fn page(runtime: &Runtime, application: &Router, path: &str, cookies: &str) -> Bytes {
    let request = request(browser(path, Some(cookies)));
    runtime.block_on(async {
        let Ok(answer) = application.clone().oneshot(request).await;
        assert_eq!(answer.status(), StatusCode::OK);
        to_bytes(answer.into_body(), usize::MAX).await.unwrap()
    })
}

/// What tower-sessions keeps of the same person.
fn record(claims: &Bytes, token: &Bytes) -> Record {
    let token: Value = serde_json::from_slice(token).unwrap();
    Record {
        claims: serde_json::from_slice(claims).unwrap(),
        access_token: token["access_token"].as_str().unwrap().to_owned(),
        refresh_token: "r".repeat(300),
        expires_at: 1 << 33,
    }
}

fn peer(runtime: &Runtime, application: Router) -> (Router, String) {
    let begin = Request::post("/begin").body(Body::empty()).unwrap();
    let Ok(begun) = runtime.block_on(application.clone().oneshot(begin));
    (application, cookies(begun.headers()))
}

/// Lets the application answer the same request again and again.
fn measure(runtime: &Runtime, mut application: Router, path: &str, cookies: Option<&str>) {
    let requests = |times: usize| -> Vec<_> {
        let head = browser(path, cookies);
        (0..times).map(|_| request(head.clone())).collect()
    };
    // What only the first requests do is not counted.
    for request in requests(10) {
        let answer = runtime.block_on(application.call(request)).unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    counted_requests(runtime, &mut application, requests(REQUESTS));
    case_is_over();
}

/// What is counted: callgrind knows this function by its name.
#[inline(never)]
fn counted_requests(runtime: &Runtime, application: &mut Router, requests: Vec<Request<Body>>) {
    for request in requests {
        drop(black_box(runtime.block_on(application.call(request))));
    }
}

/// Counted like these, but answers are kept: the next request has their cookies.
#[inline(never)]
fn counted_refresh(
    runtime: &Runtime,
    application: &mut Router,
    request: Request<Body>,
) -> Response<Body> {
    runtime.block_on(application.call(request)).unwrap()
}

/// Callgrind writes down what it has counted whenever this is called.
#[inline(never)]
fn case_is_over() {
    black_box(());
}
