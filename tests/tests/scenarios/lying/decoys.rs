//! Key sets in which many keys have the name of the right one, as those of the FAPI test plans: of other algorithms, for
//! encryption, on another curve, of a kind that nobody knows. The right one is found among them, and no other will do.

use latchgate::{Algorithm, ClientKey};
use latchgate_dev_provider::{Endpoint, Forgery, SigningAlg};
use latchgate_tests::{Failure, Setup, World, scenarios};
use serde_json::{Value, json};

use super::{nobody_is_signed_in, was_refused};

scenarios!(
    the_right_key_is_found_among_its_namesakes,
    namesakes_that_do_not_fit_are_refused,
);

const STRANGE: &str =
    include_str!("../../../../crates/latchgate/src/jose/private_key/tests/rsa.pkcs8.pem");

/// Who signs ID tokens, and what the application expects.
const SIGNERS: [(SigningAlg, Algorithm); 4] = [
    (SigningAlg::Rs256, Algorithm::Rs256),
    (SigningAlg::Ps256, Algorithm::Ps256),
    (SigningAlg::Es256, Algorithm::Es256),
    (SigningAlg::EdDsa, Algorithm::EdDsa),
];

/// A provider that signs by one algorithm.
async fn signing(setup: &Setup, (theirs, ours): (SigningAlg, Algorithm)) -> Result<World, Failure> {
    let setup = setup
        .clone()
        .provider(move |provider| provider.id_token_alg(theirs))
        .registration(move |registration| registration.id_token_alg(ours));
    setup.start().await
}

/// Replaces the set: first keys of every kind with the right one's name, then what is made of the right one itself.
fn crowd(
    world: &World,
    alg: SigningAlg,
    honest: impl Fn(Value) -> Option<Value> + Send + Sync + 'static,
) -> Result<(), Failure> {
    let strange: Value = serde_json::from_str(&ClientKey::from_pem(STRANGE)?.public_jwk())?;
    world.mischief().on_jwks(move |jwks| {
        let all = jwks["keys"].as_array().cloned().unwrap_or_default();
        let is_right = |key: &&Value| key["alg"] == alg.as_str() && key["use"] == "sig";
        let right = all.iter().find(is_right).cloned().unwrap_or_default();
        let others = all.iter().filter(|key| **key != right).cloned();
        // RSA keys sign by several algorithms: another name for the same key would be the right one.
        let others = others.filter(|key| key["n"].is_null() || key["n"] != right["n"]);
        let with = |changes: &[(&str, Value)]| {
            let mut key = right.clone();
            for (member, value) in changes {
                key[member] = value.clone();
            }
            key
        };
        let mut decoys: Vec<Value> = others.collect();
        decoys.extend([
            strange.clone(),
            with(&[("use", json!("enc"))]),
            with(&[("crv", json!("secp256k1"))]),
            with(&[("crv", json!("P-384")), ("kty", json!("EC"))]),
            with(&[("kty", json!("LATTICE"))]),
            with(&[("key_ops", json!(["encrypt"]))]),
            json!({ "kty": "oct", "k": "AAAA", "alg": "HS256" }),
            json!({ "kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA" }),
        ]);
        // A curve's name says nothing of an RSA key.
        decoys.retain(|key| key["kty"] != "RSA" || key["crv"].is_null());
        for decoy in &mut decoys {
            decoy["kid"] = right["kid"].clone();
        }
        decoys.extend(honest(right));
        jwks["keys"] = Value::Array(decoys);
    });
    Ok(())
}

async fn the_right_key_is_found_among_its_namesakes(setup: Setup) -> Result<(), Failure> {
    for signer in SIGNERS {
        let world = signing(&setup, signer).await?;
        crowd(&world, signer.0, Some)?;
        world.signed_in().await?;
        assert_eq!(world.calls(Endpoint::Jwks), 1, "{signer:?}");
        // They are no help to somebody else.
        world.mischief().sign_id_token_with(Forgery::OtherKey);
        let mut browser = world.browser()?;
        let page = world.visit(&mut browser, "/me").await?;
        was_refused(&page, 502, "id_token_signature")?;
    }
    Ok(())
}

async fn namesakes_that_do_not_fit_are_refused(setup: Setup) -> Result<(), Failure> {
    for signer in SIGNERS {
        let world = signing(&setup, signer).await?;
        crowd(&world, signer.0, |_| None)?;
        let mut browser = world.browser()?;
        let page = world.visit(&mut browser, "/me").await?;
        was_refused(&page, 502, "id_token_signature")?;
        nobody_is_signed_in(&world, &browser, &page).await?;
    }
    Ok(())
}
