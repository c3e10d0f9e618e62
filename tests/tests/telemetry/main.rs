//! What the gate counts and measures, by both adapters: each metric that is documented, and no other. And its spans.

mod page;
mod recorder;
mod spans;

use std::sync::LazyLock;

use http::StatusCode;
use latchgate::ProtectedResource;
use latchgate_dev_provider::{Answer, Endpoint, JsonObject, LogoutTarget};
use latchgate_tests::app::api::{AUDIENCE, ApiServer};
use latchgate_tests::{Browser, Failure, Page, Setup, World, scenarios};
use tokio::sync::{Mutex, MutexGuard};

use recorder::Recording;

scenarios!(
    all_that_is_documented_is_recorded_and_nothing_else,
    access_tokens_are_counted_by_what_was_found,
    a_visitor_who_asks_for_nobody_is_not_counted;
    in either keeping:
    logins_are_counted_by_how_they_end,
    sessions_are_counted_by_what_was_found,
    refreshes_are_counted_by_how_they_end,
    logouts_are_counted_by_their_kind,
);

static RECORDING: LazyLock<Recording> = LazyLock::new(|| {
    let recording = Recording::default();
    metrics::set_global_recorder(recording.clone())
        .unwrap_or_else(|_| unreachable!("it is the only one"));
    recording
});

/// One scenario after another: they all are counted together.
static ALONE: Mutex<()> = Mutex::const_new(());

/// What is recorded from here on.
struct Since {
    before: Vec<(recorder::Series, u64)>,
    _alone: MutexGuard<'static, ()>,
}

async fn recording() -> Since {
    let alone = ALONE.lock().await;
    let series = RECORDING.series().into_iter();
    let before = series.map(|series| {
        let labels: Vec<_> = pairs(&series);
        let count = RECORDING.count(&series.0, &labels);
        (series.clone(), count)
    });
    Since {
        before: before.collect(),
        _alone: alone,
    }
}

fn pairs((_, labels): &recorder::Series) -> Vec<(&str, &str)> {
    let labels = labels.iter();
    labels
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

impl Since {
    /// How often a metric was counted or measured since, with these labels.
    fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let fits = |series: &recorder::Series| {
            let has =
                |(label, value): &(&str, &str)| series.1.get(*label).is_some_and(|is| is == value);
            series.0 == name && labels.iter().all(has)
        };
        let before = self.before.iter().filter(|(series, _)| fits(series));
        RECORDING.count(name, labels) - before.map(|(_, count)| count).sum::<u64>()
    }
}

const LOGINS: &str = "latchgate_logins_total";
const OPENED: &str = "latchgate_sessions_opened_total";
const REFRESHES: &str = "latchgate_refreshes_total";
const LOGOUTS: &str = "latchgate_logouts_total";
const TOKENS: &str = "latchgate_access_tokens_total";
const REJECTIONS: &str = "latchgate_rejections_total";
const CALLS: &str = "latchgate_provider_call_duration_seconds";

async fn logins_are_counted_by_how_they_end(setup: Setup) -> Result<(), Failure> {
    let since = recording().await;
    let world = setup.start().await?;
    world.signed_in().await?;
    let outcome = |outcome, code| [("provider", "main"), ("outcome", outcome), ("code", code)];
    assert_eq!(
        since.count("latchgate_logins_started_total", &[("provider", "main")]),
        1
    );
    assert_eq!(since.count(LOGINS, &outcome("signed_in", "none")), 1);
    let token = [
        ("provider", "main"),
        ("endpoint", "token"),
        ("status", "2xx"),
    ];
    assert_eq!(since.count(CALLS, &token), 1);
    assert_eq!(since.count("latchgate_session_cookies_bytes", &[]), 1);

    // The provider fails.
    world.mischief().answer(
        Endpoint::Token,
        Answer::status(StatusCode::INTERNAL_SERVER_ERROR),
    );
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    let page = browser.get(callback.as_str()).await?;
    assert_eq!(since.count(LOGINS, &outcome("refused", &page.code())), 1);
    let rejected = [("code", page.code()), ("fault", "provider".to_owned())];
    let rejected = rejected
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    assert_eq!(since.count(REJECTIONS, &rejected), 1);
    let token = [("endpoint", "token"), ("status", "5xx")];
    assert_eq!(since.count(CALLS, &token), 1);
    world.mischief().clear();

    // An answer to nobody's login, and one with a forged state.
    let stranger = world.browser()?;
    let page = stranger.get("/callback?state=x&code=y").await?;
    let unknown = [("provider", "unknown"), ("outcome", "refused")];
    assert_eq!((page.status, since.count(LOGINS, &unknown)), (400, 1));

    // A silent login that the provider declines is no error.
    world.provider.auto_sign_in(None);
    let mut silent = world.browser()?;
    silent.open("/silent").await?;
    assert_eq!(since.count(LOGINS, &[("outcome", "silently_declined")]), 1);
    assert_eq!(since.count(LOGINS, &[]), 4);

    // The application's own sessions.
    let form = world.browser()?;
    let form = form
        .request("POST", "/password?42")
        .navigation("same-origin");
    assert_eq!(form.send().await?.status, 303);
    let own = [("provider", "application"), ("outcome", "signed_in")];
    assert_eq!(since.count(LOGINS, &own), 1);
    Ok(())
}

