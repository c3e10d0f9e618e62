//! Secrets reach no log, no page and no URL of ours.

use std::sync::{Arc, Mutex, PoisonError};

use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use http::StatusCode;
use latchgate_dev_provider::{Answer, Endpoint, Forgery};
use latchgate_tests::{Failure, KEY, Page, Setup, Transcript, World, scenarios};

scenarios!(
    what_a_visitor_may_not_know_is_in_the_log_under_their_id;
    in either keeping:
    no_secret_reaches_a_log_a_page_or_a_url,
);

/// Everything that somebody could do harm with, by what it is.
#[derive(Clone, Default)]
struct Secrets(Arc<Mutex<Vec<(&'static str, String)>>>);

impl Secrets {
    fn keep(&self, what: &'static str, secret: &str) {
        if secret.len() >= 8 {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push((what, secret.to_owned()));
        }
    }

    fn of_tokens(&self, world: &World) {
        let kept = self.clone();
        world.mischief().on_token_response(move |answer| {
            for name in ["access_token", "refresh_token", "id_token"] {
                kept.keep(name, answer[name].as_str().unwrap_or_default());
            }
        });
    }

    fn of_cookies(&self, page: &Page) {
        for line in page.set_cookies() {
            let value = line.split(';').next().and_then(|pair| pair.split_once('='));
            self.keep("a cookie", value.map_or("", |(_, value)| value));
        }
    }

    fn found_in(&self, text: &str) -> Vec<&'static str> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().filter(|(_, secret)| text.contains(secret));
        found.map(|(what, _)| *what).collect()
    }
}

async fn no_secret_reaches_a_log_a_page_or_a_url(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = setup.start().await?;
    let secrets = Secrets::default();
    let secret = world.provider.client_secret();
    secrets.keep("client secret", secret);
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    secrets.keep("client secret", &encoded);
    let basic = format!("{}:{encoded}", world.provider.client_id());
    secrets.keep("basic credentials", &STANDARD.encode_to_string(basic));
    secrets.keep("session key", &STANDARD.encode_to_string(KEY));
    secrets.keep("session key", &URL_SAFE_NO_PAD.encode_to_string(KEY));
    secrets.keep("session key", "latchgate tests: the newest key");
    secrets.of_tokens(&world);

    let mut pages = Vec::new();
    let browser = world.browser()?;
    for trouble in Trouble::ALL {
        let start = browser.get("/me").await?;
        let to_provider = start.leads_to()?;
        for (name, value) in to_provider.query_pairs() {
            if matches!(name.as_ref(), "nonce" | "state") {
                secrets.keep("nonce or state", &value);
            }
        }
        let callback = browser.get(to_provider.as_str()).await?.leads_to()?;
        let code = callback.query_pairs().find(|(name, _)| name == "code");
        secrets.keep(
            "code",
            &code.map(|(_, code)| code.into_owned()).unwrap_or_default(),
        );
        trouble.begin(&world);
        let done = browser.get(callback.as_str()).await?;
        let request = world.provider.last_request(Endpoint::Token);
        let verifier = request.and_then(|request| request.parameter("code_verifier"));
        secrets.keep("code verifier", &verifier.unwrap_or_default());
        world.mischief().clear();
        secrets.of_tokens(&world);
        let again = browser.get(callback.as_str()).await?;
        let made_up = format!("{callback}&code=again");
        let altered = world.browser()?.get(&made_up).await?;
        pages.extend([start, done, again, altered]);
    }
    for path in [
        "/",
        "/me",
        "/admin",
        "/recent",
        "/boom",
        "/nothing",
        "/login",
        "/callback",
        "/callback?state=x",
    ] {
        pages.push(browser.get(path).await?);
        pages.push(browser.fetch("GET", path).await?);
        pages.push(world.browser()?.fetch("GET", path).await?);
    }
    world.clock.pass(3_700);
    world
        .mischief()
        .answer(Endpoint::Token, Answer::Drop.once());
    pages.push(browser.fetch("GET", "/token").await?);
    world.clock.pass(5);
    world.token(&browser).await?;
    browser.fetch("POST", "/refresh").await?.json(200)?;
    world.provider.revoke_all();
    pages.push(browser.fetch("POST", "/refresh").await?);
    let browser = world.signed_in().await?;
    let logout = browser
        .request("POST", "/logout")
        .header("sec-fetch-site", "same-origin");
    let gone = logout.send().await?;
    secrets.of_cookies(&gone);
    pages.push(browser.get(gone.leads_to()?.as_str()).await?);

    for page in &pages {
        secrets.of_cookies(page);
    }
    for page in &pages {
        let mut found = secrets.found_in(&page.body);
        if page.status == 200 && page.url.path() == "/me" {
            // The application shows all claims there are; a nonce is worth nothing once it was compared.
            found.retain(|what| *what != "nonce or state");
        }
        assert_eq!(found, [""; 0], "on a page: {page}");
        let ours = page
            .location
            .as_deref()
            .filter(|to| to.starts_with('/') || to.starts_with(&world.site));
        let back = ours
            .unwrap_or_default()
            .starts_with(&format!("{}/?state=", world.site));
        assert!(
            back || secrets.found_in(ours.unwrap_or_default()).is_empty(),
            "in a URL: {page}"
        );
    }
    let log = transcript.text();
    assert!(
        log.contains("signed in") && log.contains("tokens refreshed"),
        "nothing was logged: {log}"
    );
    for line in log.lines() {
        assert_eq!(secrets.found_in(line), [""; 0], "in the log: {line}");
    }
    let shown = format!("{:?} {:#?}", world.gate, world.gate);
    assert_eq!(secrets.found_in(&shown), [""; 0], "in Debug: {shown}");
    Ok(())
}

/// What goes wrong while a login is finished; the last one does not.
#[derive(Clone, Copy)]
enum Trouble {
    Refused,
    Dropped,
    Unreadable,
    Forged,
    Nothing,
}

impl Trouble {
    const ALL: [Self; 5] = [
        Self::Refused,
        Self::Dropped,
        Self::Unreadable,
        Self::Forged,
        Self::Nothing,
    ];

    fn begin(self, world: &World) {
        let mischief = world.mischief();
        let refused = serde_json::json!({"error": "invalid_grant", "error_description": "no"});
        match self {
            Self::Refused => {
                mischief.answer(
                    Endpoint::Token,
                    Answer::json(StatusCode::BAD_REQUEST, &refused),
                );
            }
            Self::Dropped => mischief.answer(Endpoint::Token, Answer::Drop),
            Self::Unreadable => {
                mischief.answer(Endpoint::Token, Answer::status(StatusCode::OK));
            }
            Self::Forged => mischief.sign_id_token_with(Forgery::OtherKey),
            Self::Nothing => {}
        }
    }
}

async fn what_a_visitor_may_not_know_is_in_the_log_under_their_id(
    setup: Setup,
) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = setup.start().await?;
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    world.mischief().on_id_token(|_, claims| {
        claims.insert("aud".to_owned(), "somebody-else".into());
    });
    let request = browser.request("GET", callback.as_str());
    let page = request.header("accept", "application/json").send().await?;
    let problem = page.json(502)?;
    let id = problem["id"].as_str().ok_or("no id")?;
    let log = transcript.text();
    let line = log.lines().find(|line| line.contains(id));
    let line = line.ok_or_else(|| format!("{id} is not in the log"))?;
    assert!(
        line.contains("id_token_aud") && line.contains("aud"),
        "{line}"
    );
    assert!(
        line.contains("route_request{route=Callback"),
        "it says where it happened: {line}"
    );
    let members = problem
        .as_object()
        .map(|members| members.keys().cloned().collect::<Vec<_>>());
    assert_eq!(
        members.unwrap_or_default(),
        ["code", "id", "status", "title", "type"]
    );
    Ok(())
}
