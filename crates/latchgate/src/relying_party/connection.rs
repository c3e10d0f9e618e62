//! The connection to one provider: one total deadline per call, metadata and keys cached.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, Response, Uri, header};
use tracing::Instrument;

use super::cached::{Cached, CachedValue};
use crate::background::Background;
use crate::client::Registration;
use crate::error::Error;
use crate::io::{HttpClient, HttpError};
use crate::jose::KeySet;
use crate::provider::{
    Discovery, DiscoveryError, Endpoints, Issuer, Metadata, RefetchBudget, discovery_request,
    discovery_response, keys_request, keys_response,
};
use crate::telemetry::{ProviderCall, ProviderEndpoint};

/// How long one call to the provider may take, from start to end.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// The connection to one provider.
#[derive(Debug)]
pub(crate) struct ProviderConnection {
    issuer: Issuer,
    /// The provider's name in metrics: one of a few, so that strangers cannot add series.
    counted_as: String,
    discovery: Discovery,
    /// Whether metadata must have an authorization endpoint.
    for_logins: bool,
    endpoints: Endpoints,
    http: Arc<dyn HttpClient>,
    /// The runtime that the HTTP client's connections live on.
    background: Arc<Background>,
    metadata: Arc<Cached<Metadata>>,
    keys: Arc<Cached<KeySet>>,
    budget: Mutex<Option<RefetchBudget>>,
}

/// Bounds for `Cache-Control: max-age` of metadata and keys, in seconds, and the default without one.
const SHORTEST: u64 = 5 * 60;
const LONGEST: u64 = 24 * 3600;
const USUAL: u64 = 3600;

impl ProviderConnection {
    pub(crate) fn new(
        issuer: Issuer,
        http: Arc<dyn HttpClient>,
        background: Arc<Background>,
    ) -> Self {
        Self {
            issuer,
            counted_as: Registration::MAIN.to_owned(),
            discovery: Discovery::OpenId,
            for_logins: false,
            endpoints: Endpoints::Usual,
            http,
            background,
            metadata: Arc::new(Cached::new()),
            keys: Arc::new(Cached::new()),
            budget: Mutex::default(),
        }
    }

    /// The same with metadata that need not be fetched.
    pub(crate) fn knowing(mut self, metadata: Metadata) -> Self {
        self.metadata = Arc::new(Cached::holding(metadata));
        self
    }

    /// The same, whose metadata is published by this standard.
    pub(crate) fn published_by(mut self, discovery: Discovery) -> Self {
        self.discovery = discovery;
        self
    }

    /// The same, counted under this name.
    pub(super) fn counted_as(mut self, name: &str) -> Self {
        name.clone_into(&mut self.counted_as);
        self
    }

    /// The same for logins, which an authorization server need not have.
    pub(super) fn for_logins(mut self) -> Self {
        self.for_logins = true;
        self
    }

    /// The same, which calls these endpoints.
    pub(super) fn calling(mut self, endpoints: Endpoints) -> Self {
        self.endpoints = endpoints;
        self
    }