async fn sessions_are_counted_by_what_was_found(setup: Setup) -> Result<(), Failure> {
    let since = recording().await;
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let opened = |outcome| since.count(OPENED, &[("outcome", outcome)]);
    assert_eq!((opened("active"), since.count(OPENED, &[])), (1, 1));
    let stored = world.store().is_some();
    let load = [("operation", "load"), ("outcome", "ok")];
    let loads = since.count("latchgate_store_call_duration_seconds", &load);
    assert_eq!(loads, u64::from(stored));

    let junk = format!("{}=x", world.session_cookie());
    let stranger = world.browser()?;
    stranger
        .request("GET", "/")
        .header("cookie", &junk)
        .send()
        .await?;
    assert_eq!(opened("unreadable"), 1);
    if let Some(store) = world.store() {
        store.set_down(true);
        assert_eq!(browser.get("/me").await?.status, 503);
        store.set_down(false);
        assert_eq!(opened("failed"), 1);
        let failed = [("operation", "load"), ("outcome", "failed")];
        let failed = since.count("latchgate_store_call_duration_seconds", &failed);
        assert_eq!(failed, 1);
    }
    world.clock.pass(400 * 24 * 3_600);
    world.whoami(&browser).await?;
    // A store does not keep what has ended.
    let (ended, gone) = (opened("absolute") + opened("idle"), opened("not_found"));
    assert_eq!((ended, gone), if stored { (0, 1) } else { (1, 0) });
    Ok(())
}

async fn refreshes_are_counted_by_how_they_end(setup: Setup) -> Result<(), Failure> {
    let since = recording().await;
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let waits = || since.count("latchgate_lease_wait_duration_seconds", &[]);
    let refreshed = |outcome| since.count(REFRESHES, &[("outcome", outcome)]);
    browser.fetch("POST", "/refresh").await?.json(200)?;
    assert_eq!(refreshed("refreshed"), 1);
    world.mischief().answer(Endpoint::Token, Answer::Drop);
    browser.fetch("POST", "/refresh").await?;
    assert_eq!(refreshed("unavailable"), 1);
    let unreachable = [("endpoint", "token"), ("status", "unreachable")];
    assert_eq!(since.count(CALLS, &unreachable), 1);
    world.mischief().clear();
    world.clock.pass(60);
    world.provider.revoke_all();
    browser.fetch("POST", "/refresh").await?;
    assert_eq!(refreshed("ended"), 1);
    assert_eq!(since.count(REFRESHES, &[]), 3);
    assert_eq!(waits(), if world.store().is_some() { 3 } else { 0 });
    Ok(())
}

async fn logouts_are_counted_by_their_kind(setup: Setup) -> Result<(), Failure> {
    let since = recording().await;
    let world = setup.start().await?;
    let ended = |kind| since.count(LOGOUTS, &[("kind", kind)]);
    let browser = world.signed_in().await?;
    let logout = browser.request("POST", "/logout").navigation("same-origin");
    assert_eq!(logout.send().await?.status, 303);
    assert_eq!(ended("rp_initiated"), 1);
    // Nobody is signed in any more.
    let logout = browser.request("POST", "/logout").navigation("same-origin");
    logout.send().await?;
    assert_eq!(since.count(LOGOUTS, &[]), 1);

    let browser = world.signed_in().await?;
    let form = browser
        .request("POST", "/everywhere")
        .navigation("same-origin");
    assert_eq!(form.send().await?.status, 204);
    assert_eq!(ended("by_application"), 1);

    let browser = world.signed_in().await?;
    let sid = browser.fetch("GET", "/me").await?.json(200)?["sid"].clone();
    let sid = sid.as_str().unwrap_or_default().to_owned();
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("iss", world.provider.issuer())
        .append_pair("sid", &sid)
        .finish();
    let frame = world.browser()?;
    let frame = frame.get(&format!("/frontchannel-logout?{query}")).await?;
    assert_eq!(frame.status, 200);
    assert_eq!(ended("front_channel"), 1);
    let honest = |_: &mut JsonObject, _: &mut JsonObject| {};
    let target = LogoutTarget::Sub("alice".to_owned());
    let token = world.provider.logout_token(target, honest);
    let form = [("logout_token", token.as_str())];
    let post = world.browser()?;
    let post = post.request("POST", "/backchannel-logout").form(&form);
    assert_eq!(post.send().await?.status, 200);
    assert_eq!(ended("back_channel"), 1);
    assert_eq!(since.count(LOGOUTS, &[]), 4);
    Ok(())
}

