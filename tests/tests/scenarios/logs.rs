//! What an operator finds in the log.

use latchgate::{LoginRejection, User};
use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::app::Count;
use latchgate_tests::{Failure, OLD_KEY, Page, Setup, Transcript, World, scenarios};

scenarios!(
    what_happened_is_told_by_its_level,
    an_endpoint_that_cannot_be_reached_is_named,
    junk_in_the_cookie_is_no_alarm,
    a_refused_login_is_one_line_even_if_nobody_waits_for_it;
    in either keeping:
    every_id_that_is_shown_is_in_the_log,
    a_denial_says_who_where_and_which_rule,
    a_key_that_is_gone_is_told_but_not_each_time,
);

/// The line of the log that has the id of a page.
fn line(transcript: &Transcript, page: &Page) -> Result<String, Failure> {
    let id = page.id()?;
    let text = transcript.text();
    let line = text.lines().find(|line| line.contains(&id));
    Ok(line
        .ok_or_else(|| format!("{id} is not in the log: {page}"))?
        .to_owned())
}

async fn every_id_that_is_shown_is_in_the_log(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = setup.start().await?;
    let stranger = world.browser()?;
    let mut pages = Vec::new();
    for path in ["/me", "/token", "/count", "/recent"] {
        pages.push(stranger.fetch("GET", path).await?);
    }
    let form = stranger.request("POST", "/write").navigation("same-origin");
    pages.push(form.send().await?);
    pages.push(stranger.fetch("GET", "/login").await?);
    pages.push(stranger.get("/callback?state=x&secret=hush").await?);
    pages.push(stranger.fetch("PUT", "/callback").await?);

    world.provider.auto_sign_in(Some("bob"));
    let bob = world.signed_in().await?;
    pages.push(bob.get("/admin?secret=hush").await?);
    pages.push(bob.fetch("GET", "/admin?secret=hush").await?);
    world.clock.pass(400);
    pages.push(bob.fetch("GET", "/recent?secret=hush").await?);
    world.clock.pass(25 * 3600);
    pages.push(bob.fetch("GET", "/me?secret=hush").await?);
    for page in &pages {
        let line = line(&transcript, page)?;
        assert!(line.contains(&page.code()), "{line}");
        assert!(!line.contains("hush"), "{line}");
        let path = page.url.path();
        let route = matches!(path, "/login" | "/callback");
        assert!(
            route || line.contains(path),
            "it does not say where: {line}"
        );
        let level = match (page.status, path) {
            (401, _) => " DEBUG ",
            _ => " INFO ",
        };
        assert!(line.contains(level), "not{level}: {line}");
    }
    Ok(())
}

async fn a_denial_says_who_where_and_which_rule(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = setup.start().await?;
    world.provider.auto_sign_in(Some("bob"));
    let bob = world.signed_in().await?;
    let line = line(&transcript, &bob.get("/admin?secret=hush").await?)?;
    for part in [
        " INFO ",
        "event=\"denied\"",
        &format!("issuer=\"{}\"", world.provider.issuer()),
        "subject=\"bob\"",
        "path=\"/admin\"",
        "the role `admin` is required",
    ] {
        assert!(line.contains(part), "{part} is missing: {line}");
    }
    Ok(())
}

/// The lines about session cookies of this name.
fn about(transcript: &Transcript, cookie: &str, level: &str) -> Vec<String> {
    let text = transcript.text();
    let mark = format!("cookie=\"{cookie}\"");
    text.lines()
        .filter(|line| line.contains(&mark) && line.contains(level))
        .map(str::to_owned)
        .collect()
}

/// A world whose session cookie nobody else in this process has, so that its lines are found.
async fn named(setup: Setup) -> Result<(World, String), Failure> {
    let name = format!("mine-{:?}", std::thread::current().id())
        .replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let name = format!("{name}-{}", if setup_is_stored(&setup) { "s" } else { "c" });
    let cookie = name.clone();
    let world = setup
        .gate(move |gate| gate.cookie_name(&cookie))
        .start()
        .await?;
    Ok((world, name))
}

fn setup_is_stored(setup: &Setup) -> bool {
    format!("{setup:?}").contains("stored: true")
}

async fn a_key_that_is_gone_is_told_but_not_each_time(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let (world, cookie) = named(setup.keys(&[OLD_KEY])).await?;
    let alice = world.signed_in().await?;
    // Somebody puts a new key in place of the old one instead of in front of it.
    let world = world
        .neighbour(|setup| setup.keys(&[latchgate_tests::KEY]))
        .await?;
    for _ in 0..30 {
        let visitor = world.lead(alice.clone());
        assert_eq!(world.whoami(&visitor).await?, None);
    }
    let told = about(&transcript, &cookie, " WARN ");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("event=\"session_not_opened\""), "{told:?}");
    assert!(told[0].contains("LATCHGATE_SESSION_KEYS"), "{told:?}");

    world.clock.pass(60);
    assert_eq!(world.whoami(&world.lead(alice.clone())).await?, None);
    let told = about(&transcript, &cookie, " WARN ");
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[1].contains("count=30"), "{told:?}");
    Ok(())
}

