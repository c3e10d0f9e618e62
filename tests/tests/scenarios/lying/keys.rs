//! JWK Sets without a key that could be used, and sets that are none.

use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::{Failure, Setup, scenarios};
use serde_json::{Value, json};

use super::{
    Lie, all_are_refused, answers, honest_again, lie, nobody_is_signed_in, redirect, was_refused,
};

scenarios!(
    sets_without_a_usable_key_are_refused,
    answers_that_are_no_key_set_are_refused,
    a_set_without_the_right_key_is_no_help_to_a_forger,
    a_key_for_another_algorithm_is_not_used,
    odd_members_are_stepped_over,
);

const REFUSED: (u16, &str) = (502, "provider_keys");

/// Changes each member of the set; `None` removes it.
fn each(
    name: &'static str,
    told: (u16, &'static str),
    alter: impl Fn(Value) -> Option<Value> + Clone + Send + Sync + 'static,
) -> Lie {
    lie(name, told, move |world| {
        let alter = alter.clone();
        world.mischief().on_jwks(move |jwks| {
            let members = jwks["keys"].as_array().cloned().unwrap_or_default();
            jwks["keys"] = members.into_iter().filter_map(&alter).collect();
        });
    })
}

fn with(member: &'static str, value: Value) -> impl Fn(Value) -> Option<Value> + Clone {
    move |mut key| {
        key[member] = value.clone();
        Some(key)
    }
}

/// Each lie to an application of its own, which has no keys yet.
async fn are_refused_at_first_sight(setup: &Setup, lies: Vec<Lie>) -> Result<(), Failure> {
    for told in lies {
        let world = setup.clone().start().await?;
        all_are_refused(&world, vec![told]).await?;
    }
    Ok(())
}

async fn sets_without_a_usable_key_are_refused(setup: Setup) -> Result<(), Failure> {
    // 1024 bits, of which the first is set.
    let short = format!("{}w", "_".repeat(170));
    let lies = vec![
        each("no keys", REFUSED, |_| None),
        each("null", REFUSED, |_| Some(json!(null))),
        each("texts", REFUSED, |_| Some(json!("key"))),
        each("keys for encryption", REFUSED, with("use", json!("enc"))),
        each(
            "keys for signing",
            REFUSED,
            with("key_ops", json!(["sign"])),
        ),
        each("another type", REFUSED, with("kty", json!("rsa"))),
        each("secrets", REFUSED, |key| {
            Some(json!({ "kty": "oct", "kid": key["kid"], "k": "AAAA" }))
        }),
        each("private keys", REFUSED, with("d", json!("AQAB"))),
        each("another algorithm", REFUSED, with("alg", json!("none"))),
        each("1024 bits", REFUSED, move |mut key| {
            (key["kty"] == "RSA").then(|| {
                key["n"] = json!(short);
                key
            })
        }),
        each("an exponent of one", REFUSED, |mut key| {
            (key["kty"] == "RSA").then(|| {
                key["e"] = json!("AQ");
                key
            })
        }),
        each("points beside the curve", REFUSED, |mut key| {
            (key["kty"] == "EC").then(|| {
                key["x"] = key["y"].clone();
                key
            })
        }),
    ];
    are_refused_at_first_sight(&setup, lies).await
}

async fn answers_that_are_no_key_set_are_refused(setup: Setup) -> Result<(), Failure> {
    let mut lies = answers(Endpoint::Jwks, REFUSED);
    lies.push(redirect(Endpoint::Jwks));
    for body in [
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[{"kid":"a","kid":"b"}]}"#,
    ] {
        lies.push(lie(body, REFUSED, move |world| {
            let answer = Answer::Status {
                status: http::StatusCode::OK,
                content_type: "application/jwk-set+json".to_owned(),
                body: body.to_owned(),
            };
            world.mischief().answer(Endpoint::Jwks, answer);
        }));
    }
    are_refused_at_first_sight(&setup, lies).await
}

async fn a_set_without_the_right_key_is_no_help_to_a_forger(setup: Setup) -> Result<(), Failure> {
    let refused = (502, "id_token_signature");
    let lies = vec![
        each("other names", refused, |mut key| {
            key["kid"] = json!("another");
            Some(key)
        }),
        each("no names", refused, |mut key| {
            super::change(&mut key, "kid", &Value::Null);
            Some(key)
        }),
        each("the curve's name on all", refused, |mut key| {
            key["kid"] = json!("same");
            (key["kty"] == "EC").then_some(key)
        }),
    ];
    are_refused_at_first_sight(&setup, lies).await
}

/// A key of the right name that fits another algorithm is looked up once more, for it may be an old one. It is never used,
/// and the next login finds the honest set without waiting for the old one's age.
async fn a_key_for_another_algorithm_is_not_used(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let lie = each("RSA for another algorithm", REFUSED, |mut key| {
        if key["alg"] == "RS256" {
            key["alg"] = json!("PS256");
        }
        Some(key)
    });
    (lie.tell)(&world);
    let mut browser = world.browser()?;
    let page = world.visit(&mut browser, "/me").await?;
    was_refused(&page, 502, "id_token_signature")?;
    nobody_is_signed_in(&world, &browser, &page).await?;
    assert_eq!(world.calls(Endpoint::Jwks), 2);
    honest_again(&world, &mut browser).await
}

async fn odd_members_are_stepped_over(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.mischief().on_jwks(|jwks| {
        let odd = [
            json!(null),
            json!(7),
            json!({}),
            json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA" }),
            json!({ "kty": "OKP", "crv": "X25519", "x": "AAAA" }),
            json!({ "kty": "EC", "crv": "secp256k1", "x": "AAAA", "y": "AAAA" }),
            json!({ "kty": "RSA", "n": "not base64!", "e": "AQAB" }),
        ];
        if let Some(keys) = jwks["keys"].as_array_mut() {
            keys.splice(0..0, odd);
        }
    });
    world.signed_in().await?;
    Ok(())
}
