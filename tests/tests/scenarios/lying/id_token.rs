//! ID tokens that are properly signed and say something else: OpenID Connect Core 1.0 §3.1.3.7 steps 2 to 5 and 9 to 13,
//! from outside.

use latchgate_dev_provider::Forgery;
use latchgate_tests::{Failure, Setup, scenarios};
use serde_json::{Value, json};

use super::{Lie, all_are_refused, honest_again, is_opaque, lie, nobody_is_signed_in, was_refused};

scenarios!(
    claims_that_say_otherwise_are_refused,
    several_audiences_need_an_authorized_party,
    an_old_authentication_is_no_recent_one,
    programs_are_told_the_same_in_a_problem_document;
    in either keeping: a_liar_cannot_change_who_is_signed_in,
);

/// Another value for a claim of every ID token; `null` removes it.
fn claim(name: &'static str, value: Value, code: &'static str) -> Lie {
    lie(format!("{name}: {value}"), (502, code), move |world| {
        let value = value.clone();
        world.mischief().on_id_token(move |_, claims| match &value {
            Value::Null => drop(claims.remove(name)),
            value => drop(claims.insert(name.to_owned(), value.clone())),
        });
    })
}

async fn claims_that_say_otherwise_are_refused(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let issuer = world.provider.issuer();
    let client = world.provider.client_id();
    let now = world.clock.now();
    let rows: [(&str, &str, Vec<Value>); 11] = [
        (
            "iss",
            "id_token_iss",
            vec![
                json!(null),
                json!(""),
                json!(format!("{issuer}/")),
                json!(issuer.replace("127.0.0.1", "localhost")),
                json!(issuer.replace("http:", "https:")),
                json!("https://evil.example"),
                json!([issuer]),
                json!(7),
            ],
        ),
        (
            "aud",
            "id_token_aud",
            vec![
                json!(null),
                json!(""),
                json!("somebody-else"),
                json!([]),
                json!(["somebody-else"]),
                json!([client, "somebody-else"]),
                json!([client, 7]),
                json!({ client: true }),
                json!(7),
            ],
        ),
        (
            "azp",
            "id_token_azp",
            vec![json!("somebody-else"), json!(""), json!([client]), json!(7)],
        ),
        (
            "exp",
            "id_token_exp",
            vec![
                json!(null),
                json!(now - 30),
                json!(0),
                json!(-1),
                json!((now + 300).to_string()),
                json!([now + 300]),
            ],
        ),
        (
            "iat",
            "id_token_iat",
            vec![json!(null), json!(now + 31), json!("0"), json!(u64::MAX)],
        ),
        (
            "nbf",
            "id_token_nbf",
            vec![json!(now + 31), json!("0"), json!({}), json!(u64::MAX)],
        ),
        (
            "nonce",
            "id_token_nonce",
            vec![
                json!(null),
                json!(""),
                json!("another"),
                json!(7),
                json!([]),
            ],
        ),
        (
            "sub",
            "id_token_sub",
            vec![
                json!(null),
                json!(""),
                json!("x".repeat(256)),
                json!(7),
                json!(["alice"]),
            ],
        ),
        (
            "at_hash",
            "id_token_at_hash",
            vec![
                json!(""),
                json!("77QmUPtjPfzWtF2AnpK9RQ"),
                json!(7),
                json!([]),
            ],
        ),
        // Of two mistakes the first in the standard's order is told.
        ("exp", "id_token_exp", vec![json!(u64::MIN)]),
        ("aud", "id_token_aud", vec![json!(issuer)]),
    ];
    let lies = rows.into_iter().flat_map(|(name, code, values)| {
        values
            .into_iter()
            .map(move |value| claim(name, value, code))
    });
    all_are_refused(&world, lies.collect()).await
}