    pub(super) fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// Sends one request within the total deadline. Every client's responses must be short, uncompressed, and no
    /// redirects.
    pub(crate) async fn send(
        &self,
        whom: ProviderEndpoint,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, HttpError> {
        let endpoint = Endpoint(request.uri().clone());
        let answer = self.exchange(whom, request).await?;
        acceptable(answer).map_err(|error| error.at(endpoint.to_string()))
    }

    /// The same, for any response: for callers that only look at it.
    pub(super) async fn exchange(
        &self,
        whom: ProviderEndpoint,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, HttpError> {
        let endpoint = Endpoint(request.uri().clone());
        let call = ProviderCall::begin(whom, &request, &endpoint);
        let http = Arc::clone(&self.http);
        let exchange = async move {
            let answer = tokio::time::timeout(DEADLINE, http.send(request)).await;
            answer.unwrap_or(Err(HttpError::Timeout))
        };
        let exchange = self.background.borrow(exchange);
        let answer = exchange.instrument(call.span()).await;
        let answer =
            answer.unwrap_or_else(|| Err(HttpError::Transport("the server stopped".into())));
        let outcome = answer.as_ref().map(Response::status);
        call.end(&self.counted_as, outcome.map_err(HttpError::kind));
        answer.map_err(|error| error.at(endpoint.to_string()))
    }

    /// The request for the provider's metadata.
    pub(super) fn discovery_request(&self) -> Result<Request<Vec<u8>>, HttpError> {
        discovery_request(&self.issuer, self.discovery)
            .map_err(|error| HttpError::Transport(error.into()))
    }

    /// Reads the answer to it.
    pub(super) fn read_metadata(
        &self,
        answer: &Response<Vec<u8>>,
    ) -> Result<Metadata, DiscoveryError> {
        let metadata = discovery_response(&self.issuer, self.discovery, self.endpoints, answer)?;
        match metadata.lacks("authorization_endpoint") {
            Some(member) if self.for_logins => Err(DiscoveryError::Missing(member)),
            _ => Ok(metadata),
        }
    }

    /// The provider's metadata.
    pub(crate) async fn metadata(self: &Arc<Self>, now: u64) -> Result<Arc<Metadata>, Error> {
        let fetch = || {
            let this = Arc::clone(self);
            async move {
                let request = this.discovery_request()?;
                let answer = this.send(ProviderEndpoint::Discovery, request).await?;
                Ok((this.read_metadata(&answer)?, lifetime(&answer)))
            }
        };
        let expired = |latest: &CachedValue<_>| latest.good_until <= now;
        self.metadata
            .get(now, expired, &self.background, fetch)
            .await
    }

    /// The provider's metadata, if it was fetched before.
    pub(crate) fn known_metadata(&self) -> Option<Arc<Metadata>> {
        self.metadata.latest().map(|latest| latest.value)
    }

    /// The provider's keys.
    pub(crate) async fn keys(self: &Arc<Self>, now: u64) -> Result<Arc<KeySet>, Error> {
        let fetch = || Arc::clone(self).fetch_keys(now);
        let expired = |latest: &CachedValue<_>| latest.good_until <= now;
        self.keys.get(now, expired, &self.background, fetch).await
    }

    /// The provider's keys, if they need not be fetched.
    pub(crate) fn fresh_keys(&self, now: u64) -> Option<Arc<KeySet>> {
        let latest = self.keys.latest()?;
        (latest.good_until > now).then_some(latest.value)
    }

    /// The provider's keys, fetched again because `known` lacks one, as often as the budget allows and unless another
    /// caller has just done it.
    pub(crate) async fn newer_keys(
        self: &Arc<Self>,
        known: &Arc<KeySet>,
        now: u64,
    ) -> Result<Arc<KeySet>, Error> {
        let same = |latest: &CachedValue<KeySet>| Arc::ptr_eq(&latest.value, known);
        // Taken one at a time: callers who waited for another's fetch use none of the budget.
        let fetch = || {
            let this = Arc::clone(self);
            async move {
                if !this.take_from_budget(now) {
                    return Err(HttpError::NoNewerKeys.into());
                }
                this.fetch_keys(now).await
            }
        };
        let newer = self.keys.get(now, same, &self.background, fetch).await?;
        if Arc::ptr_eq(&newer, known) {
            // The fetch failed and the stale keys were returned: newer ones are unavailable.
            return Err(HttpError::NoNewerKeys.into());
        }
        Ok(newer)
    }

    fn take_from_budget(&self, now: u64) -> bool {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        budget
            .get_or_insert_with(|| RefetchBudget::full(now))
            .take(now)
    }

    async fn fetch_keys(self: Arc<Self>, now: u64) -> Result<(KeySet, u64), Error> {
        let metadata = self.metadata(now).await?;
        if let Some(member) = metadata.lacks("jwks_uri") {
            return Err(DiscoveryError::Missing(member).into());
        }
        let request =
            keys_request(&metadata).map_err(|error| HttpError::Transport(error.into()))?;
        let answer = self.send(ProviderEndpoint::Jwks, request).await?;
        Ok((keys_response(&answer)?, lifetime(&answer)))
    }
}

/// An endpoint for the log: without user, query and fragment.
struct Endpoint(Uri);

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(uri) = self;
        let scheme = uri.scheme_str().unwrap_or("https");
        write!(f, "{scheme}://{}", uri.host().unwrap_or_default())?;
        if let Some(port) = uri.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(uri.path())
    }
}

/// Refuses a response that is too long, compressed, or a redirect.
fn acceptable(answer: Response<Vec<u8>>) -> Result<Response<Vec<u8>>, HttpError> {
    if answer.status().is_redirection() {
        return Err(HttpError::Redirect(answer.status()));
    }
    if answer.headers().contains_key(header::CONTENT_ENCODING) {
        return Err(HttpError::Encoded);
    }
    if answer.body().len() > HttpError::MAX_BYTES {
        return Err(HttpError::TooLarge);
    }
    Ok(answer)
}

