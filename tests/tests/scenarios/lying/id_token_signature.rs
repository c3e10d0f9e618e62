//! ID tokens whose signature is forged, whose header asks for more, or that are none: OpenID Connect Core 1.0 §3.1.3.7
//! steps 1 and 6 to 8, and RFC 8725 §3, from outside.

use std::sync::Arc;

use latchgate::Algorithm;
use latchgate_dev_provider::{Endpoint, Forgery, SigningAlg};
use latchgate_tests::{FORGERIES, Failure, Setup, scenarios};
use serde_json::{Value, json};

use super::forger::{Forger, read};
use super::{Lie, all_are_refused, lie, was_refused};

scenarios!(
    headers_that_ask_for_more_are_refused,
    forged_signatures_are_refused,
    texts_that_are_no_id_token_are_refused,
    tokens_that_bring_their_own_key_are_refused,
    a_key_without_a_name_is_found_among_those_that_fit,
    only_an_unknown_key_is_looked_for_and_only_once,
);

/// Makes a text say something else.
type Retell = fn(&str) -> String;

/// Another value for a header member of every ID token; `null` removes it.
fn member(name: &'static str, value: Value, code: &'static str) -> Lie {
    lie(
        format!("header {name}: {value}"),
        (502, code),
        move |world| {
            let value = value.clone();
            world.mischief().on_id_token(move |header, _| match &value {
                Value::Null => drop(header.remove(name)),
                value => drop(header.insert(name.to_owned(), value.clone())),
            });
        },
    )
}

/// Another text in place of the ID token, made from the honest one.
fn text(
    name: &'static str,
    code: &'static str,
    alter: impl Fn(&str) -> String + Send + Sync + 'static,
) -> Lie {
    let alter = Arc::new(alter);
    lie(name, (502, code), move |world| {
        let alter = Arc::clone(&alter);
        world.mischief().on_token_response(move |response| {
            let honest = response["id_token"].as_str().unwrap_or_default();
            response["id_token"] = json!(alter(honest));
        });
    })
}

async fn headers_that_ask_for_more_are_refused(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut lies = Vec::new();
    for typ in ["at+jwt", "application/at+jwt", "logout+jwt", "dpop+jwt", ""] {
        lies.push(member("typ", json!(typ), "id_token_typ"));
    }
    let signature = "id_token_signature";
    for (name, values) in [
        ("typ", vec![json!(7), json!(["JWT"])]),
        (
            "alg",
            vec![
                json!(null),
                json!(""),
                json!("none"),
                json!("None"),
                json!("nOnE"),
            ],
        ),
        (
            "alg",
            vec![
                json!("RS384"),
                json!("PS256"),
                json!("ES256"),
                json!("HS256"),
            ],
        ),
        (
            "alg",
            vec![json!("RS256 "), json!("rs256"), json!(["RS256"]), json!(7)],
        ),
        (
            "kid",
            vec![
                json!(""),
                json!("../../dev/null"),
                json!("unknown-kty"),
                json!(7),
            ],
        ),
        (
            "crit",
            vec![json!(["exp"]), json!([]), json!("exp"), json!(7)],
        ),
        ("b64", vec![json!(false), json!("true")]),
    ] {
        lies.extend(
            values
                .into_iter()
                .map(|value| member(name, value, signature)),
        );
    }
    // Unknown names among them are looked for as often as the budget allows, and no oftener.
    all_are_refused(&world, lies).await
}

async fn forged_signatures_are_refused(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let lies = FORGERIES.map(|forgery| {
        let told = (502, "id_token_signature");
        lie(format!("{forgery:?}"), told, move |world| {
            world.mischief().sign_id_token_with(forgery);
        })
    });
    all_are_refused(&world, lies.into()).await
}

async fn texts_that_are_no_id_token_are_refused(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let signature = "id_token_signature";
    let response = "token_response";
    let parts = |token: &str| -> [String; 3] {
        let mut parts = token.split('.').map(str::to_owned);
        std::array::from_fn(|_| parts.next().unwrap_or_default())
    };
    let lies = vec![
        text("another's claims", signature, move |token| {
            let [header, _, signature] = parts(token);
            let (_, claims) = read(token);
            let admin = claims.replace("\"alice\"", "\"admin\"");
            let payload = base64_simd::URL_SAFE_NO_PAD.encode_to_string(admin);
            format!("{header}.{payload}.{signature}")
        }),
        text("no signature", signature, move |token| {
            let [header, payload, _] = parts(token);
            format!("{header}.{payload}.")
        }),
        text("no dots left", signature, move |token| {
            token.replace('.', "")
        }),
        text("two parts", signature, move |token| {
            let [header, payload, _] = parts(token);
            format!("{header}.{payload}")
        }),
        text("five parts", signature, |token| {
            format!("{token}.AAAA.AAAA")
        }),
        text("six parts", signature, |token| format!("{token}.A.A.A")),
        text("padding", signature, |token| format!("{token}==")),
        text("plain base64", signature, |token| {
            token.replace(['-', '_'], "+")
        }),
        text("another's header", signature, move |token| {
            let [_, payload, signature] = parts(token);
            format!("eyJhbGciOiJSUzI1NiJ9.{payload}.{signature}")
        }),
        text("too long", signature, |token| {
            format!("{token}{}", "A".repeat(70_000))
        }),
        text("words", signature, |_| super::WORDS.to_owned()),
        text("empty", response, |_| String::new()),
        text("white space", response, |token| format!("{token} ")),
        text("a line break", response, |token| format!("{token}\r\nX: y")),
    ];
    all_are_refused(&world, lies).await
}

