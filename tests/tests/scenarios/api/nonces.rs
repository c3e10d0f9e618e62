//! Nonces of the API itself for the proofs of its clients (RFC 9449 §9), and proofs that nodes remember together (§11.1).

use std::sync::Arc;

use latchgate::{ApiBuilder, MemoryStore, ProofNonces, ProtectedResource, SessionKey, Usage};
use latchgate_dev_provider::Client;
use latchgate_tests::app::api::{AUDIENCE, ApiServer};
use latchgate_tests::{Browser, Failure, Page, Setup, SharedStore, World, scenarios};
use serde_json::json;

use super::proofs::{DpopClient, claims, prove};
use super::{Issuer, es256, for_the_api};

scenarios!(
    a_proof_needs_a_nonce_of_the_api,
    a_nonce_ends_and_a_newer_one_comes_before,
    nobody_else_makes_a_nonce,
    nodes_with_the_same_keys_accept_each_others_nonces,
    bearer_tokens_need_none,
    a_gate_makes_nonces_with_its_session_keys,
    a_proof_is_used_once_on_all_nodes,
    an_unreachable_store_lets_no_proof_pass,
);

const KEY: [u8; 32] = *b"latchgate tests: keys of nonces.";

fn with_nonces(resource: ProtectedResource) -> ProtectedResource {
    resource.proof_nonces(ProofNonces::Required)
}

fn keys(api: ApiBuilder) -> ApiBuilder {
    api.session_keys([SessionKey::from_bytes(KEY)])
}

/// A client of an API, with a token that is bound to its key.
struct Caller<'a> {
    world: &'a World,
    api: &'a ApiServer,
    client: Browser,
    dpop: Arc<DpopClient>,
    token: String,
}

impl<'a> Caller<'a> {
    fn new(world: &'a World, api: &'a ApiServer) -> Result<Self, Failure> {
        let dpop = Arc::new(DpopClient::new()?);
        let token = Issuer::new(world)?.token(&dpop.cnf());
        let client = api.client()?;
        Ok(Self {
            world,
            api,
            client,
            dpop,
            token,
        })
    }

    /// The same client at another node.
    fn at(&self, api: &'a ApiServer) -> Result<Self, Failure> {
        let (dpop, token) = (Arc::clone(&self.dpop), self.token.clone());
        let client = api.client()?;
        Ok(Self {
            world: self.world,
            api,
            client,
            dpop,
            token,
        })
    }

    /// A proof that has a nonce, or none.
    fn proof(&self, jti: &str, nonce: Option<&str>) -> String {
        let now = self.world.clock.now();
        let good = claims(&self.api.address, &self.token, jti, now);
        let nonce = nonce.map_or(json!({}), |nonce| json!({ "nonce": nonce }));
        self.dpop.proof(&good, &json!({}), &nonce)
    }

    async fn call(&self, jti: &str, nonce: Option<&str>) -> Result<Page, Failure> {
        prove(&self.client, "/me", &self.token, &self.proof(jti, nonce)).await
    }
}

/// The nonce that an answer hands out, and that no cache may keep.
fn handed_out(page: &Page) -> Option<String> {
    let nonce = page.headers.get("dpop-nonce")?;
    assert!(page.header("cache-control").ends_with("no-store"), "{page}");
    Some(nonce.to_str().unwrap_or_default().to_owned())
}

/// The nonce of an answer that demands one.
fn demanded(page: &Page) -> Result<String, Failure> {
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "dpop_nonce"),
        "{page}"
    );
    let challenges: Vec<_> = page
        .headers
        .get_all("www-authenticate")
        .into_iter()
        .collect();
    assert_eq!(challenges.len(), 1, "no other scheme would do: {page}");
    assert!(
        challenges[0]
            .as_bytes()
            .starts_with(b"DPoP error=\"use_dpop_nonce\""),
        "{page}"
    );
    Ok(handed_out(page).ok_or("there is no nonce")?)
}

async fn a_proof_needs_a_nonce_of_the_api(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let api = world.api(with_nonces(es256()), keys).await?;
    let caller = Caller::new(&world, &api)?;
    let nonce = demanded(&caller.call("1", None).await?)?;
    let page = caller.call("2", Some(&nonce)).await?;
    assert_eq!(page.json(200)?["sub"], "alice");
    assert_eq!(handed_out(&page), None, "it has the newest");
    // It may be used again, and a proof may not.
    assert_eq!(caller.call("3", Some(&nonce)).await?.status, 200);
    let again = caller.call("3", Some(&nonce)).await?;
    assert_eq!(again.code(), "dpop_proof_replayed");
    // A proof that has something else wrong learns nothing of nonces.
    let page = prove(
        &caller.client,
        "/who",
        &caller.token,
        &caller.proof("4", None),
    )
    .await?;
    assert_eq!(
        (page.code().as_str(), handed_out(&page)),
        ("dpop_proof", None)
    );
    Ok(())
}

async fn a_nonce_ends_and_a_newer_one_comes_before(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let api = world.api(with_nonces(es256()), keys).await?;
    let caller = Caller::new(&world, &api)?;
    let first = demanded(&caller.call("1", None).await?)?;
    world.clock.pass(60);
    let page = caller.call("2", Some(&first)).await?;
    let second = handed_out(&page).ok_or("no newer nonce came with the answer")?;
    assert_eq!(page.status, 200);
    assert_ne!(first, second);
    world.clock.pass(240);
    let third = demanded(&caller.call("3", Some(&first)).await?)?;
    // The one that came in time is still good.
    assert_eq!(caller.call("4", Some(&second)).await?.status, 200);
    assert_eq!(caller.call("5", Some(&third)).await?.status, 200);
    Ok(())
}

