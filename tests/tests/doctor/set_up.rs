//! An application and its provider, right or wrong.

use http::{HeaderValue, Request};
use latchgate::{GateBuilder, Report, Settings};
use latchgate_dev_provider::{DevProvider, DevProviderBuilder};
use latchgate_tests::TlsFront;
use tokio::sync::OnceCell;

/// A set-up: what differs from one in which everything is as it should be.
pub(crate) struct SetUp {
    pub(crate) name: &'static str,
    settings: Vec<(&'static str, &'static str)>,
    provider: fn(DevProviderBuilder) -> DevProviderBuilder,
    running: fn(&DevProvider),
    gate: fn(GateBuilder) -> GateBuilder,
    sample: Option<Request<()>>,
    issuer: OnceCell<String>,
}

impl SetUp {
    /// A key that was drawn, for tests only.
    pub(crate) const KEY: &str = "xLUwsCmDwqO4nH1mUu8mfp1s0JrcmqRZ1yB8o3UmYbk=";

    /// One in which everything is as it should be.
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            settings: Vec::new(),
            provider: |provider| provider,
            running: |_| {},
            gate: |gate| gate,
            sample: None,
            issuer: OnceCell::new(),
        }
    }

    /// Called this.
    pub(crate) fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// With this setting besides or instead. `{issuer}` stands for the provider's, `{tls}` for a server with a certificate of
    /// a private authority.
    pub(crate) fn set(mut self, name: &'static str, value: &'static str) -> Self {
        self.settings.push((name, value));
        self
    }

    /// At a provider that is set up like this.
    pub(crate) fn provider(mut self, change: fn(DevProviderBuilder) -> DevProviderBuilder) -> Self {
        self.provider = change;
        self
    }

    /// At a provider to which this is done while it runs.
    pub(crate) fn running(mut self, change: fn(&DevProvider)) -> Self {
        self.running = change;
        self
    }

    /// With a gate that is built like this.
    pub(crate) fn gate(mut self, change: fn(GateBuilder) -> GateBuilder) -> Self {
        self.gate = change;
        self
    }

    /// With a request for this path that has these header fields when it arrives.
    pub(crate) fn arriving(mut self, path: &str, headers: &[(&'static str, &'static str)]) -> Self {
        let mut request = Request::new(());
        *request.uri_mut() = path.parse().unwrap();
        for (name, value) in headers {
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(*name, value);
        }
        self.sample = Some(request);
        self
    }

    /// The text with what its placeholders stand for.
    pub(crate) fn fill(&self, text: &str) -> String {
        let issuer = self.issuer.get().map_or("{issuer}", String::as_str);
        text.replace("{issuer}", issuer)
    }

    /// What the doctor says.
    pub(crate) async fn check(&self) -> Report {
        let provider = (self.provider)(DevProvider::builder());
        let provider = provider.start().await.unwrap();
        (self.running)(&provider);
        let front = TlsFront::start().await.unwrap();
        front.lead_to(provider.issuer());
        drop(self.issuer.set(provider.issuer().to_owned()));
        let mut values = vec![
            ("base_url", "http://127.0.0.1:3000".to_owned()),
            ("issuer", provider.issuer().to_owned()),
            ("client_id", provider.client_id().to_owned()),
            ("client_secret", provider.client_secret().to_owned()),
            ("session_keys", Self::KEY.to_owned()),
        ];
        for (name, value) in &self.settings {
            let value = value.replace("{issuer}", provider.issuer());
            values.retain(|(known, _)| known != name);
            values.push((name, value.replace("{tls}", front.url())));
        }
        let table: String = values
            .iter()
            .map(|(name, value)| format!("{name} = {value:?}\n"))
            .collect();
        let settings = Settings::from_toml(&table);
        let settings = settings.stores(&[latchgate_redis::open, latchgate_postgres::open]);
        let gate = (self.gate)(settings.builder()).build();
        let gate = gate.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        match &self.sample {
            Some(sample) => gate.check().sample_request(sample).await,
            None => gate.check().await,
        }
    }
}
