//! The connection to Redis: lost, cut, refused; and whom it trusts.

use std::fs;

use futures_util::future::join_all;
use latchgate::store::{Lease, SessionStore};
use latchgate_redis::RedisStore;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::server::Redis;
use super::{LEASE, NOW, failure, prompt, record};
use crate::case::Failure;
use crate::child::free_port;
use crate::road::Road;

pub(super) async fn a_restart_is_not_noticed() -> Result<(), Failure> {
    let mut server = Redis::start(&[]).await?;
    let store = RedisStore::open(&server.url())?;
    let key = [1; 32];
    store.insert(&key, record(1, 60, 1), NOW).await?;
    let Lease::Granted { fence, .. } = store.lease(&key, LEASE, NOW).await? else {
        return Err("no lease".into());
    };
    server.stop();
    server.run().await?;
    let there = prompt(store.load(&key, NOW)).await?;
    ensure!(there == Some(record(1, 60, 1).loaded()), "lost: {there:?}");
    ensure!(
        prompt(store.lease(&key, LEASE, NOW)).await? == Lease::Held,
        "the lease was lost"
    );
    server.stop();
    server.run().await?;
    // It has forgotten the scripts.
    let replaced = prompt(store.replace(&key, 1, record(2, 60, 1), NOW)).await?;
    ensure!(replaced, "the generation was lost");
    let extended = store.extend_lease(&key, fence, LEASE, NOW).await?;
    ensure!(extended, "the lease was lost");
    Ok(())
}

pub(super) async fn without_a_server_calls_fail() -> Result<(), Failure> {
    let mut server = Redis::start(&[]).await?;
    let store = RedisStore::open(&server.url())?;
    let key = [1; 32];
    store.insert(&key, record(1, 60, 1), NOW).await?;
    server.stop();
    for _ in 0..3 {
        let told = failure(store.load(&key, NOW)).await?;
        ensure!(told.contains(&format!("{}/0", server.url())), "{told}");
        failure(store.remove(&key)).await?;
    }
    server.run().await?;
    let there = prompt(store.load(&key, NOW)).await?;
    ensure!(there.is_some(), "lost");
    // Somebody listens there, and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let store = RedisStore::open(&format!("redis://{}", silent.local_addr()?))?;
    let told = failure(store.load(&key, NOW)).await?;
    ensure!(told.contains("in time"), "{told}");
    Ok(())
}

pub(super) async fn a_cut_cable_is_not_noticed() -> Result<(), Failure> {
    let server = Redis::start(&[]).await?;
    let road = Road::to(server.port).await?;
    let store = RedisStore::open(&url_by(&road))?;
    store.insert(&[1; 32], record(1, 60, 1), NOW).await?;
    road.cut();
    let there = prompt(store.load(&[1; 32], NOW)).await?;
    ensure!(there.is_some(), "lost");
    Ok(())
}

pub(super) async fn all_calls_share_a_connection() -> Result<(), Failure> {
    let server = Redis::start(&[]).await?;
    let road = Road::to(server.port).await?;
    let store = RedisStore::open(&url_by(&road))?;
    for connections in [1, 2] {
        let keys: Vec<_> = (0..50).map(|key| [key; 32]).collect();
        let calls = keys.iter().map(|key| prompt(store.load(key, NOW)));
        for answer in join_all(calls).await {
            ensure!(answer?.is_none(), "a record that nobody wrote");
        }
        let made = road.connections();
        ensure!(made == connections, "{made} connections were made");
        // All calls of the second round lose theirs at once.
        road.lose_an_answer();
    }
    Ok(())
}

pub(super) async fn lost_answers_are_had_again() -> Result<(), Failure> {
    let server = Redis::start(&[]).await?;
    let road = Road::to(server.port).await?;
    let store = RedisStore::open(&url_by(&road))?;
    let key = [1; 32];
    // The server learns the scripts.
    store.insert(&[2; 32], record(1, 60, 1), NOW).await?;
    store.lease(&[2; 32], LEASE, NOW).await?;
    store.replace(&[2; 32], 7, record(1, 60, 1), NOW).await?;
    store.remove(&[2; 32]).await?;

    road.lose_an_answer();
    let inserted = prompt(store.insert(&key, record(1, 60, 1), NOW)).await?;
    ensure!(inserted && road.has_lost_it(), "inserted: {inserted}");
    let again = store.insert(&key, record(1, 60, 1), NOW).await?;
    ensure!(!again, "inserted twice");

    road.lose_an_answer();
    let lease = prompt(store.lease(&key, LEASE, NOW)).await?;
    let granted = matches!(lease, Lease::Granted { .. });
    ensure!(granted && road.has_lost_it(), "{lease:?}");
    ensure!(
        store.lease(&key, LEASE, NOW).await? == Lease::Held,
        "leased twice"
    );

    road.lose_an_answer();
    let replaced = prompt(store.replace(&key, 1, record(2, 60, 1), NOW)).await?;
    ensure!(replaced && road.has_lost_it(), "replaced: {replaced}");

    road.lose_an_answer();
    prompt(store.remove(&key)).await?;
    ensure!(road.has_lost_it(), "nothing was lost");
    ensure!(store.load(&key, NOW).await?.is_none(), "not removed");
    Ok(())
}

pub(super) async fn a_wrong_password_is_not_told() -> Result<(), Failure> {
    let server = Redis::start(&["--requirepass", "open sesame"]).await?;
    let url = |user: &str| format!("redis://{user}127.0.0.1:{}", server.port);
    let store = RedisStore::open(&url(":open%20sesame@"))?;
    store.insert(&[1; 32], record(1, 60, 1), NOW).await?;
    for user in ["", ":hunter2@", "hunter2:hunter2@"] {
        let store = RedisStore::open(&url(user))?;
        let told = failure(store.load(&[1; 32], NOW)).await?;
        ensure!(told.contains("user and password"), "{told}");
        ensure!(!format!("{told}{store:?}").contains("hunter2"), "{told}");
    }
    Ok(())
}

pub(super) async fn only_trusted_certificates() -> Result<(), Failure> {
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &ca)?;
    let plain = Redis::start(&[]).await?;
    let (key_file, file) = (plain.file("key.pem"), plain.file("certificate.pem"));
    fs::write(&key_file, key.serialize_pem())?;
    fs::write(&file, certificate.pem())?;
    let port = free_port()?;
    let (key_file, file) = (key_file.display().to_string(), file.display().to_string());
    let _tls = Redis::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &file,
        "--tls-key-file",
        &key_file,
        "--tls-auth-clients",
        "no",
    ])
    .await?;
    let url = format!("rediss://127.0.0.1:{port}");
    let store = RedisStore::open(&url)?.with_root_certificates(ca.pem().as_bytes())?;
    ensure!(
        prompt(store.insert(&[1; 32], record(1, 60, 1), NOW)).await?,
        "not inserted"
    );
    let told = failure(RedisStore::open(&url)?.load(&[1; 32], NOW)).await?;
    ensure!(told.contains("invalid peer certificate"), "{told}");
    Ok(())
}

/// The server's URL by a road.
fn url_by(road: &Road) -> String {
    format!("redis://127.0.0.1:{}", road.port)
}