async fn several_audiences_need_an_authorized_party(setup: Setup) -> Result<(), Failure> {
    let setup = setup.registration(|registration| registration.trusted_audience("api"));
    let world = setup.start().await?;
    let client = world.provider.client_id().to_owned();
    let several = |azp: Value| {
        let audience = json!([client, "api"]);
        lie(format!("azp: {azp}"), (502, "id_token_azp"), move |world| {
            let (audience, azp) = (audience.clone(), azp.clone());
            world.mischief().on_id_token(move |_, claims| {
                claims.insert("aud".to_owned(), audience.clone());
                claims.insert("azp".to_owned(), azp.clone());
            });
        })
    };
    let lies = [json!(null), json!(""), json!("api"), json!([client])];
    all_are_refused(&world, lies.into_iter().map(several).collect()).await?;

    let audience = json!(["api", client]);
    world.mischief().on_id_token(move |_, claims| {
        claims.insert("aud".to_owned(), audience.clone());
    });
    world.signed_in().await?;
    Ok(())
}

/// `max_age` was asked for, so the ID token must say when the person authenticated, and it must be recent.
async fn an_old_authentication_is_no_recent_one(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    for lie_at in [
        (|_| json!(null)) as fn(u64) -> Value,
        |now| json!(now - 331),
        |_| json!(0),
        |_| json!(-1),
        |now| json!(now.to_string()),
        |now| json!([now]),
    ] {
        // A guard asks somebody who signed in long ago.
        let mut browser = world.signed_in().await?;
        let signed_in_at = world.clock.now();
        world.clock.pass(1_000);
        let said = lie_at(world.clock.now());
        let name = said.to_string();
        world.mischief().on_id_token(move |_, claims| match &said {
            Value::Null => drop(claims.remove("auth_time")),
            value => drop(claims.insert("auth_time".to_owned(), value.clone())),
        });
        let page = world.visit(&mut browser, "/recent").await?;
        was_refused(&page, 502, "id_token_auth_time")
            .map_err(|failure| format!("{name}: {failure}"))?;
        // The session from before is what it was: signed in, and not recently.
        let found = world.whoami(&browser).await?;
        assert_eq!(found.as_deref(), Some("alice"), "{name}");
        let denied = browser.fetch("GET", "/recent").await?;
        assert_eq!(
            (denied.status, denied.code().as_str()),
            (401, "reauthentication_required")
        );
        let claims = browser.fetch("GET", "/me").await?.json(200)?;
        assert_eq!(claims["auth_time"], signed_in_at);
        world.mischief().clear();
        let page = world.visit(&mut browser, "/recent").await?;
        assert_eq!(
            (page.status, page.body.as_str()),
            (200, "admitted"),
            "{page}"
        );
    }
    // So does a handler, of somebody who has not signed in yet.
    let mut browser = world.browser()?;
    let too_long_ago = world.clock.now() - 631;
    world.mischief().on_id_token(move |_, claims| {
        claims.insert("auth_time".to_owned(), json!(too_long_ago));
    });
    let page = world.visit(&mut browser, "/switch").await?;
    was_refused(&page, 502, "id_token_auth_time")?;
    nobody_is_signed_in(&world, &browser, &page).await
}

async fn programs_are_told_the_same_in_a_problem_document(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    world.mischief().sign_id_token_with(Forgery::None);
    let request = browser.request("GET", callback.as_str());
    let page = request.header("accept", "application/json").send().await?;
    assert_eq!(page.header("content-type"), "application/problem+json");
    was_refused(&page, 502, "id_token_signature")?;
    let problem = page.json(502)?;
    let mut members: Vec<&String> = problem.as_object().ok_or("no object")?.keys().collect();
    members.sort();
    assert_eq!(members, ["code", "id", "status", "title", "type"]);
    nobody_is_signed_in(&world, &browser, &page).await?;
    honest_again(&world, &mut browser).await
}

/// Whoever is signed in stays who they are while somebody else's login fails in the same browser.
async fn a_liar_cannot_change_who_is_signed_in(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut browser = world.signed_in().await?;
    let before = world.token(&browser).await?;
    world.provider.auto_sign_in(Some("bob"));
    for forgery in [Forgery::None, Forgery::BrokenSignature, Forgery::OtherKey] {
        world.mischief().sign_id_token_with(forgery);
        let page = world.visit(&mut browser, "/login").await?;
        assert_eq!(page.code(), "id_token_signature");
        is_opaque(&page)?;
        assert!(page.sets(world.session_cookie()).is_empty(), "{page}");
        assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
        assert_eq!(
            world.token(&browser).await?["access_token"],
            before["access_token"]
        );
    }
    world.mischief().clear();
    world.visit(&mut browser, "/login").await?;
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("bob"));
    Ok(())
}