/// The provider and the registration agree on ES256, so that a forger can have a key of the right kind.
fn on_es256(setup: Setup) -> Setup {
    setup
        .provider(|provider| provider.id_token_alg(SigningAlg::Es256))
        .registration(|registration| registration.id_token_alg(Algorithm::Es256))
}

async fn tokens_that_bring_their_own_key_are_refused(setup: Setup) -> Result<(), Failure> {
    let world = on_es256(setup).start().await?;
    let forger = Arc::new(Forger::new()?);
    let signed = |name, code, write: fn(&Forger, Value, String, &str) -> String| {
        let forger = Arc::clone(&forger);
        let issuer = world.provider.issuer().to_owned();
        text(name, code, move |honest| {
            let (header, claims) = read(honest);
            let header = serde_json::from_str(&header).unwrap_or_default();
            write(&forger, header, claims, &issuer)
        })
    };
    let signature = "id_token_signature";
    let lies = vec![
        signed("the right name", signature, |forger, header, claims, _| {
            forger.token(&header.to_string(), &claims)
        }),
        signed("jwk", signature, |forger, mut header, claims, _| {
            header["jwk"] = forger.jwk(header["kid"].as_str().unwrap_or_default());
            forger.token(&header.to_string(), &claims)
        }),
        signed(
            "jwk and no kid",
            signature,
            |forger, mut header, claims, _| {
                header["jwk"] = forger.jwk("mine");
                super::change(&mut header, "kid", &Value::Null);
                forger.token(&header.to_string(), &claims)
            },
        ),
        signed(
            "jku and x5u",
            signature,
            |forger, mut header, claims, issuer| {
                header["jku"] = json!(format!("{issuer}/introspect"));
                header["x5u"] = json!(format!("{issuer}/introspect"));
                header["kid"] = json!("mine");
                forger.token(&header.to_string(), &claims)
            },
        ),
        signed("x5c", signature, |forger, mut header, claims, _| {
            header["x5c"] = json!(["MIIB"]);
            header["x5t"] = json!("AAAA");
            forger.token(&header.to_string(), &claims)
        }),
    ];
    all_are_refused(&world, lies).await?;

    // With the forger's key published, a token of theirs is one of the provider's.
    let publish = || {
        let key = forger.jwk("theirs");
        world.mischief().on_jwks(move |jwks| {
            if let Some(keys) = jwks["keys"].as_array_mut() {
                keys.push(key.clone());
            }
        });
    };
    let retold = |name, header: Retell, claims: Retell| {
        let forger = Arc::clone(&forger);
        text(name, signature, move |honest| {
            let (_, honest) = read(honest);
            let own = header(r#"{"alg":"ES256","kid":"theirs"}"#);
            forger.token(&own, &claims(&honest))
        })
    };
    publish();
    (retold("an honest copy", str::to_owned, str::to_owned).tell)(&world);
    world.signed_in().await?;
    world.mischief().clear();

    // But what it says twice, or not in an object, is refused.
    let same: Retell = str::to_owned;
    let twice: [(&str, Retell, Retell); 7] = [
        ("sub twice", same, |claims| {
            claims.replacen('{', r#"{"sub":"admin","#, 1)
        }),
        ("nonce twice", same, |claims| {
            claims.replacen('{', r#"{"nonce":"another","#, 1)
        }),
        ("twice, deeper", same, |claims| {
            claims.replacen('{', r#"{"x":{"y":1,"y":2},"#, 1)
        }),
        (
            "alg twice",
            |header| header.replacen('{', r#"{"alg":"none","#, 1),
            same,
        ),
        (
            "kid twice",
            |header| header.replacen('{', r#"{"kid":"theirs","#, 1),
            same,
        ),
        ("no object", same, |_| "[]".to_owned()),
        ("no JSON", same, |_| super::WORDS.to_owned()),
    ];
    for (name, header, claims) in twice {
        publish();
        all_are_refused(&world, vec![retold(name, header, claims)]).await?;
    }
    Ok(())
}

async fn a_key_without_a_name_is_found_among_those_that_fit(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.mischief().sign_id_token_with(Forgery::NoKid);
    world.signed_in().await?;
    Ok(())
}

async fn only_an_unknown_key_is_looked_for_and_only_once(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.signed_in().await?;
    for (forgery, fetches) in [
        (Forgery::UnknownKid, 1),
        (Forgery::OtherKey, 0),
        (Forgery::BrokenSignature, 0),
        (Forgery::None, 0),
        (Forgery::Hs256WithPublicKey, 0),
        (Forgery::Es256, 0),
        (Forgery::UnknownKid, 1),
    ] {
        world.provider.reset_calls();
        let mut browser = world.browser()?;
        world.mischief().sign_id_token_with(forgery);
        let page = world.visit(&mut browser, "/me").await?;
        was_refused(&page, 502, "id_token_signature")?;
        assert_eq!(world.calls(Endpoint::Jwks), fetches, "{forgery:?}");
        assert_eq!(world.calls(Endpoint::Token), 1, "the code is spent once");
        world.mischief().clear();
    }
    Ok(())
}