/// How long a response may be used, by its `Cache-Control` within our bounds.
fn lifetime(answer: &Response<Vec<u8>>) -> u64 {
    let max_age = answer
        .headers()
        .get(header::CACHE_CONTROL)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| {
            value
                .split(',')
                .find_map(|directive| directive.trim().strip_prefix("max-age=")?.parse().ok())
        });
    max_age.map_or(USUAL, |seconds: u64| seconds.clamp(SHORTEST, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::scripted::{Answer, ScriptedHttp};
    use crate::jose::{Algorithm, Signer};
    use serde_json::json;
    use tokio::task::JoinSet;

    const DISCOVERY: &str = "https://op.example/.well-known/openid-configuration";
    const JWKS: &str = "https://op.example/jwks";

    fn metadata(caching: &'static str) -> Answer {
        let document = json!({
            "issuer": "https://op.example",
            "authorization_endpoint": "https://op.example/authorize",
            "token_endpoint": "https://op.example/token",
            "jwks_uri": JWKS,
        });
        Answer::Says(200, caching, document.to_string())
    }

    fn keys(kid: &str) -> Answer {
        let key = Signer::new(Algorithm::Es256).jwk_named(kid);
        Answer::Says(200, "", json!({ "keys": [key] }).to_string())
    }

    /// On the test's own runtime.
    fn background() -> Arc<Background> {
        Arc::new(Background::new(Some(tokio::runtime::Handle::current())))
    }

    fn provider(
        answers: impl IntoIterator<Item = Answer>,
    ) -> (Arc<ProviderConnection>, ScriptedHttp) {
        let http = ScriptedHttp::new(answers);
        let issuer = Issuer::parse("https://op.example").unwrap();
        let connection = ProviderConnection::new(issuer, Arc::new(http.clone()), background());
        (Arc::new(connection), http)
    }

    /// The codes that twenty requests at the same moment get, and `ok`.
    async fn twenty_at_once(connection: &Arc<ProviderConnection>) -> Vec<&'static str> {
        let mut requests = JoinSet::new();
        for _ in 0..20 {
            let connection = Arc::clone(connection);
            requests.spawn(async move {
                match connection.metadata(1_000).await {
                    Ok(_) => "ok",
                    Err(error) => error.code(),
                }
            });
        }
        requests.join_all().await
    }

    #[tokio::test]
    async fn twenty_requests_at_once_ask_once() {
        let (connection, http) = provider([metadata("")]);
        assert_eq!(twenty_at_once(&connection).await, ["ok"; 20]);
        assert_eq!(http.asked(), [DISCOVERY]);
    }

    #[tokio::test]
    async fn twenty_requests_at_once_share_a_failure_and_the_next_asks_again() {
        let (connection, http) = provider([Answer::Refuses]);
        assert_eq!(
            twenty_at_once(&connection).await,
            ["provider_unreachable"; 20]
        );
        assert_eq!(http.asked().len(), 1);
        http.then(metadata(""));
        assert!(connection.metadata(1_000).await.is_ok());
        assert_eq!(http.asked().len(), 2);
    }

    /// Anybody can begin a login and hang up while the provider thinks.
    #[tokio::test(start_paused = true)]
    async fn a_fetch_is_completed_whoever_hangs_up() {
        let document = match metadata("") {
            Answer::Says(_, _, document) => document,
            other => panic!("{other:?}"),
        };
        let thinks = Duration::from_secs(5);
        let (connection, http) = provider([Answer::After(thinks, document)]);
        let began = tokio::time::Instant::now();
        for _ in 0..3 {
            let hangs_up = tokio::time::timeout(thinks / 4, connection.metadata(1_000));
            assert!(hangs_up.await.is_err());
        }
        assert!(connection.metadata(1_000).await.is_ok());
        assert_eq!((began.elapsed(), http.asked().len()), (thinks, 1));
    }

    /// As a handler does that makes several calls, and waits for one while it polls no other.
    #[tokio::test(start_paused = true)]
    async fn a_fetch_goes_on_while_its_caller_waits_for_somebody_else() {
        let (connection, http) = provider([metadata("")]);
        let mut first = Box::pin(connection.metadata(1_000));
        assert!(futures_util::poll!(&mut first).is_pending());
        let second = tokio::time::timeout(DEADLINE, connection.metadata(1_000));
        assert!(second.await.unwrap().is_ok());
        assert!(first.await.is_ok());
        assert_eq!(http.asked().len(), 1);
    }

    /// Or present a token with a key id that nobody has, which uses a part of the budget for newer keys.
    #[tokio::test(start_paused = true)]
    async fn newer_keys_arrive_whoever_hangs_up() {
        let (connection, http) = provider([metadata(""), keys("a")]);
        let known = connection.keys(1_000).await.unwrap();
        let newer = match keys("b") {
            Answer::Says(_, _, keys) => keys,
            other => panic!("{other:?}"),
        };
        let thinks = Duration::from_secs(5);
        http.then(Answer::After(thinks, newer));
        for _ in 0..20 {
            let hangs_up = tokio::time::timeout(thinks / 40, connection.newer_keys(&known, 1_000));
            assert!(hangs_up.await.is_err());
        }
        let newer = connection.newer_keys(&known, 1_000).await.unwrap();
        assert!(!Arc::ptr_eq(&known, &newer));
        assert_eq!(http.asked().len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_never_answers_is_asked_again_after_ten_seconds() {
        let (connection, http) = provider([Answer::Hangs, metadata("")]);
        let hangs_up = tokio::time::timeout(Duration::ZERO, connection.metadata(1_000));
        assert!(hangs_up.await.is_err());
        let began = tokio::time::Instant::now();
        let waited = connection.metadata(1_000).await.unwrap_err();
        assert_eq!(
            (began.elapsed(), waited.code()),
            (DEADLINE, "provider_unreachable")
        );
        assert!(connection.metadata(1_000).await.is_ok());
        assert_eq!(http.asked().len(), 2);
    }

    #[tokio::test]
    async fn metadata_is_used_on_while_the_provider_is_down() {
        let (connection, http) = provider([metadata("max-age=300")]);
        let first = connection.metadata(1_000).await.unwrap();
        assert!(Arc::ptr_eq(
            &first,
            &connection.metadata(1_299).await.unwrap()
        ));
        assert_eq!(http.asked().len(), 1);
        for (now, answer, asked) in [
            (1_300, Answer::Refuses, 2),
            (1_330, Answer::Says(500, "", String::new()), 3),
            (1_360, Answer::Says(200, "", "<html>".to_owned()), 4),
        ] {
            http.then(answer);
            assert!(Arc::ptr_eq(
                &first,
                &connection.metadata(now).await.unwrap()
            ));
            assert!(Arc::ptr_eq(
                &first,
                &connection.metadata(now + 29).await.unwrap()
            ));
            assert_eq!(http.asked().len(), asked, "{now}");
        }
        http.then(metadata(""));
        assert!(!Arc::ptr_eq(
            &first,
            &connection.metadata(1_390).await.unwrap()
        ));
    }

    #[test]
    fn caching_stays_within_bounds() {
        for (caching, seconds) in [
            ("", 3_600),
            ("no-store", 3_600),
            ("max-age=0", 300),
            ("public, max-age=600", 600),
            ("max-age=99999999999", 86_400),
            ("max-age=99999999999999999999999", 3_600),
            ("max-age=-1", 3_600),
            ("x-max-age=600", 3_600),
        ] {
            let answer = Response::builder().header("cache-control", caching);
            assert_eq!(
                lifetime(&answer.body(Vec::new()).unwrap()),
                seconds,
                "{caching}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_takes_ten_seconds_at_most() {
        let after = |seconds| Answer::After(Duration::from_secs(seconds), String::new());
        let (connection, _) = provider([after(9), after(11), Answer::Hangs]);
        for (times_out, seconds) in [(false, 9), (true, 10), (true, 10)] {
            let began = tokio::time::Instant::now();
            let request = Request::post("https://me:secret@op.example:8443/token?code=x");
            let request = request.body(Vec::new()).unwrap();
            let answer = connection.send(ProviderEndpoint::Token, request).await;
            let told = answer.map(drop).map_err(|error| error.to_string());
            let at = "the provider did not answer in time: https://op.example:8443/token";
            assert_eq!(
                told,
                if times_out {
                    Err(at.to_owned())
                } else {
                    Ok(())
                }
            );
            assert_eq!(began.elapsed().as_secs(), seconds);
        }
    }

    #[test]
    fn answers_of_any_client_are_held_to_the_same_rules() {
        let answer = |status: u16, encoding: Option<&str>, bytes: usize| {
            let mut answer = Response::builder().status(status);
            if let Some(encoding) = encoding {
                answer = answer.header("content-encoding", encoding);
            }
            let checked = acceptable(answer.body(vec![b' '; bytes]).unwrap());
            checked.map(drop).map_err(|error| error.to_string())
        };
        let most = HttpError::MAX_BYTES;
        for status in [200, 400, 404, 503] {
            assert_eq!(answer(status, None, most), Ok(()));
        }
        for status in [301, 302, 303, 307, 308, 304] {
            assert!(answer(status, None, 0).unwrap_err().contains("redirect"));
        }
        assert!(answer(200, None, most + 1).unwrap_err().contains("larger"));
        for encoding in ["gzip", "br", "identity"] {
            let refused = answer(200, Some(encoding), 0).unwrap_err();
            assert!(refused.contains("compressed"));
        }
    }

    #[tokio::test]
    async fn keys_are_fetched_once_from_where_the_metadata_says() {
        let (connection, http) = provider([metadata(""), keys("a")]);
        let first = connection.keys(1_000).await.unwrap();
        assert!(Arc::ptr_eq(&first, &connection.keys(1_100).await.unwrap()));
        assert_eq!(http.asked(), [DISCOVERY, JWKS]);
    }

    #[tokio::test]
    async fn a_key_set_without_keys_is_an_error_that_is_not_kept() {
        for body in [
            "<html>",
            "{}",
            r#"{"keys":[]}"#,
            r#"{"keys":[{"kty":"oct","k":"AA"}]}"#,
        ] {
            let (connection, http) =
                provider([metadata(""), Answer::Says(200, "", body.to_owned())]);
            assert_eq!(
                connection.keys(1_000).await.unwrap_err().code(),
                "provider_keys",
                "{body}"
            );
            http.then(keys("a"));
            assert!(connection.keys(1_000).await.is_ok());
        }
    }

    #[tokio::test]
    async fn unknown_keys_are_looked_for_as_often_as_the_budget_allows() {
        let (connection, http) = provider([metadata(""), keys("0")]);
        let mut known = connection.keys(1_000).await.unwrap();
        for fetches in 1..=5 {
            http.then(keys("next"));
            let newer = connection.newer_keys(&known, 1_000).await.unwrap();
            assert!(!Arc::ptr_eq(&known, &newer));
            assert_eq!(http.asked().len(), 2 + fetches);
            known = newer;
        }
        let refused = connection.newer_keys(&known, 1_029).await.unwrap_err();
        assert!(matches!(refused, Error::Http(HttpError::NoNewerKeys)));
        assert_eq!(http.asked().len(), 7);
        http.then(keys("later"));
        let later = connection.newer_keys(&known, 1_030).await.unwrap();
        assert!(!Arc::ptr_eq(&known, &later));
    }

    /// Anybody can send a logout token with a key id that nobody has.
    #[tokio::test]
    async fn made_up_key_ids_do_not_wear_out_what_is_known() {
        let (connection, http) = provider([metadata(""), keys("0")]);
        let mut known = connection.keys(1_000).await.unwrap();
        for _ in 1..=5 {
            http.then(keys("next"));
            known = connection.newer_keys(&known, 1_000).await.unwrap();
        }
        for _ in 0..100 {
            assert!(connection.newer_keys(&known, 1_001).await.is_err());
        }
        // They were fetched for an hour, and are good for one.
        let later = connection.keys(1_000 + USUAL - 1).await.unwrap();
        assert!(Arc::ptr_eq(&known, &later));
        assert_eq!(http.asked().len(), 7);
    }

    #[tokio::test]
    async fn keys_that_somebody_else_has_just_fetched_cost_nothing() {
        let (connection, http) = provider([metadata(""), keys("a"), keys("b")]);
        let known = connection.keys(1_000).await.unwrap();
        let newer = connection.newer_keys(&known, 1_000).await.unwrap();
        for _ in 0..100 {
            let again = connection.newer_keys(&known, 1_000).await.unwrap();
            assert!(Arc::ptr_eq(&newer, &again));
        }
        assert_eq!(http.asked().len(), 3);
    }

    #[tokio::test]
    async fn old_keys_are_kept_when_newer_ones_cannot_be_had() {
        let (connection, _) = provider([metadata(""), keys("a"), Answer::Refuses]);
        let known = connection.keys(1_000).await.unwrap();
        let refused = connection.newer_keys(&known, 1_000).await.unwrap_err();
        assert!(matches!(refused, Error::Http(HttpError::NoNewerKeys)));
        assert!(Arc::ptr_eq(&known, &connection.keys(1_000).await.unwrap()));
    }
}
