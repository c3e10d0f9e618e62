//! Tokens that are bound to a key of the session, and the proofs that go with them (RFC 9449).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use latchgate::{Usage, UserinfoPolicy};
use latchgate_dev_provider::{
    Answer, Client, DevProviderBuilder, DpopNonces, Endpoint, RecordedRequest,
};
use latchgate_tests::{Browser, Failure, Setup, Transcript, World, jwt_part, scenarios};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

scenarios!(
    a_client_without_it_sends_no_proof,
    the_code_and_the_tokens_are_bound_to_one_key_for_each_login,
    bearer_tokens_are_no_substitute,
    token_types_and_schemes_are_compared_without_case,
    a_nonce_that_never_fits_is_tried_once,
    two_hundred_people_race_for_nonces,
    no_proof_and_no_key_is_told;
    in either keeping:
    login_refresh_and_calls_work_with_and_without_nonces,
    sessions_that_began_without_stay_as_they_are,
);

fn bound(setup: Setup) -> Setup {
    setup
        .registration(|registration| {
            registration
                .dpop(Usage::Always)
                .userinfo(UserinfoPolicy::Always)
        })
        .provider(|provider| provider.client(Client::development().dpop_bound_access_tokens()))
}

fn with_nonces(provider: DevProviderBuilder) -> DevProviderBuilder {
    provider.dpop_nonces(DpopNonces::Once)
}

/// Header and claims of the proof of the newest request to an endpoint.
fn proof(world: &World, endpoint: Endpoint) -> Result<(Value, Value), Failure> {
    let request = world.provider.last_request(endpoint);
    let request = request.ok_or("the endpoint was not called")?;
    let proof = request.header("dpop").ok_or("there is no proof")?;
    Ok((jwt_part(proof, 0)?, jwt_part(proof, 1)?))
}

async fn call(world: &World, browser: &Browser) -> Result<String, Failure> {
    let url = format!("/call?{}/userinfo", world.provider.issuer());
    let page = browser.fetch("GET", &url).await?;
    assert_eq!(page.status, 200, "{page}");
    Ok(page.body)
}

async fn a_client_without_it_sends_no_proof(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let is_free = |request: Option<RecordedRequest>| {
        request.is_some_and(|request| request.header("dpop").is_none())
    };
    assert!(is_free(world.provider.last_request(Endpoint::Token)));
    assert_eq!(world.token(&browser).await?["token_type"], "Bearer");
    let said = call(&world, &browser).await?;
    assert!(said.starts_with("200 ") && said.contains("alice"), "{said}");
    assert!(is_free(world.provider.last_request(Endpoint::Userinfo)));
    Ok(())
}

async fn login_refresh_and_calls_work_with_and_without_nonces(setup: Setup) -> Result<(), Failure> {
    for nonces in [DpopNonces::Absent, DpopNonces::Once] {
        let setup = bound(setup.clone()).provider(move |provider| provider.dpop_nonces(nonces));
        let world = setup.start().await?;
        let browser = world.signed_in().await?;
        for _ in 0..3 {
            let before = world.token(&browser).await?;
            assert_eq!(before["token_type"], "DPoP");
            assert_eq!(browser.fetch("POST", "/refresh").await?.status, 200);
            assert_ne!(
                world.token(&browser).await?["access_token"],
                before["access_token"]
            );
            let said = call(&world, &browser).await?;
            assert!(said.starts_with("200 ") && said.contains("alice"), "{said}");
        }
        // The first request of each kind is refused for want of a nonce, and none after it.
        let repeated = usize::from(nonces == DpopNonces::Once);
        assert_eq!(world.calls(Endpoint::Token), 4 + repeated);
        assert_eq!(world.calls(Endpoint::Userinfo), 4 + 3 + repeated);
    }
    Ok(())
}

async fn the_code_and_the_tokens_are_bound_to_one_key_for_each_login(
    setup: Setup,
) -> Result<(), Failure> {
    let world = bound(setup).start().await?;
    let mut keys = BTreeSet::new();
    for _ in 0..2 {
        let start = world.browser()?.get("/me").await?.leads_to()?;
        let jkt = start.query_pairs().find(|(name, _)| name == "dpop_jkt");
        assert_eq!(jkt.map(|(_, jkt)| jkt.len()), Some(43), "{start}");
        let browser = world.signed_in().await?;
        let (header, claims) = proof(&world, Endpoint::Token)?;
        assert_eq!(
            (&header["typ"], &header["alg"]),
            (&json!("dpop+jwt"), &json!("ES256"))
        );
        assert!(header["jwk"].get("d").is_none(), "{header}");
        assert_eq!(claims["htm"], "POST");
        assert_eq!(claims["htu"], format!("{}/token", world.provider.issuer()));
        assert!(claims.get("ath").is_none(), "{claims}");
        keys.insert(header["jwk"].to_string());
        let (of_userinfo, claims) = proof(&world, Endpoint::Userinfo)?;
        assert_eq!(
            (&claims["htm"], &of_userinfo["jwk"]),
            (&json!("GET"), &header["jwk"])
        );
        assert!(claims["ath"].is_string(), "{claims}");
        let used = world.provider.last_request(Endpoint::Userinfo);
        let used = used.ok_or("userinfo was not called")?;
        assert!(
            used.header("authorization")
                .is_some_and(|field| field.starts_with("DPoP "))
        );
        browser.fetch("POST", "/refresh").await?;
        assert_eq!(proof(&world, Endpoint::Token)?.0["jwk"], header["jwk"]);
        let token = world.token(&browser).await?["access_token"].clone();
        let bound_to = jwt_part(token.as_str().unwrap_or_default(), 1)?["cnf"]["jkt"].clone();
        assert!(bound_to.is_string());
    }
    assert_eq!(keys.len(), 2);
    Ok(())
}

