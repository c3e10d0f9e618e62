//! A slow world: every response is awaited, and a browser may hang up meanwhile.
#![cfg(test)]

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::yield_now;

use crate::builder::Provider;
use crate::client::ResponseMode;
use crate::cookie::PresentPieces;
use crate::gate::{Gate, Verdict};
use crate::io::scripted::PassingClock;
use crate::io::{HttpClient, HttpError, HttpFuture};
use crate::jose::{Algorithm, Signer};
use crate::session::Session;
use crate::sessions::Ticket;
use crate::store::{
    Lease, LoadedRecord, MemoryStore, SessionStore, StoreError, StoreFuture, StoreKey, StoredName,
    StoredRecord,
};

/// A provider whose responses are each awaited once, and whose ID tokens have this nonce.
#[derive(Debug, Default)]
pub(super) struct SlowProvider {
    pub(super) nonce: std::sync::Mutex<String>,
    /// How many refresh tokens it has issued, and how many were revoked.
    pub(super) issued: AtomicUsize,
    pub(super) revocations: AtomicUsize,
}

pub(super) fn signed(claims: &Value) -> String {
    let header = json!({ "alg": "RS256", "kid": "k", "typ": "JWT" }).to_string();
    Signer::new(Algorithm::Rs256).token(Algorithm::Rs256, &header, &claims.to_string())
}

pub(super) const NOW: u64 = 1_700_000_000;

impl HttpClient for Arc<SlowProvider> {
    fn send(&self, request: Request<Vec<u8>>) -> HttpFuture<'_> {
        Box::pin(async move {
            yield_now().await;
            if request.uri().path() == "/token" {
                self.issued.fetch_add(1, Ordering::SeqCst);
            }
            let answer = match request.uri().path() {
                "/.well-known/openid-configuration" => json!({
                    "issuer": "https://op.example",
                    "authorization_endpoint": "https://op.example/authorize",
                    "token_endpoint": "https://op.example/token",
                    "revocation_endpoint": "https://op.example/revoke",
                    "jwks_uri": "https://op.example/jwks",
                }),
                "/jwks" => json!({ "keys": [Signer::new(Algorithm::Rs256).jwk_named("k")] }),
                "/token" => json!({
                    "token_type": "Bearer",
                    "access_token": "access",
                    "refresh_token": "refresh",
                    "id_token": signed(&json!({
                        "iss": "https://op.example",
                        "sub": "alice",
                        "sid": "s1",
                        "aud": "my-app",
                        "exp": NOW + 300,
                        "iat": NOW,
                        "nonce": *self.nonce.lock().unwrap(),
                    })),
                }),
                "/revoke" => {
                    self.revocations.fetch_add(1, Ordering::SeqCst);
                    json!({})
                }
                other => return Err(HttpError::Transport(other.to_owned().into())),
            };
            yield_now().await;
            Ok(Response::new(answer.to_string().into_bytes()))
        })
    }
}

/// A store that can be down. Every call awaits once before it acts, and once after.
#[derive(Debug, Default)]
pub(crate) struct SlowStore {
    store: MemoryStore,
    pub(super) down: AtomicBool,
    /// No call is ever answered.
    silent: AtomicBool,
    /// How many of the next removals fail.
    pub(super) failing_removals: AtomicUsize,
    calls: AtomicUsize,
}

impl SlowStore {
    fn slowly<'a, T: Send + 'a>(
        &'a self,
        call: impl FnOnce(&'a MemoryStore) -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            self.calls.fetch_add(1, Ordering::SeqCst);
            yield_now().await;
            if self.silent.load(Ordering::SeqCst) {
                return std::future::pending().await;
            }
            if self.down.load(Ordering::SeqCst) {
                return Err(StoreError::Unavailable("down".into()));
            }
            let answer = call(&self.store).await;
            yield_now().await;
            answer
        })
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub(crate) fn silence(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl SessionStore for SlowStore {
    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<LoadedRecord>> {
        self.slowly(move |store| store.load(key, now))
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        self.slowly(move |store| store.insert(key, record, now))
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        self.slowly(move |store| store.replace(key, expected, record, now))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        let one_less = |left: usize| left.checked_sub(1);
        let failing = &self.failing_removals;
        let fails = failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        match fails {
            Ok(_) => self.slowly(|_| Box::pin(async { Err(StoreError::unavailable("down")) })),
            Err(_) => self.slowly(move |store| store.remove(key)),
        }
    }

    fn lease<'a>(
        &'a self,
        key: &'a StoreKey,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, Lease> {
        self.slowly(move |store| store.lease(key, duration, now))
    }

    fn extend_lease<'a>(
        &'a self,
        key: &'a StoreKey,
        fence: u64,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        self.slowly(move |store| store.extend_lease(key, fence, duration, now))
    }