/// An API that takes access tokens, one that it accepts, and a client.
async fn api(world: &World) -> Result<(ApiServer, String), Failure> {
    let token = world.token(&world.signed_in().await?).await?;
    let token = token["access_token"].as_str().unwrap_or_default();
    let api = world
        .api(ProtectedResource::new(AUDIENCE), |api| api)
        .await?;
    Ok((api, format!("Bearer {token}")))
}

async fn present(client: &Browser, authorization: &str) -> Result<Page, Failure> {
    let request = client.request("GET", "/who");
    let request = request.header("authorization", authorization);
    Ok(request.send().await?)
}

async fn access_tokens_are_counted_by_what_was_found(setup: Setup) -> Result<(), Failure> {
    let since = recording().await;
    let setup = setup.registration(|provider| provider.resource(AUDIENCE));
    let world = setup.start().await?;
    let (api, token) = api(&world).await?;
    let client = api.client()?;
    assert_eq!(present(&client, &token).await?.status, 200);
    assert_eq!(present(&client, &token).await?.status, 200);
    let accepted = [("outcome", "accepted"), ("code", "none")];
    assert_eq!(since.count(TOKENS, &accepted), 2);
    let page = present(&client, "Bearer e30.e30.e30").await?;
    let refused = [("outcome", "refused"), ("code", &*page.code())];
    assert_eq!((page.status, since.count(TOKENS, &refused)), (401, 1));
    assert_eq!(since.count(REJECTIONS, &[("fault", "visitor")]), 1);
    Ok(())
}

/// A session that nobody asks for costs nothing, and is not counted.
async fn a_visitor_who_asks_for_nobody_is_not_counted(setup: Setup) -> Result<(), Failure> {
    let since = recording().await;
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let opened = since.count(OPENED, &[]);
    assert_eq!(browser.get("/public").await?.status, 200);
    assert_eq!(since.count(OPENED, &[]), opened);
    Ok(())
}

/// Held against the page, in both directions. What takes a particular world has been there by other scenarios.
async fn all_that_is_documented_is_recorded_and_nothing_else(setup: Setup) -> Result<(), Failure> {
    for scenario in [setup.clone(), setup.clone().stored()] {
        logins_are_counted_by_how_they_end(scenario.clone()).await?;
        sessions_are_counted_by_what_was_found(scenario.clone()).await?;
        refreshes_are_counted_by_how_they_end(scenario.clone()).await?;
        logouts_are_counted_by_their_kind(scenario).await?;
    }
    access_tokens_are_counted_by_what_was_found(setup).await?;
    let documented = page::metrics();
    let names: Vec<&str> = documented.keys().copied().collect();
    assert_eq!(RECORDING.used().keys().collect::<Vec<_>>(), names);
    let described = RECORDING.described();
    assert_eq!(described.keys().collect::<Vec<_>>(), names);
    for (name, row) in &documented {
        let known = &described[*name];
        assert_eq!(
            (known.kind, known.help.as_str()),
            (row.kind, row.help),
            "{name}"
        );
        assert_eq!(RECORDING.used()[*name], row.kind, "{name}");
        let unit = known.unit.map_or("", |unit| unit.as_str());
        assert_eq!(unit.replace("count", ""), row.unit, "{name}");
        assert!(
            name.ends_with(if row.kind == "counter" {
                "_total"
            } else {
                row.unit
            }),
            "{name}"
        );
    }
    for series in RECORDING.series() {
        let row = &documented[series.0.as_str()];
        let labels: Vec<_> = pairs(&series);
        let mut expected = row.labels.clone();
        expected.sort_unstable();
        assert_eq!(
            labels.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            expected
        );
        for (label, value) in labels {
            assert!(
                page::allows(&series.0, label, value),
                "{}: {label}={value}",
                series.0
            );
        }
    }
    let longest = RECORDING.sum("latchgate_session_cookies_bytes");
    assert!(longest > 500.0, "{longest} bytes in all cookies");
    Ok(())
}