async fn bearer_tokens_are_no_substitute(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = bound(setup).start().await?;
    world
        .mischief()
        .on_token_response(|response| response["token_type"] = json!("Bearer"));
    let page = world.browser()?.open("/me").await?;
    assert_eq!((page.status, page.code().as_str()), (502, "token_response"));
    let said = transcript.text();
    assert!(said.contains("is `Bearer` instead of `DPoP`"), "{said}");

    // Nor in a refresh: the session keeps what it has.
    world.mischief().clear();
    let browser = world.signed_in().await?;
    let before = world.token(&browser).await?;
    world
        .mischief()
        .on_token_response(|response| response["token_type"] = json!("Bearer"));
    let refused = browser.fetch("POST", "/refresh").await?;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "refresh_unavailable")
    );
    assert_eq!(
        world.token(&browser).await?["access_token"],
        before["access_token"]
    );
    Ok(())
}

async fn token_types_and_schemes_are_compared_without_case(setup: Setup) -> Result<(), Failure> {
    let world = bound(setup).provider(with_nonces).start().await?;
    world
        .mischief()
        .on_token_response(|response| response["token_type"] = json!("dpOp"));
    world.mischief().on_challenge(|challenge| {
        *challenge = challenge.replace("DPoP", "dPoP");
    });
    let browser = world.signed_in().await?;
    let said = call(&world, &browser).await?;
    assert!(said.starts_with("200 "), "{said}");
    Ok(())
}

async fn a_nonce_that_never_fits_is_tried_once(setup: Setup) -> Result<(), Failure> {
    let world = bound(setup).provider(with_nonces).start().await?;
    let wanted = json!({ "error": "use_dpop_nonce" });
    let browser = world.signed_in().await?;
    world.provider.reset_calls();
    // Without a nonce to try, there is no second attempt.
    let answer = Answer::json(http::StatusCode::BAD_REQUEST, &wanted);
    world.mischief().answer(Endpoint::Token, answer);
    let page = world.browser()?.open("/me").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (502, "token_request_refused")
    );
    assert_eq!(world.calls(Endpoint::Token), 1);
    world.mischief().clear();

    // An API that is never content: its answer is passed on.
    world.mischief().on_challenge(|challenge| {
        *challenge = "DPoP error=\"use_dpop_nonce\"".to_owned();
    });
    world.provider.revoke_access_tokens();
    world.provider.reset_calls();
    let said = call(&world, &browser).await?;
    assert!(said.starts_with("401 "), "{said}");
    assert_eq!(world.calls(Endpoint::Userinfo), 2);
    Ok(())
}

async fn two_hundred_people_race_for_nonces(setup: Setup) -> Result<(), Failure> {
    let world = Arc::new(bound(setup).provider(with_nonces).start().await?);
    let mut people = JoinSet::new();
    let failures = Arc::new(Mutex::new(Vec::new()));
    // As many at once as two cores answer in time.
    let at_once = Arc::new(Semaphore::new(50));
    for _ in 0..200 {
        let (world, failures) = (Arc::clone(&world), Arc::clone(&failures));
        let at_once = Arc::clone(&at_once);
        people.spawn(async move {
            let journey = async {
                let _turn = at_once.acquire().await?;
                let browser = world.signed_in().await?;
                for _ in 0..2 {
                    let refreshed = browser.fetch("POST", "/refresh").await?;
                    assert_eq!(refreshed.status, 200, "{refreshed}");
                    let said = call(&world, &browser).await?;
                    assert!(said.starts_with("200 "), "{said}");
                }
                Ok::<(), Failure>(())
            };
            if let Err(failure) = journey.await
                && let Ok(mut failures) = failures.lock()
            {
                failures.push(failure.to_string());
            }
        });
    }
    while let Some(person) = people.join_next().await {
        person?;
    }
    let failures = failures.lock().map_err(|_| "a person panicked")?;
    assert!(failures.is_empty(), "{failures:?}");
    // A login and two refreshes, each sent twice at most.
    let calls = world.calls(Endpoint::Token);
    assert!((600..=1_200).contains(&calls), "{calls}");
    Ok(())
}

async fn no_proof_and_no_key_is_told(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = bound(setup).start().await?;
    let browser = world.signed_in().await?;
    call(&world, &browser).await?;
    let request = world.provider.last_request(Endpoint::Userinfo);
    let request = request.ok_or("userinfo was not called")?;
    let proof = request.header("dpop").unwrap_or_default();
    let said = transcript.text();
    assert!(!proof.is_empty() && !said.contains(proof), "{said}");
    Ok(())
}

async fn sessions_that_began_without_stay_as_they_are(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let after = world
        .neighbour(|setup| setup.registration(|registration| registration.dpop(Usage::Always)))
        .await?;
    let browser = after.lead(browser);
    assert_eq!(after.token(&browser).await?["token_type"], "Bearer");
    assert_eq!(browser.fetch("POST", "/refresh").await?.status, 200);
    assert_eq!(after.token(&browser).await?["token_type"], "Bearer");
    let fresh = after.signed_in().await?;
    assert_eq!(after.token(&fresh).await?["token_type"], "DPoP");
    Ok(())
}
