//! How long a check may take, whoever does not answer. The clock passes only while everybody waits.
#![cfg(test)]

use std::future::pending;
use std::time::Duration;

use http::{Request, Response};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

use crate::builder::Provider;
use crate::gate::Gate;
use crate::gate::hang_ups::SlowStore;
use crate::io::{HttpClient, HttpFuture};
use crate::report::{FindingCode, Report, Severity};
use crate::seal::SessionKey;

/// A provider that answers each call so long after it was asked, or never. A login there begins with a call.
#[derive(Clone, Copy, Debug)]
struct SluggishProvider(Option<Duration>);

impl HttpClient for SluggishProvider {
    fn send(&self, request: Request<Vec<u8>>) -> HttpFuture<'_> {
        Box::pin(async move {
            match self.0 {
                Some(pause) => drop(timeout(pause, pending::<()>()).await),
                None => pending().await,
            }
            let (status, answer) = match request.uri().path() {
                "/.well-known/openid-configuration" => (
                    200,
                    json!({
                        "issuer": "https://op.example",
                        "authorization_endpoint": "https://op.example/authorize",
                        "token_endpoint": "https://op.example/token",
                        "jwks_uri": "https://op.example/jwks",
                        "pushed_authorization_request_endpoint": "https://op.example/par",
                        "require_pushed_authorization_requests": true,
                    }),
                ),
                "/par" => (
                    201,
                    json!({ "request_uri": "urn:pushed", "expires_in": 60 }),
                ),
                _ => (200, json!({})),
            };
            let response = Response::builder().status(status);
            Ok(response.body(answer.to_string().into_bytes()).unwrap())
        })
    }
}

/// Checks a gate at this provider with this store. What came of it, and how many seconds it took.
async fn checked(provider: SluggishProvider, store: SlowStore) -> (Report, u64) {
    let registration = Provider::new("https://op.example", "my-app").client_secret("s3cret");
    let gate = Gate::builder("https://app.example", registration)
        .session_keys([SessionKey::from_bytes(*b"the key for checks that are slow")])
        .store(store)
        .http_client(provider)
        .background_runtime(Handle::current())
        .build();
    let began = Instant::now();
    let report = gate.unwrap().check().await;
    (report, began.elapsed().as_secs())
}

fn silent_store() -> SlowStore {
    let store = SlowStore::default();
    store.silence();
    store
}

/// The findings with this code: how bad each is, and what it is about.
fn about(report: &Report, code: FindingCode) -> Vec<(Severity, Option<&str>)> {
    let found = report.findings().filter(|finding| finding.code() == code);
    found
        .map(|finding| (finding.severity(), finding.subject()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_never_answers_is_given_up_after_one_call() {
    let (report, seconds) = checked(SluggishProvider(None), SlowStore::default()).await;
    assert_eq!(seconds, 10, "{report}");
    let provider = Some("https://op.example");
    assert_eq!(
        about(&report, FindingCode::ProviderReachable),
        [(Severity::Mistake, provider)],
    );
    assert_eq!(about(&report, FindingCode::TimeLimit), [], "{report}");
    // What can be told without it is told.
    let store = Some("SlowStore");
    let found = about(&report, FindingCode::StoreWrites);
    assert_eq!(found, [(Severity::Ok, store)], "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_provider_whose_answers_add_up_is_given_up_after_half_a_minute() {
    let slow = SluggishProvider(Some(Duration::from_secs(9)));
    let (report, seconds) = checked(slow, SlowStore::default()).await;
    assert_eq!(seconds, 30, "{report}");
    let provider = Some("https://op.example");
    let limit = about(&report, FindingCode::TimeLimit);
    assert_eq!(limit, [(Severity::Warning, provider)], "{report}");
    // What was seen before counts.
    let reached = about(&report, FindingCode::ProviderReachable);
    assert_eq!(reached, [(Severity::Ok, provider)], "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_given_up_and_says_so() {
    let quick = SluggishProvider(Some(Duration::ZERO));
    let (report, seconds) = checked(quick, silent_store()).await;
    assert_eq!(seconds, 25, "{report}");
    let limit = about(&report, FindingCode::TimeLimit);
    assert_eq!(limit, [(Severity::Warning, Some("SlowStore"))], "{report}");
    assert_eq!(about(&report, FindingCode::StoreReachable), [], "{report}");
}

#[tokio::test(start_paused = true)]
async fn everything_is_waited_for_at_the_same_time() {
    let slow = SluggishProvider(Some(Duration::from_secs(9)));
    let (report, seconds) = checked(slow, silent_store()).await;
    assert_eq!(seconds, 30, "{report}");
    assert_eq!(about(&report, FindingCode::TimeLimit).len(), 2, "{report}");
}