async fn nobody_else_makes_a_nonce(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let api = world.api(with_nonces(es256()), keys).await?;
    let other = world
        .api(with_nonces(es256()), |api| {
            api.session_keys([SessionKey::from_bytes(*b"latchgate tests: other nonce key")])
        })
        .await?;
    let caller = Caller::new(&world, &api)?;
    let nonce = demanded(&caller.call("1", None).await?)?;
    let foreign = demanded(&caller.at(&other)?.call("2", None).await?)?;
    let mut flipped = nonce.clone().into_bytes();
    flipped[5] = if flipped[5] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped)?;
    for (number, forged) in ["x", "", &foreign, &flipped, &format!("{nonce}A")]
        .iter()
        .enumerate()
    {
        let page = caller
            .call(&format!("forged {number}"), Some(forged))
            .await?;
        assert_eq!(demanded(&page)?, nonce, "{forged}");
    }
    let number = json!({ "nonce": 7 });
    let good = claims(&api.address, &caller.token, "number", world.clock.now());
    let proof = caller.dpop.proof(&good, &json!({}), &number);
    demanded(&prove(&caller.client, "/me", &caller.token, &proof).await?)?;
    Ok(())
}

async fn nodes_with_the_same_keys_accept_each_others_nonces(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let site = "https://api.example.com";
    let node = |api: ApiBuilder| keys(api).base_url(site);
    let one = world.api(with_nonces(es256()), node).await?;
    let two = world.api(with_nonces(es256()), node).await?;
    let caller = Caller::new(&world, &one)?;
    let at = |jti: &str, nonce: Option<&str>| {
        let good = claims(site, &caller.token, jti, world.clock.now());
        let nonce = nonce.map_or(json!({}), |nonce| json!({ "nonce": nonce }));
        caller.dpop.proof(&good, &json!({}), &nonce)
    };
    let page = prove(&caller.client, "/me", &caller.token, &at("1", None)).await?;
    let nonce = demanded(&page)?;
    let proof = at("2", Some(&nonce));
    let page = prove(&two.client()?, "/me", &caller.token, &proof).await?;
    assert_eq!(page.status, 200, "{page}");
    Ok(())
}

async fn bearer_tokens_need_none(setup: Setup) -> Result<(), Failure> {
    let world = for_the_api(setup).start().await?;
    let api = world
        .api(with_nonces(ProtectedResource::new(AUDIENCE)), keys)
        .await?;
    let token = super::access_token(&world).await?;
    let page = super::present(&api.client()?, "/me", &format!("Bearer {token}")).await?;
    assert_eq!((page.status, handed_out(&page)), (200, None));
    Ok(())
}

async fn a_gate_makes_nonces_with_its_session_keys(setup: Setup) -> Result<(), Failure> {
    let world = for_the_api(setup)
        .registration(|provider| provider.dpop(Usage::Always))
        .provider(|provider| provider.client(Client::development().dpop_bound_access_tokens()))
        .gate(|gate| gate.api(with_nonces(ProtectedResource::new(AUDIENCE))))
        .start()
        .await?;
    let browser = world.signed_in().await?;
    // The application calls itself, with the token of the session: it is told the nonce, and takes it.
    let url = format!("/as-user?base={}&path=/me", world.address);
    for _ in 0..2 {
        let page = browser.fetch("GET", &url).await?;
        assert!(
            page.body.starts_with("200 ") && page.body.contains("alice"),
            "{page}"
        );
    }
    Ok(())
}

/// An API whose nodes remember the proofs that were used in this store.
fn remembering(store: &SharedStore) -> ProtectedResource {
    es256().proofs_in(store.clone())
}

async fn a_proof_is_used_once_on_all_nodes(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let store = SharedStore::new(MemoryStore::default());
    let site = "https://api.example.com";
    let node = |api: ApiBuilder| api.base_url(site);
    let one = world.api(remembering(&store), node).await?;
    let two = world.api(remembering(&store), node).await?;
    let alone = world.api(es256(), node).await?;
    let caller = Caller::new(&world, &one)?;
    let good = claims(site, &caller.token, "1", world.clock.now());
    let proof = caller.dpop.proof(&good, &json!({}), &json!({}));
    let at = async |api: &ApiServer| -> Result<(u16, String), Failure> {
        let page = prove(&api.client()?, "/me", &caller.token, &proof).await?;
        Ok((
            page.status,
            if page.status == 200 {
                String::new()
            } else {
                page.code()
            },
        ))
    };
    let replayed = (401, "dpop_proof_replayed".to_owned());
    assert_eq!(at(&one).await?.0, 200);
    assert_eq!(at(&two).await?, replayed);
    assert_eq!(at(&one).await?, replayed);
    // A node that shares nothing remembers only what it has seen.
    assert_eq!(at(&alone).await?.0, 200);
    Ok(())
}

async fn an_unreachable_store_lets_no_proof_pass(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let store = SharedStore::new(MemoryStore::default());
    let api = world.api(remembering(&store), |api| api).await?;
    let caller = Caller::new(&world, &api)?;
    store.set_down(true);
    let page = caller.call("1", None).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (503, "store_unavailable")
    );
    store.set_down(false);
    assert_eq!(caller.call("2", None).await?.status, 200);
    Ok(())
}
