//! The spans of calls, and the traces that go on at the provider.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use latchgate::TraceContext;
use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::app::api::AUDIENCE;
use latchgate_tests::{Failure, Setup, scenarios};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::ALONE;

scenarios!(
    the_trace_goes_on_at_the_provider_only_when_asked,
    an_api_passes_its_trace_on_as_well;
    in either keeping:
    calls_are_spans_as_open_telemetry_wants_them,
    no_span_has_a_secret,
);

/// The fields of a span, with its name under `name` and its level under `level`.
type Fields = BTreeMap<String, String>;

/// All spans of calls since it was last emptied.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<BTreeMap<u64, Fields>>>);

static SPANS: LazyLock<Spans> = LazyLock::new(|| {
    let spans = Spans::default();
    Registry::default().with(spans.clone()).init();
    spans
});

impl Spans {
    fn fields(&self, id: &Id, add: impl FnOnce(&mut Fields)) {
        let mut spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        add(spans.entry(id.into_u64()).or_default());
    }

    fn take(&self) -> Vec<Fields> {
        let mut spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *spans).into_values().collect()
    }
}

struct Adding<'a>(&'a mut Fields);

impl Visit for Adding<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl<S: tracing::Subscriber> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let metadata = attributes.metadata();
        if !metadata.target().starts_with("latchgate") || metadata.target().contains("dev_provider")
        {
            return;
        }
        self.fields(id, |fields| {
            fields.insert("name".to_owned(), metadata.name().to_owned());
            fields.insert("level".to_owned(), metadata.level().to_string());
            attributes.record(&mut Adding(fields));
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        self.fields(id, |fields| values.record(&mut Adding(fields)));
    }
}

fn fields<const N: usize>(pairs: [(&str, &str); N]) -> Fields {
    let pairs = pairs.into_iter();
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

async fn calls_are_spans_as_open_telemetry_wants_them(setup: Setup) -> Result<(), Failure> {
    let _alone = ALONE.lock().await;
    let world = setup.start().await?;
    SPANS.take();
    let browser = world.signed_in().await?;
    let spans = SPANS.take();
    let (host, port) = world.provider.issuer()["http://".len()..]
        .split_once(':')
        .ok_or("no port")?;
    let token = fields([
        ("name", "provider_call"),
        ("level", "INFO"),
        ("otel.kind", "client"),
        ("otel.name", "POST token"),
        ("http.request.method", "POST"),
        ("server.address", host),
        ("server.port", port),
        ("url.full", &format!("{}/token", world.provider.issuer())),
        ("http.response.status_code", "200"),
    ]);
    assert!(spans.contains(&token), "{spans:#?}");
    let load = fields([
        ("name", "store_call"),
        ("level", "DEBUG"),
        ("otel.kind", "client"),
        ("otel.name", "load"),
        ("db.system.name", "memory"),
        ("db.operation.name", "load"),
    ]);
    assert_eq!(spans.contains(&load), world.store().is_some(), "{spans:#?}");

    for (answer, error, status) in [
        (Answer::Drop, "unreachable", None),
        (
            Answer::status(http::StatusCode::BAD_GATEWAY),
            "502",
            Some("502"),
        ),
    ] {
        world.mischief().answer(Endpoint::Token, answer);
        browser.fetch("POST", "/refresh").await?;
        let mut failed = token.clone();
        failed.insert("error.type".to_owned(), error.to_owned());
        failed.insert("otel.status_code".to_owned(), "ERROR".to_owned());
        failed.remove("http.response.status_code");
        failed.extend(
            status.map(|status| ("http.response.status_code".to_owned(), status.to_owned())),
        );
        let spans = SPANS.take();
        assert!(spans.contains(&failed), "{failed:#?} {spans:#?}");
        world.clock.pass(60);
    }
    if let Some(store) = world.store() {
        store.set_down(true);
        browser.get("/me").await?;
        let mut failed = load.clone();
        failed.insert("error.type".to_owned(), "store_unavailable".to_owned());
        failed.insert("otel.status_code".to_owned(), "ERROR".to_owned());
        assert!(SPANS.take().contains(&failed));
    }
    Ok(())
}

async fn no_span_has_a_secret(setup: Setup) -> Result<(), Failure> {
    let _alone = ALONE.lock().await;
    let world = setup.start().await?;
    SPANS.take();
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me?hush=1").await?;
    browser.get(callback.as_str()).await?;
    let token = world.token(&browser).await?;
    browser.fetch("POST", "/refresh").await?.json(200)?;
    let logout = browser.request("POST", "/logout").navigation("same-origin");
    logout.send().await?;
    let spans = SPANS.take();
    assert!(spans.len() > 5, "{spans:#?}");
    let secrets = callback.query_pairs().map(|(_, value)| value.into_owned());
    let secrets = secrets.filter(|value| !world.provider.issuer().contains(value.as_str()));
    let token = token["access_token"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let secrets: Vec<_> = secrets.chain([token, "hush".to_owned()]).collect();
    assert!(secrets.len() > 3, "{secrets:?}");
    for secret in &secrets {
        let tells = |fields: &&Fields| fields.values().any(|value| value.contains(secret));
        assert_eq!(spans.iter().find(tells), None);
    }
    let asked = |fields: &Fields| fields.values().any(|value| value.contains('?'));
    assert!(!spans.iter().any(asked), "a query: {spans:#?}");
    Ok(())
}

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Of the call to this host, if it is made in a span of its own.
fn current(host: &str) -> Option<TraceContext> {
    let span = tracing::Span::current();
    let is_call = span.metadata()?.name() == "provider_call";
    let context = TraceContext::parse(PARENT)?.tracestate("congo=t61rcWkgMzE");
    (is_call && host == "127.0.0.1").then_some(context)
}

async fn the_trace_goes_on_at_the_provider_only_when_asked(setup: Setup) -> Result<(), Failure> {
    let _alone = ALONE.lock().await;
    drop(SPANS.take());
    let endpoints = [Endpoint::Discovery, Endpoint::Jwks, Endpoint::Token];
    let traced = setup.clone().gate(|gate| gate.trace_context(current));
    for (setup, parent) in [(setup, None), (traced, Some(PARENT))] {
        let world = setup.start().await?;
        world.signed_in().await?;
        for endpoint in endpoints {
            let request = world.provider.last_request(endpoint).ok_or("not asked")?;
            assert_eq!(request.header("traceparent"), parent, "{endpoint:?}");
            assert_eq!(request.header("tracestate").is_some(), parent.is_some());
        }
    }
    Ok(())
}

async fn an_api_passes_its_trace_on_as_well(setup: Setup) -> Result<(), Failure> {
    let _alone = ALONE.lock().await;
    drop(SPANS.take());
    let setup = setup.registration(|provider| provider.resource(AUDIENCE));
    let world = setup.start().await?;
    let token = world.token(&world.signed_in().await?).await?;
    let token = format!(
        "Bearer {}",
        token["access_token"].as_str().unwrap_or_default()
    );
    let api = world
        .api(AUDIENCE, |api| api.trace_context(current))
        .await?;
    world.provider.reset_calls();
    let client = api.client()?;
    let request = client
        .request("GET", "/who")
        .header("authorization", &token);
    assert_eq!(request.send().await?.status, 200);
    let asked = world
        .provider
        .last_request(Endpoint::Jwks)
        .ok_or("not asked")?;
    assert_eq!(asked.header("traceparent"), Some(PARENT));
    Ok(())
}
