//! Answers to pushed authorization requests that are malformed, or that do not come.

use latchgate::Usage;
use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::{Failure, Setup, scenarios};
use serde_json::{Value, json};

use super::{Lie, all_are_refused, answers, lie, redirect};

scenarios!(answers_that_are_no_reference_are_refused);

const REFUSED: (u16, &str) = (502, "pushed_request");

fn body(body: Value) -> Lie {
    lie(body.to_string(), REFUSED, move |world| {
        let answer = Answer::json(http::StatusCode::CREATED, &body);
        world
            .mischief()
            .answer(Endpoint::PushedAuthorization, answer);
    })
}

async fn answers_that_are_no_reference_are_refused(setup: Setup) -> Result<(), Failure> {
    let setup = setup.registration(|registration| registration.par(Usage::Always));
    let world = setup.start().await?;
    let mut lies = answers(Endpoint::PushedAuthorization, REFUSED);
    lies.push(redirect(Endpoint::PushedAuthorization));
    for reference in [
        json!(null),
        json!(""),
        json!(7),
        json!("x y"),
        json!(["urn:a"]),
    ] {
        lies.push(body(json!({ "request_uri": reference, "expires_in": 60 })));
    }
    for lifetime in [json!(null), json!(0), json!(-1), json!("soon")] {
        lies.push(body(
            json!({ "request_uri": "urn:a", "expires_in": lifetime }),
        ));
    }
    all_are_refused(&world, lies).await
}