    fn release_lease<'a>(&'a self, key: &'a StoreKey, fence: u64) -> StoreFuture<'a, ()> {
        self.slowly(move |store| store.release_lease(key, fence))
    }

    fn find<'a>(
        &'a self,
        name: &'a StoredName,
        now: u64,
    ) -> StoreFuture<'a, Option<Vec<StoreKey>>> {
        self.slowly(move |store| store.find(name, now))
    }
}

/// An application whose sessions are in a store, which also shares logouts.
pub(super) struct World {
    pub(super) gate: Gate,
    pub(super) store: Arc<SlowStore>,
    pub(super) provider: Arc<SlowProvider>,
}

pub(super) fn world() -> World {
    let store = Arc::new(SlowStore::default());
    let provider = Arc::new(SlowProvider::default());
    let registration = Provider::new("https://op.example", "my-app")
        .client_secret("s3cret")
        .response_mode(ResponseMode::FormPost);
    let gate = Gate::builder("http://localhost:3000", registration)
        .store(Arc::clone(&store))
        .revocations_in(Arc::clone(&store))
        .http_client(Arc::clone(&provider))
        .clock(PassingClock::from(NOW))
        .background_runtime(Handle::current())
        .build()
        .unwrap();
    World {
        gate,
        store,
        provider,
    }
}

impl World {
    /// A session that begins now, and the `Cookie` field for it.
    pub(super) async fn signed_in(&self, id: u8) -> (Session, String) {
        let mut session = Session::example();
        let registration = self.gate.relying_parties().first().registration();
        session.registration = registration.id.as_str().into();
        session.id = [id; 16];
        session.sid = Some("s1".into());
        session.times.begun_at = NOW;
        session.times.used_at = NOW;
        session.times.idle_deadline = NOW + 600;
        session.times.absolute_deadline = NOW + 9_000;
        let sessions = self.gate.sessions();
        let beginning = sessions.beginning().unwrap();
        let begun = sessions.begin(session.clone(), &beginning, PresentPieces::default());
        let (_, cookies) = begun.await.unwrap();
        let cookie = cookies[0].to_str().unwrap().split(';').next().unwrap();
        (session, cookie.to_owned())
    }

    pub(super) async fn is_stored(&self, cookie: &str) -> bool {
        let (name, ticket) = cookie.split_once('=').unwrap();
        let ticket = Ticket::open(&self.gate.0.keys, name, ticket.as_bytes()).unwrap();
        self.gate.sessions().get(&ticket).await.is_some()
    }

    /// Starts handling a request to one of the gate's routes.
    pub(super) fn start(
        &self,
        request: Request<()>,
        body: &str,
    ) -> Pin<Box<dyn Future<Output = Response<Bytes>>>> {
        let Verdict::Respond(route) = self.gate.admit(&request) else {
            panic!("not one of the gate's routes: {}", request.uri())
        };
        Box::pin(route.run(Bytes::from(body.to_owned())))
    }

    /// Sends a request to one of the gate's routes, from a browser that hangs up after this many polls. `None` when it hung
    /// up.
    pub(super) async fn send(
        &self,
        request: Request<()>,
        body: &str,
        looks: usize,
    ) -> Option<Response<Bytes>> {
        let mut running = self.start(request, body);
        for _ in 0..looks {
            if let std::task::Poll::Ready(answer) = futures_util::poll!(&mut running) {
                return Some(answer);
            }
            yield_now().await;
        }
        None
    }
}
