//! Metadata that is another's, that leads elsewhere, or that is none.

use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::{Failure, Setup, scenarios};
use serde_json::{Value, json};

use super::{Lie, all_are_refused, answers, change, lie, redirect};

scenarios!(
    members_that_are_missing_or_lead_elsewhere_are_refused,
    answers_that_are_no_metadata_are_refused,
    members_that_nobody_acts_on_stop_no_login,
);

const REFUSED: (u16, &str) = (502, "provider_metadata");

/// Another value for a member of the metadata; `null` removes it.
fn member(name: &'static str, value: Value) -> Lie {
    lie(format!("{name}: {value}"), REFUSED, move |world| {
        let value = value.clone();
        world
            .mischief()
            .on_metadata(move |metadata| change(metadata, name, &value));
    })
}

/// Each lie to an application of its own, which has never heard the truth.
async fn are_refused_at_first_sight(setup: &Setup, lies: Vec<Lie>) -> Result<(), Failure> {
    for told in lies {
        let world = setup.clone().start().await?;
        all_are_refused(&world, vec![told]).await?;
    }
    Ok(())
}

async fn members_that_are_missing_or_lead_elsewhere_are_refused(
    setup: Setup,
) -> Result<(), Failure> {
    let mut lies = Vec::new();
    for issuer in [
        json!(null),
        json!(""),
        json!("https://evil.example"),
        json!(7),
        json!(["http://127.0.0.1"]),
    ] {
        lies.push(member("issuer", issuer));
    }
    lies.push(lie("issuer with a slash", REFUSED, |world| {
        world.mischief().on_metadata(|metadata| {
            let issuer = metadata["issuer"].as_str().unwrap_or_default();
            metadata["issuer"] = json!(format!("{issuer}/"));
        });
    }));
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        lies.push(member(name, json!(null)));
    }
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "userinfo_endpoint",
        "end_session_endpoint",
    ] {
        for value in [
            json!("http://evil.example/x"),
            json!("http://127.0.0.1.evil.example/x"),
            json!("http://127.0.0.1@evil.example/x"),
            json!("javascript:alert(1)"),
            json!("data:text/html,x"),
            json!("file:///etc/passwd"),
            json!("//evil.example/x"),
            json!("/relative"),
            json!(""),
            json!(7),
            json!(["https://evil.example"]),
        ] {
            lies.push(member(name, value));
        }
    }
    let promise = "authorization_response_iss_parameter_supported";
    lies.push(member(promise, json!("yes")));
    are_refused_at_first_sight(&setup, lies).await
}

async fn answers_that_are_no_metadata_are_refused(setup: Setup) -> Result<(), Failure> {
    let mut lies = answers(Endpoint::Discovery, REFUSED);
    lies.push(redirect(Endpoint::Discovery));
    lies.push(lie("issuer twice", REFUSED, |world| {
        let issuer = world.provider.issuer();
        let answer = Answer::Status {
            status: http::StatusCode::OK,
            content_type: "application/json".to_owned(),
            body: format!(r#"{{"issuer":"https://evil.example","issuer":"{issuer}"}}"#),
        };
        world.mischief().answer(Endpoint::Discovery, answer);
    }));
    are_refused_at_first_sight(&setup, lies).await
}

async fn members_that_nobody_acts_on_stop_no_login(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.mischief().on_metadata(|metadata| {
        for (name, odd) in [
            ("op_policy_uri", json!("")),
            ("service_documentation", json!(7)),
            ("claims_locales_supported", json!("de")),
            ("display_values_supported", json!([1, null])),
            ("subject_types_supported", json!(null)),
            ("response_types_supported", json!("code")),
            ("code_challenge_methods_supported", json!(["plain"])),
            ("id_token_signing_alg_values_supported", json!(["none"])),
            ("userinfo_endpoint", json!(null)),
            ("x", json!({ "y": [{}] })),
        ] {
            change(metadata, name, &odd);
        }
    });
    world.signed_in().await?;
    Ok(())
}
