//! Browsers and providers that hang up, and strangers who knock while the store is down: whatever is
//! dropped at whichever await, nothing is left half done, and nothing costs without a limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::yield_now;
use url::Url;

use super::{Gate, Keeping, Verdict};
use crate::authorization::suffix_of;
use crate::builder::Provider;
use crate::client::ResponseMode;
use crate::jose::{Algorithm, Signer};
use crate::outside::{Clock, HttpClient, HttpError, HttpFuture};
use crate::session::{
    Lease, MemoryStore, Session, SessionStore, StoreError, StoreFuture, StoreKey, StoredName,
    StoredRecord, Ticket,
};

/// A provider whose every answer is awaited once, and whose ID tokens have this nonce.
#[derive(Debug, Default)]
struct SlowProvider {
    nonce: std::sync::Mutex<String>,
    revocations: AtomicUsize,
}

fn signed(claims: &Value) -> String {
    let header = json!({ "alg": "RS256", "kid": "k", "typ": "JWT" }).to_string();
    Signer::new(Algorithm::Rs256).token(Algorithm::Rs256, &header, &claims.to_string())
}

const NOW: u64 = 1_700_000_000;

impl HttpClient for Arc<SlowProvider> {
    fn send(&self, request: Request<Vec<u8>>) -> HttpFuture<'_> {
        Box::pin(async move {
            yield_now().await;
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

/// A store whose every answer is awaited once before and once after it acts, and that can be down.
#[derive(Debug, Default)]
struct SlowStore {
    store: MemoryStore,
    down: AtomicBool,
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
            if self.down.load(Ordering::SeqCst) {
                return Err(StoreError::Unavailable("down".into()));
            }
            let answer = call(&self.store).await;
            yield_now().await;
            answer
        })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl SessionStore for SlowStore {
    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<StoredRecord>> {
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
        self.slowly(move |store| store.remove(key))
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

/// The test's time, which passes only while everybody waits.
#[derive(Debug)]
struct PassingClock(tokio::time::Instant);

impl Clock for PassingClock {
    fn now(&self) -> u64 {
        NOW + self.0.elapsed().as_secs()
    }
}

/// An application whose sessions lie in a store that logouts are shared by, too.
struct World {
    gate: Gate,
    store: Arc<SlowStore>,
    provider: Arc<SlowProvider>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the clock of a test that has stopped the time"
)]
fn world() -> World {
    let store = Arc::new(SlowStore::default());
    let provider = Arc::new(SlowProvider::default());
    let registration = Provider::new("https://op.example", "my-app")
        .client_secret("s3cret")
        .response_mode(ResponseMode::FormPost);
    let gate = Gate::builder()
        .base_url("http://localhost:3000")
        .provider(registration)
        .store(Arc::clone(&store))
        .revocations_in(Arc::clone(&store))
        .http_client(Arc::clone(&provider))
        .clock(PassingClock(tokio::time::Instant::now()))
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
    /// Somebody's session, begun now, and the `Cookie` field that leads there.
    async fn signed_in(&self, id: u8) -> (Session, String) {
        let mut session = Session::example();
        session.id = [id; 16];
        session.sid = Some("s1".to_owned());
        session.times.begun_at = NOW;
        session.times.used_at = NOW;
        session.times.idle_deadline = NOW + 600;
        session.times.absolute_deadline = NOW + 9_000;
        let cookies = self.gate.0.keep_new(&session, &[], NOW).await.unwrap();
        let cookie = cookies[0].to_str().unwrap().split(';').next().unwrap();
        (session, cookie.to_owned())
    }

    async fn is_stored(&self, cookie: &str) -> bool {
        let (_, ticket) = cookie.split_once('=').unwrap();
        let ticket = Ticket::parse(ticket.as_bytes()).unwrap();
        let Keeping::Stored(stored) = &self.gate.0.keeping else {
            panic!("sealed")
        };
        let found = stored.load(&self.gate.0.keys, &ticket, NOW).await;
        found.unwrap().is_some()
    }

    /// Sends a request to one of the gate's routes, from a browser that hangs up once it has looked for
    /// an answer so many times. `None` when it did hang up.
    async fn send(
        &self,
        request: Request<()>,
        body: &str,
        looks: usize,
    ) -> Option<Response<Bytes>> {
        let Verdict::Respond(errand) = self.gate.admit(&request) else {
            panic!("not a route of the gate's: {}", request.uri())
        };
        let mut running = Box::pin(errand.run(Bytes::from(body.to_owned())));
        for _ in 0..looks {
            if let std::task::Poll::Ready(answer) = futures_util::poll!(&mut running) {
                return Some(answer);
            }
            yield_now().await;
        }
        None
    }
}

const FOREVER: usize = 10_000;

fn post(path: &str, cookie: &str) -> Request<()> {
    Request::post(path)
        .header(header::COOKIE, cookie)
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(())
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_logout_that_has_begun_is_carried_out() {
    let world = world();
    for looks in 1.. {
        let (session, cookie) = world.signed_in(looks as u8).await;
        let answer = world.send(post("/logout", &cookie), "", looks).await;
        world.gate.drain().await;
        assert!(!world.is_stored(&cookie).await, "hung up at look {looks}");
        assert!(world.gate.0.renewals.has_ended(&session));
        let revocations = world.provider.revocations.load(Ordering::SeqCst);
        assert_eq!(revocations, looks);
        if answer.is_some() {
            assert!(looks > 3, "there is an await to hang up at");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_logout_token_is_obeyed_altogether_or_not_at_all() {
    let world = world();
    let mut not_at_all = 0;
    for looks in 1.. {
        let (_, cookie) = world.signed_in(looks as u8).await;
        let token = signed(&json!({
            "iss": "https://op.example",
            "aud": "my-app",
            "iat": NOW,
            "exp": NOW + 120,
            "jti": looks.to_string(),
            "sub": "248289761001",
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        }));
        let body = format!("logout_token={token}");
        let request = || post("/backchannel-logout", "");
        let answer = world.send(request(), &body, looks).await;
        world.gate.drain().await;
        let again = world.send(request(), &body, FOREVER).await.unwrap();
        assert!(!world.is_stored(&cookie).await, "hung up at look {looks}");
        if again.status() == 200 {
            // The first time it was not even begun.
            not_at_all += 1;
            assert!(answer.is_none());
        }
        if let Some(answer) = answer {
            assert_eq!(
                (answer.status().as_u16(), again.status().as_u16()),
                (200, 400)
            );
            assert!(not_at_all < looks - 3, "there is an await to hang up at");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_logout_in_a_frame_that_has_begun_is_carried_out() {
    let world = world();
    for looks in 1.. {
        let (session, cookie) = world.signed_in(looks as u8).await;
        let request = Request::get("/frontchannel-logout")
            .header(header::COOKIE, &cookie)
            .header("sec-fetch-dest", "iframe");
        let answer = world.send(request.body(()).unwrap(), "", looks).await;
        world.gate.drain().await;
        // It is known whose session it is once the store has said so.
        let (gone, ended) = (
            !world.is_stored(&cookie).await,
            world.gate.0.renewals.has_ended(&session),
        );
        assert_eq!(gone, ended, "hung up at look {looks}");
        if answer.is_some() {
            assert!(gone && looks > 3);
            return;
        }
    }
}

/// Dropped at each await from the first look at the provider's answer to the last.
#[tokio::test(start_paused = true)]
async fn a_login_replaces_the_session_before_altogether_or_not_at_all() {
    let world = world();
    world.gate.warm_up().await.unwrap();
    for looks in 1.. {
        let (before, cookie) = world.signed_in(looks as u8).await;
        let login = Request::get("/login").header(header::COOKIE, &cookie);
        let login = world
            .send(login.body(()).unwrap(), "", FOREVER)
            .await
            .unwrap();
        let to = Url::parse(login.headers()[header::LOCATION].to_str().unwrap()).unwrap();
        let sent = |name: &str| {
            let mut pairs = to.query_pairs();
            pairs
                .find(|(found, _)| found == name)
                .unwrap()
                .1
                .into_owned()
        };
        *world.provider.nonce.lock().unwrap() = sent("nonce");
        let pending = login.headers()[header::SET_COOKIE].to_str().unwrap();
        let pending = pending.split(';').next().unwrap();
        assert!(pending.contains(&suffix_of(&sent("state"))));

        // A cross-site POST: the session's cookie stays at home.
        let body = format!("code=c&state={}", sent("state"));
        let stored = sessions_of_alice(&world).await;
        let answer = world.send(post("/callback", pending), &body, looks).await;
        world.gate.drain().await;
        let begun = sessions_of_alice(&world).await > stored;
        assert_eq!(begun, !world.is_stored(&cookie).await, "look {looks}");
        assert_eq!(begun, world.gate.0.renewals.has_ended(&before));
        if let Some(answer) = answer {
            assert_eq!((answer.status().as_u16(), begun), (303, true));
            assert!(looks > 8, "there is an await to hang up at");
            return;
        }
    }
}

/// How many sessions of Alice, who is the one who logs in, the store has.
async fn sessions_of_alice(world: &World) -> usize {
    let keys = &world.gate.0.keys;
    let name = keys.names(&["sub", "https://op.example", "alice"]).next();
    let found = world.store.find(&StoredName::Sub(name.unwrap()), NOW).await;
    found.unwrap().unwrap().len()
}

/// Strangers who sign out with cookies they have made up.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_is_not_asked_more_for_every_stranger_who_knocks() {
    let world = world();
    world.gate.warm_up().await.unwrap();
    let (_, hers) = world.signed_in(1).await;
    world.store.down.store(true, Ordering::SeqCst);
    let name = hers.split('=').next().unwrap();
    let before = world.store.calls();
    for number in 0..200_u8 {
        let ticket = Ticket::from_bytes([number; 32]).text();
        let cookie = format!("{name}={ticket}");
        for _ in 0..2 {
            let answer = world.send(post("/logout", &cookie), "", FOREVER).await;
            assert_eq!(answer.unwrap().status(), 303);
        }
    }
    let answer = world.send(post("/logout", &hers), "", FOREVER).await;
    assert_eq!(answer.unwrap().status(), 303);
    assert_eq!(world.store.calls() - before, 401, "one look each");

    // The minute in which the store is told again, whoever came.
    let knocked = world.store.calls();
    world.gate.drain().await;
    let told = world.store.calls() - knocked;
    assert!((10..=25).contains(&told), "{told} further calls");
}

/// The logout of somebody who was signed in reaches the store, whatever strangers do meanwhile.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_back_hears_of_every_end_it_has_missed() {
    let world = world();
    world.gate.warm_up().await.unwrap();
    let mut cookies = Vec::new();
    for number in 1..=50 {
        cookies.push(world.signed_in(number).await.1);
    }
    world.store.down.store(true, Ordering::SeqCst);
    for cookie in &cookies {
        world.send(post("/logout", cookie), "", FOREVER).await;
    }
    world.store.down.store(false, Ordering::SeqCst);
    world.gate.drain().await;
    for cookie in &cookies {
        assert!(!world.is_stored(cookie).await);
    }
}
