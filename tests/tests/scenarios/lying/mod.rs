//! A provider that lies, or that somebody speaks for. Whatever it says: nobody is signed in, the visitor reads none of
//! it, and the next honest login in the same browser works.

mod authorization_response;
mod decoys;
mod discovery;
pub(crate) mod forger;
mod id_token;
mod id_token_signature;
mod keys;
mod pushed_request;
mod refresh;
mod token_response;
mod userinfo;

use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::{Browser, Failure, Page, World, ensure};
use serde_json::Value;

/// What no visitor may read. Lies carry it wherever the provider can put text.
const WORDS: &str = "words-of-the-provider";

/// One lie, and what the visitor is told about it.
struct Lie {
    name: String,
    tell: Box<dyn Fn(&World) + Send + Sync>,
    status: u16,
    code: &'static str,
}

fn lie(
    name: impl Into<String>,
    (status, code): (u16, &'static str),
    tell: impl Fn(&World) + Send + Sync + 'static,
) -> Lie {
    Lie {
        name: name.into(),
        tell: Box::new(tell),
        status,
        code,
    }
}

/// The answers that are wrong at every endpoint of the back channel, each with what to call it. `broken` is the refusal
/// of an answer that can be read and is wrong, which is another one than that of none at all.
fn answers(endpoint: Endpoint, broken: (u16, &'static str)) -> Vec<Lie> {
    let unreachable = (503, "provider_unreachable");
    let page = |status: http::StatusCode, content_type: &str, body: &str| Answer::Status {
        status,
        content_type: content_type.to_owned(),
        body: body.to_owned(),
    };
    let json = "application/json";
    let ok = http::StatusCode::OK;
    let html = format!("<html>{WORDS}<script>alert(1)</script></html>");
    let error = format!(r#"{{"{WORDS}":"{WORDS}"}}"#);
    let deep = format!("{}{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    [
        ("a page", page(ok, "text/html", &html), broken),
        ("a page that says JSON", page(ok, json, &html), broken),
        ("nothing", page(ok, json, ""), broken),
        ("a list", page(ok, json, "[]"), broken),
        ("null", page(ok, json, "null"), broken),
        ("half an object", page(ok, json, r#"{"sub":"al"#), broken),
        ("two objects", page(ok, json, "{}{}"), broken),
        ("a member twice", page(ok, json, r#"{"a":1,"a":1}"#), broken),
        ("a deep object", page(ok, json, &deep), broken),
        ("an empty object", page(ok, json, "{}"), broken),
        ("201", page(http::StatusCode::CREATED, json, "{}"), broken),
        ("204", Answer::status(http::StatusCode::NO_CONTENT), broken),
        (
            "404",
            page(http::StatusCode::NOT_FOUND, json, &error),
            broken,
        ),
        (
            "500",
            page(http::StatusCode::INTERNAL_SERVER_ERROR, "text/html", &html),
            broken,
        ),
        (
            "503",
            Answer::status(http::StatusCode::SERVICE_UNAVAILABLE),
            broken,
        ),
        ("1 GiB", Answer::Huge(1 << 30), unreachable),
        ("129 KiB", Answer::Huge(129 << 10), unreachable),
        ("a closed connection", Answer::Drop, unreachable),
    ]
    .into_iter()
    .map(|(name, answer, told)| {
        lie(name, told, move |world| {
            world.mischief().answer(endpoint, answer.clone());
        })
    })
    .collect()
}

/// A redirect to another endpoint, which is not followed.
fn redirect(endpoint: Endpoint) -> Lie {
    lie("a redirect", (502, "provider_redirect"), move |world| {
        let elsewhere = format!("{}/introspect", world.provider.issuer());
        let answer = Answer::Redirect(elsewhere);
        world.mischief().answer(endpoint, answer);
    })
}

/// Tells each lie to a browser of its own.
async fn all_are_refused(world: &World, lies: Vec<Lie>) -> Result<(), Failure> {
    for told in lies {
        let name = told.name.clone();
        let refused = is_refused(world, told).await;
        refused.map_err(|failure| format!("{name}: {failure}"))?;
    }
    Ok(())
}

/// Tells one lie during a login: it is refused, and the next honest login in the same browser works.
async fn is_refused(world: &World, lie: Lie) -> Result<(), Failure> {
    let mut browser = world.browser()?;
    (lie.tell)(world);
    let page = world.visit(&mut browser, "/me").await?;
    was_refused(&page, lie.status, lie.code)?;
    nobody_is_signed_in(world, &browser, &page).await?;
    ensure!(
        world.calls(Endpoint::Introspection) == 0,
        "a redirect was followed"
    );
    honest_again(world, &mut browser).await
}

/// The page has this status and this code, and none of what the provider said.
fn was_refused(page: &Page, status: u16, code: &str) -> Result<(), Failure> {
    ensure!(
        (page.status, page.code().as_str()) == (status, code),
        "expected {status} {code}: {page}"
    );
    is_opaque(page)
}

/// The page says nothing but what is ours to say.
fn is_opaque(page: &Page) -> Result<(), Failure> {
    let headers = format!("{:?}", page.headers);
    for word in [
        WORDS,
        "eyJhbGci",
        "eyJ0eXAi",
        "http:",
        "alert(1)",
        "evil.example",
    ] {
        ensure!(!page.body.contains(word), "`{word}` is told: {page}");
    }
    ensure!(!headers.contains(WORDS), "a header tells it: {headers}");
    ensure!(
        page.header("cache-control").contains("no-store"),
        "it can be cached: {headers}"
    );
    Ok(())
}

/// No session came of it: neither a cookie nor a person.
async fn nobody_is_signed_in(world: &World, browser: &Browser, page: &Page) -> Result<(), Failure> {
    for line in page.sets(world.session_cookie()) {
        ensure!(line.contains("Max-Age=0"), "a session was set: {line}");
    }
    let page = browser.fetch("GET", "/me").await?;
    ensure!(
        (page.status, page.code().as_str()) == (401, "sign_in_required"),
        "somebody is signed in: {page}"
    );
    let found = world.whoami(browser).await?;
    ensure!(found.is_none(), "{found:?} is signed in");
    Ok(())
}

/// The provider tells the truth again, and Alice can sign in with the same browser.
async fn honest_again(world: &World, browser: &mut Browser) -> Result<(), Failure> {
    world.mischief().clear();
    let page = world.visit(browser, "/me").await?;
    ensure!(
        page.status == 200 && page.url.path() == "/me",
        "the honest login failed: {page}"
    );
    let found = world.whoami(browser).await?;
    ensure!(found.as_deref() == Some("alice"), "{found:?} is signed in");
    Ok(())
}

/// Sets a member, or with `null` removes it.
fn change(object: &mut Value, member: &str, value: &Value) {
    if let Some(object) = object.as_object_mut() {
        match value {
            Value::Null => drop(object.remove(member)),
            value => drop(object.insert(member.to_owned(), value.clone())),
        }
    }
}