async fn junk_in_the_cookie_is_no_alarm(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let (world, cookie) = named(setup).await?;
    let stranger = world.browser()?;
    for junk in [
        "x",
        "%00",
        "AAAA",
        &"A".repeat(43),
        &"A".repeat(200),
        &"Z".repeat(3000),
    ] {
        let request = stranger.request("GET", "/");
        let request = request.header("cookie", format!("{cookie}={junk}"));
        assert_eq!(request.send().await?.body, "anonymous");
    }
    assert_eq!(about(&transcript, &cookie, " WARN "), [""; 0]);
    assert_eq!(about(&transcript, &cookie, " DEBUG ").len(), 6);
    let text = transcript.text();
    assert!(!text.contains(&"A".repeat(43)), "the log repeats the junk");
    Ok(())
}

/// Alice's login is refused by the application: in a browser that waits, and in one that hangs up before.
async fn a_refused_login_is_one_line_even_if_nobody_waits_for_it(
    setup: Setup,
) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let refuse = async |_: User| Err::<Count, _>(LoginRejection::forbidden("no customer"));
    let world = setup
        .gate(move |gate| gate.on_login(refuse))
        .start()
        .await?;
    let issuer = format!("issuer=\"{}\"", world.provider.issuer());
    // Another scenario's provider may have had this port before.
    let begun = transcript.text().len();
    let told = || -> Vec<String> {
        let text = transcript.text();
        let text = text.get(begun..).unwrap_or_default();
        let lines = text.lines().filter(|line| line.contains("subject="));
        let lines = lines.filter(|line| line.contains(&issuer));
        lines.map(str::to_owned).collect()
    };
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    let page = browser.get(callback.as_str()).await?;
    assert_eq!(page.code(), "login_refused", "{page}");
    let lines = told();
    assert_eq!(lines, [line(&transcript, &page)?]);
    for part in [
        "event=\"rejection\"",
        "code=\"login_refused\"",
        "subject=\"alice\"",
    ] {
        assert!(lines[0].contains(part), "{part} is missing: {lines:?}");
    }

    let callback = world.callback(&browser, "/me").await?;
    world.provider.reset_calls();
    world.mischief().answer(Endpoint::Token, Answer::Hang);
    let waiting = browser.clone();
    let waiting = tokio::spawn(async move { waiting.get(callback.as_str()).await.map(drop) });
    let redeeming = || world.calls(Endpoint::Token) == 1;
    world.until("the code is redeemed", redeeming).await?;
    waiting.abort();
    let gone = waiting.await;
    assert!(gone.is_err_and(|error| error.is_cancelled()));
    world.mischief().clear();
    let again = || told().len() == 2;
    world.until("the second refusal is logged", again).await
}

async fn what_happened_is_told_by_its_level(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = setup.start().await?;
    let browser = world.browser()?;
    let level = |page: &Page, code: &str, level: &str| -> Result<(), Failure> {
        assert_eq!(page.code(), code, "{page}");
        let line = line(&transcript, page)?;
        assert!(line.contains(&format!(" {level} ")), "not {level}: {line}");
        Ok(())
    };
    // Whoever likes to can send these.
    level(
        &browser.get("/callback?state=x").await?,
        "no_login_under_way",
        "INFO",
    )?;
    let foreign = browser.request("POST", "/logout").navigation("cross-site");
    level(&foreign.send().await?, "cross_site_request", "INFO")?;
    for junk in [
        "",
        "x.y.z",
        "eyJhbGciOiJSUzI1NiJ9.e30.AAAA",
        "eyJhbGciOiJSUzI1NiIsImtpZCI6Im5ldyJ9.e30.AAAA",
    ] {
        let token = browser.request("POST", "/backchannel-logout");
        let token = token.form(&[("logout_token", junk)]).send().await?;
        level(&token, "logout_token", "INFO")?;
    }
    // Somebody has to do something about these.
    let callback = world.callback(&browser, "/me").await?;
    world.mischief().answer(Endpoint::Token, Answer::Drop);
    level(
        &browser.get(callback.as_str()).await?,
        "provider_unreachable",
        "ERROR",
    )?;
    world.mischief().clear();
    let start = browser.get("/me").await?.leads_to()?;
    let state = start.query_pairs().find(|(name, _)| name == "state");
    let state = state
        .map(|(_, state)| state.into_owned())
        .unwrap_or_default();
    let iss = world.provider.issuer();
    let answer = format!("/callback?error=invalid_scope&iss={iss}&state={state}");
    level(
        &browser.get(&answer).await?,
        "login_refused_by_provider",
        "ERROR",
    )?;
    Ok(())
}

async fn an_endpoint_that_cannot_be_reached_is_named(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = setup.start().await?;
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    world.mischief().answer(Endpoint::Token, Answer::Drop);
    let page = browser.get(callback.as_str()).await?;
    let line = line(&transcript, &page)?;
    let endpoint = format!("{}/token", world.provider.issuer().trim_end_matches('/'));
    assert!(line.contains(&endpoint), "{endpoint} is missing: {line}");
    assert!(!page.body.contains(&endpoint), "{page}");

    let world = world.neighbour(|setup| setup).await?;
    world.provider_down();
    let page = world.browser()?.get("/me").await?;
    let line = self::line(&transcript, &page)?;
    let issuer = world.provider.issuer().trim_end_matches('/');
    let endpoint = format!("{issuer}/.well-known/openid-configuration");
    assert!(line.contains(&endpoint), "{endpoint} is missing: {line}");
    Ok(())
}
