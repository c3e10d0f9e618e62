//! Four processes of one application, their store and their provider.

use std::time::Duration;

use latchgate_dev_provider::{DevProvider, Endpoint};
use latchgate_tests::browser::{Browser, Page};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::store::{Kind, Store};
use super::{KEY, NODES};
use crate::case::Failure;
use crate::child::pause;
use crate::example::{Address, BOTH, Example, Running};

/// A provider, a store, and nodes of one application, behind one base URL.
pub(super) struct Cluster {
    pub(super) provider: DevProvider,
    pub(super) store: Store,
    addresses: Vec<Address>,
    nodes: Vec<Option<Running>>,
}

impl Cluster {
    pub(super) async fn start(kind: Kind) -> Result<Self, Failure> {
        let provider = DevProvider::start().await?;
        provider.auto_sign_in(Some("alice"));
        let first = Address::free()?;
        let mut addresses = Vec::new();
        for _ in 1..NODES {
            addresses.push(first.beside()?);
        }
        addresses.insert(0, first);
        let mut cluster = Self {
            provider,
            store: Store::start(kind).await?,
            nodes: addresses.iter().map(|_| None).collect(),
            addresses,
        };
        for node in 0..NODES {
            cluster.run(node, KEY).await?;
        }
        Ok(cluster)
    }

    /// Starts a node, with these session keys.
    pub(super) async fn run(&mut self, node: usize, keys: &str) -> Result<(), Failure> {
        let example: Example = BOTH[node % BOTH.len()];
        let store = self.store.url();
        let variables = [
            ("LATCHGATE_ISSUER", self.provider.issuer()),
            ("LATCHGATE_CLIENT_ID", self.provider.client_id()),
            ("LATCHGATE_CLIENT_SECRET", self.provider.client_secret()),
            ("LATCHGATE_SCOPES", "openid profile email offline_access"),
            ("LATCHGATE_SESSION_KEYS", keys),
            ("LATCHGATE_STORE", &store),
        ];
        let running = example.start(&self.addresses[node], &variables).await?;
        self.nodes[node] = Some(running);
        Ok(())
    }

    /// Kills a node as `kill -9` does.
    pub(super) fn kill(&mut self, node: usize) {
        self.nodes[node] = None;
    }

    /// Where a node itself listens.
    pub(super) fn own(&self, node: usize) -> String {
        self.addresses[node].own()
    }

    /// Somebody's browser whose requests reach this node.
    pub(super) fn at(&self, node: usize, browser: &Browser) -> Browser {
        let address = &self.addresses[node];
        browser
            .clone()
            .at_home(&address.base_url)
            .connecting(&address.base_url, &address.own())
    }

    /// Alice signs in, and gets an access token that has expired.
    pub(super) async fn signed_in_at_expiry(&self) -> Result<Browser, Failure> {
        let mischief = self.provider.mischief();
        mischief.on_token_response(|answer| answer["expires_in"] = json!(1));
        let mut browser = self.at(0, &Browser::new()?);
        let page = browser.open("/me").await?;
        ensure!(page.status == 200, "login: {page}");
        mischief.clear();
        pause(Duration::from_millis(1_100)).await;
        self.provider.reset_calls();
        Ok(browser)
    }

    /// What every node answers, when so many copies of a browser ask each of `nodes` for a token at once.
    pub(super) async fn storm(
        &self,
        nodes: impl Iterator<Item = usize>,
        each: usize,
        browser: &Browser,
    ) -> Result<Vec<Page>, Failure> {
        let mut requests = JoinSet::new();
        for node in nodes {
            for _ in 0..each {
                let copy = self.at(node, browser);
                requests.spawn(async move { copy.fetch("GET", "/token").await });
            }
        }
        let pages: Result<_, _> = requests.join_all().await.into_iter().collect();
        Ok(pages?)
    }

    /// Every node answers with this token, and without asking the provider again.
    pub(super) async fn all_have(&self, token: &Value, browser: &Browser) -> Result<(), Failure> {
        let before = self.provider.calls(Endpoint::Token);
        for node in (0..NODES).filter(|node| self.nodes[*node].is_some()) {
            let answer = self.at(node, browser).fetch("GET", "/token").await?;
            ensure!(
                answer.json(200)?["access_token"] == *token,
                "node {node} has another token"
            );
        }
        let after = self.provider.calls(Endpoint::Token);
        ensure!(before == after, "the provider was asked again");
        Ok(())
    }

    /// Waits until the provider has been asked for tokens so many times.
    pub(super) async fn until_asked(&self, times: usize) -> Result<(), Failure> {
        let asking = async {
            while self.provider.calls(Endpoint::Token) < times {
                pause(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), asking).await;
        Ok(waited.map_err(|_| "the provider was not asked")?)
    }

    pub(super) fn said(&self) -> String {
        let said = |(node, running): (usize, &Option<Running>)| {
            let said = running.as_ref().map(Running::said).unwrap_or_default();
            format!("--- node {node}:\n{said}")
        };
        self.nodes.iter().enumerate().map(said).collect()
    }
}
