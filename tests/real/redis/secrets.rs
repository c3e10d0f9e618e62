//! What somebody reads who reads all of Redis: nothing about anybody.

use base64_simd::URL_SAFE_NO_PAD;
use latchgate_redis::RedisStore;
use latchgate_tests::{Framework, Setup};

use crate::case::Failure;

use super::server::Redis;

/// So many bytes of a secret in a row are no chance.
const TELLING: usize = 12;

/// Alice signs in, and nothing of her can be read; she signs out, and nothing is left.
pub(crate) async fn case() -> Result<(), Failure> {
    let server = Redis::start(&[]).await?;
    let url = server.url();
    let store = RedisStore::open(&url)?;
    let store = std::sync::Mutex::new(Some(store));
    let world = Setup::new(Framework::Tower)
        .gate(
            move |gate| match store.lock().ok().and_then(|mut store| store.take()) {
                Some(store) => gate.store(store),
                None => gate,
            },
        )
        .start()
        .await?;
    let browser = world.signed_in().await?;
    let cookie = browser
        .cookie(world.session_cookie())
        .ok_or("no session cookie")?;
    let token = world.token(&browser).await?;
    let token = token["access_token"].as_str().ok_or("no access token")?;

    let dump = server.dump().await?;
    ensure!(dump.len() > 10, "almost nothing is there: {}", dump.len());
    let opened = URL_SAFE_NO_PAD
        .decode_to_vec(cookie.rsplit('.').next().unwrap_or(&cookie))
        .unwrap_or_default();
    for (what, secret) in [
        ("the subject", &b"alice"[..]),
        ("the issuer", world.provider.issuer().as_bytes()),
    ] {
        ensure!(!holds(&dump, secret), "{what} can be read");
    }
    for (what, secret) in [
        ("the cookie", cookie.as_bytes()),
        ("the cookie's bytes", &opened),
        ("the access token", token.as_bytes()),
    ] {
        ensure!(secret.len() >= TELLING, "{what} is empty");
        let told = secret.windows(TELLING).any(|part| holds(&dump, part));
        ensure!(!told, "a piece of {what} can be read");
    }

    let logout = browser.request("POST", "/logout").navigation("same-origin");
    logout.send().await?;
    let left = server.dump().await?;
    ensure!(left.is_empty(), "{} things are left", left.len());
    Ok(())
}

fn holds(dump: &[Vec<u8>], part: &[u8]) -> bool {
    dump.iter()
        .any(|item| item.windows(part.len()).any(|window| window == part))
}
