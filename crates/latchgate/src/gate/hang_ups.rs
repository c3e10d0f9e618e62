//! Browsers and providers that close the connection, and requests from strangers while the store is down: at whichever
//! await a request is dropped, nothing is left half done, and no cost is unbounded.

mod world;

use std::sync::atomic::Ordering;

use http::{Request, header};
use serde_json::json;
use tokio::task::yield_now;
use url::Url;

use crate::authorization::suffix_of;
use crate::sessions::Lookup;
use crate::store::{SessionStore, StoredName};
pub(crate) use world::SlowStore;
use world::{NOW, World, signed, world};

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
        assert!(world.gate.sessions().refreshes().has_ended(&session, NOW));
        let revocations = world.provider.revocations.load(Ordering::SeqCst);
        assert_eq!(revocations, looks);
        if answer.is_some() {
            assert!(looks > 3, "there is an await to hang up at");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_logout_token_is_processed_altogether_or_not_at_all() {
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
            // At the first poll, it has not even begun.
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
        // The person is known only once the store has answered.
        let (gone, ended) = (
            !world.is_stored(&cookie).await,
            world.gate.sessions().refreshes().has_ended(&session, NOW),
        );
        assert_eq!(gone, ended, "hung up at look {looks}");
        if answer.is_some() {
            assert!(gone && looks > 3);
            return;
        }
    }
}

/// Starts a login in a browser with this cookie. Returns what it brings back from the provider: the login's cookie, and
/// the form of a cross-site POST, which is sent without the session's cookie.
async fn come_back(world: &World, cookie: &str) -> (String, String) {
    let login = Request::get("/login").header(header::COOKIE, cookie);
    let login = world
        .send(login.body(()).unwrap(), "", FOREVER)
        .await
        .unwrap();
    let to = Url::parse(login.headers()[header::LOCATION].to_str().unwrap()).unwrap();
    let sent = |name: &str| {
        let mut pairs = to.query_pairs();
        let (_, value) = pairs.find(|(found, _)| found == name).unwrap();
        value.into_owned()
    };
    *world.provider.nonce.lock().unwrap() = sent("nonce");
    let pending = login.headers()[header::SET_COOKIE].to_str().unwrap();
    let pending = pending.split(';').next().unwrap();
    assert!(pending.contains(&suffix_of(&sent("state"))));
    (
        pending.to_owned(),
        format!("code=c&state={}", sent("state")),
    )
}

/// Dropped at each await from the first poll of the provider's response to the last. The issued tokens are not lost.
#[tokio::test(start_paused = true)]
async fn a_login_replaces_the_session_before_altogether_or_not_at_all() {
    let world = world();
    world.gate.warm_up().await.unwrap();
    for looks in 1.. {
        let (before, cookie) = world.signed_in(looks as u8).await;
        let (pending, body) = come_back(&world, &cookie).await;
        let stored = sessions_of_alice(&world).await;
        let answer = world.send(post("/callback", &pending), &body, looks).await;
        world.gate.drain().await;
        let begun = sessions_of_alice(&world).await;
        assert_eq!(begun > stored, !world.is_stored(&cookie).await, "{looks}");
        assert_eq!(
            begun > stored,
            world.gate.sessions().refreshes().has_ended(&before, NOW)
        );
        assert_eq!(begun, world.provider.issued.load(Ordering::SeqCst));
        if let Some(answer) = answer {
            assert_eq!((answer.status().as_u16(), begun > stored), (303, true));
            assert!(looks > 8, "there is an await to hang up at");
            return;
        }
    }
}

/// All sessions of the person end at each await of their login. Afterwards there is none, and no token either.
#[tokio::test(start_paused = true)]
async fn no_login_outruns_the_end_of_all_sessions() {
    let world = world();
    world.gate.warm_up().await.unwrap();
    for looks in 1.. {
        let (_, cookie) = world.signed_in(looks as u8).await;
        let (pending, body) = come_back(&world, &cookie).await;
        let mut signing_in = world.start(post("/callback", &pending), &body);
        let mut answer = None;
        for _ in 0..looks {
            if let std::task::Poll::Ready(answered) = futures_util::poll!(&mut signing_in) {
                answer = Some(answered);
                break;
            }
            yield_now().await;
        }
        let ended = world.gate.end_sessions_of("https://op.example", "alice");
        ended.await.unwrap();
        let was_done = answer.is_some();
        let answer = match answer {
            Some(answer) => answer,
            None => signing_in.await,
        };
        world.gate.drain().await;
        assert_eq!(sessions_of_alice(&world).await, 0, "ended at look {looks}");
        assert!([303, 401].contains(&answer.status().as_u16()));
        if was_done {
            assert!(looks > 8, "there is an await to end it at");
            return;
        }
    }
}

/// The number of sessions in the store of Alice, who is signing in.
async fn sessions_of_alice(world: &World) -> usize {
    let keys = &world.gate.0.keys;
    let name = keys.names(&["sub", "https://op.example", "alice"]).next();
    let found = world.store.find(&StoredName::Sub(name.unwrap()), NOW).await;
    found.unwrap().unwrap().len()
}

/// Strangers sign out with invented cookies, and one person signs out again and again.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_is_not_asked_more_for_every_stranger_who_knocks() {
    let world = world();
    world.gate.warm_up().await.unwrap();
    let (_, hers) = world.signed_in(1).await;
    world.store.down.store(true, Ordering::SeqCst);
    let name = hers.split('=').next().unwrap();
    let before = world.store.calls();
    for number in 0..200_u8 {
        let invented = base64_simd::URL_SAFE_NO_PAD.encode_to_string([number; 32]);
        let cookie = format!("{name}={invented}");
        let answer = world.send(post("/logout", &cookie), "", FOREVER).await;
        assert_eq!(answer.unwrap().status(), 303);
    }
    assert_eq!(
        world.store.calls(),
        before,
        "the store is not called for an invented cookie"
    );
    // Whoever has a cookie can send it any number of times.
    for _ in 0..200 {
        let answer = world.send(post("/logout", &hers), "", FOREVER).await;
        assert_eq!(answer.unwrap().status(), 303);
    }
    assert_eq!(world.store.calls() - before, 200, "one call each");

    // The end is retried for a minute, however often it was requested.
    let knocked = world.store.calls();
    world.gate.drain().await;
    let told = world.store.calls() - knocked;
    assert!((10..=25).contains(&told), "{told} further calls");
}

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
    // Each has ended as it would have with a working store.
    assert_eq!(world.provider.revocations.load(Ordering::SeqCst), 50);
}

/// The store loads the session, and fails when it is to remove it.
#[tokio::test(start_paused = true)]
async fn an_end_that_a_store_was_asked_for_again_is_not_forgotten() {
    let world = world();
    world.gate.warm_up().await.unwrap();
    let (_, cookie) = world.signed_in(1).await;
    world.store.down.store(true, Ordering::SeqCst);
    world.send(post("/logout", &cookie), "", FOREVER).await;
    world.store.down.store(false, Ordering::SeqCst);
    world.store.failing_removals.store(2, Ordering::SeqCst);
    // The store still has it.
    let sessions = world.gate.sessions();
    let pieces = sessions.pieces([cookie.as_bytes()].into_iter());
    let found = sessions.find(sessions.open(&pieces)).await.unwrap();
    assert!(matches!(found, Lookup::NotFound), "{found:?}");
    world.gate.drain().await;
    assert!(!world.is_stored(&cookie).await);
    assert_eq!(world.provider.revocations.load(Ordering::SeqCst), 1);
}
