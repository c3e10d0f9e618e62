//! Authorization responses that the provider, or somebody on the way, got wrong.

use latchgate::ResponseMode;
use latchgate_dev_provider::{Endpoint, ResponseIssuer};
use latchgate_tests::{Failure, Setup, World, scenarios};

use super::{Lie, WORDS, all_are_refused, lie};

scenarios!(
    answers_in_the_query_are_refused,
    answers_by_form_are_refused,
    answers_of_a_provider_without_iss_are_refused,
);

type Pairs = Vec<(String, String)>;

fn answer(
    name: &'static str,
    told: (u16, &'static str),
    alter: impl Fn(&mut Pairs) + Clone + Send + Sync + 'static,
) -> Lie {
    lie(name, told, move |world| {
        world.mischief().on_authorization_response(alter.clone());
    })
}

fn set(pairs: &mut Pairs, name: &str, value: &str) {
    pairs.retain(|(own, _)| own != name);
    pairs.push((name.to_owned(), value.to_owned()));
}

fn remove(pairs: &mut Pairs, name: &str) {
    pairs.retain(|(own, _)| own != name);
}

fn repeat(pairs: &mut Pairs, name: &str) {
    let found = pairs.iter().find(|(own, _)| own == name).cloned();
    pairs.push(found.unwrap_or_else(|| (name.to_owned(), String::new())));
}

/// In place of a code, an error with words of the provider's.
fn refuse(pairs: &mut Pairs, error: &str) {
    remove(pairs, "code");
    set(pairs, "error", error);
    set(pairs, "error_description", WORDS);
    set(
        pairs,
        "error_uri",
        "https://evil.example/<script>alert(1)</script>",
    );
}

fn lies() -> Vec<Lie> {
    let twice = (400, "duplicate_parameter");
    let unknown = (400, "no_login_under_way");
    let wrong = (400, "iss_mismatch");
    vec![
        answer("no state", (400, "state_missing"), |pairs| {
            remove(pairs, "state")
        }),
        answer("an empty state", (400, "state_missing"), |pairs| {
            set(pairs, "state", "")
        }),
        answer("another state", unknown, |pairs| {
            set(pairs, "state", &"A".repeat(43))
        }),
        answer("a changed state", unknown, |pairs| {
            let found = pairs.iter_mut().find(|(name, _)| name == "state");
            found.into_iter().for_each(|(_, state)| state.push('_'));
        }),
        answer("odd bytes for a state", unknown, |pairs| {
            set(pairs, "state", "\u{0}%ff;é")
        }),
        answer("state twice", twice, |pairs| repeat(pairs, "state")),
        answer("two states", twice, |pairs| {
            pairs.push(("state".to_owned(), "x".to_owned()))
        }),
        answer("code twice", twice, |pairs| repeat(pairs, "code")),
        answer("iss twice", twice, |pairs| {
            repeat(pairs, "iss");
            repeat(pairs, "iss");
        }),
        answer("error twice", twice, |pairs| {
            refuse(pairs, "access_denied");
            repeat(pairs, "error");
        }),
        answer("no code", (400, "code_missing"), |pairs| {
            remove(pairs, "code")
        }),
        answer("an empty code", (400, "code_missing"), |pairs| {
            set(pairs, "code", "")
        }),
        answer("another iss", wrong, |pairs| {
            set(pairs, "iss", "https://evil.example")
        }),
        answer("an empty iss", wrong, |pairs| set(pairs, "iss", "")),
        answer("an error of another iss", wrong, |pairs| {
            refuse(pairs, "access_denied");
            set(pairs, "iss", "https://evil.example");
        }),
        answer("an error without state", (400, "state_missing"), |pairs| {
            refuse(pairs, "access_denied");
            remove(pairs, "state");
        }),
        answer("an error of another state", unknown, |pairs| {
            refuse(pairs, "access_denied");
            set(pairs, "state", "x");
        }),
        answer("given up", (403, "login_refused_by_provider"), |pairs| {
            refuse(pairs, "access_denied");
        }),
        answer("markup", (403, "login_refused_by_provider"), |pairs| {
            refuse(pairs, "<script>alert(1)</script>");
        }),
        answer(
            "a line break",
            (403, "login_refused_by_provider"),
            |pairs| {
                refuse(pairs, "x\r\nSet-Cookie: latchgate=x");
            },
        ),
        answer(
            "an error and a code",
            (403, "login_refused_by_provider"),
            |pairs| {
                set(pairs, "error", "access_denied");
            },
        ),
        answer(
            "not registered",
            (500, "login_refused_by_provider"),
            |pairs| {
                refuse(pairs, "unauthorized_client");
            },
        ),
        answer("trouble", (400, "login_refused_by_provider"), |pairs| {
            refuse(pairs, "server_error");
        }),
        answer(
            "an invented code",
            (400, "token_request_refused"),
            |pairs| {
                set(pairs, "code", WORDS);
            },
        ),
    ]
}

/// What comes with the right `state` and `iss` only may lead to the token endpoint.
async fn are_refused(world: &World, promised: bool) -> Result<(), Failure> {
    let mut lies = lies();
    if promised {
        let missing = (400, "iss_missing");
        lies.push(answer("no iss", missing, |pairs| remove(pairs, "iss")));
        lies.push(answer("an error without iss", missing, |pairs| {
            refuse(pairs, "access_denied");
            remove(pairs, "iss");
        }));
    }
    let told = lies.len();
    all_are_refused(world, lies).await?;
    // One for each honest login that followed, and one for the invented code.
    assert_eq!(world.calls(Endpoint::Token), told + 1);
    Ok(())
}

async fn answers_in_the_query_are_refused(setup: Setup) -> Result<(), Failure> {
    are_refused(&setup.start().await?, true).await
}

async fn answers_by_form_are_refused(setup: Setup) -> Result<(), Failure> {
    let setup =
        setup.registration(|registration| registration.response_mode(ResponseMode::FormPost));
    are_refused(&setup.start().await?, true).await
}

async fn answers_of_a_provider_without_iss_are_refused(setup: Setup) -> Result<(), Failure> {
    let setup = setup.provider(|provider| provider.response_issuer(ResponseIssuer::Absent));
    are_refused(&setup.start().await?, false).await
}
