//! A provider, an application and a browser in one process: whole logins without a socket.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, header};
use latchgate_dev_provider::{
    Client, DevProvider, EmailVerification, Endpoint, Person, RegisteredUris, SigningAlg,
};
use latchgate_tower::store::SessionStore;
use latchgate_tower::{
    Algorithm, Gate, GateBuilder, HttpClient, HttpError, HttpFuture, Provider, SessionKey,
};
use serde_json::Value;
use tower::Service;

const ORIGIN: &str = "https://app.example.com";

/// What the application may hold on to of a person: tokens of a certain size.
#[derive(Clone, Copy)]
pub(crate) struct Tokens {
    pub(crate) alg: SigningAlg,
    /// Bytes added to the claims of the ID token.
    pub(crate) more_claims: usize,
    /// Bytes added to the claims of both JWTs.
    pub(crate) more_permissions: usize,
    /// The least length of the refresh token; none is issued without. The provider knows only those that are long enough
    /// by themselves.
    pub(crate) refresh_token: Option<usize>,
}

impl Tokens {
    /// About 1 KB in all: short JWTs with short signatures.
    pub(crate) const SMALL: Self = Self {
        alg: SigningAlg::Es256,
        more_claims: 0,
        more_permissions: 0,
        refresh_token: None,
    };
    /// About 2.2 KB: an ID token of 1 KB, a JWT of 0.9 KB for the API, an opaque refresh token.
    pub(crate) const USUAL: Self = Self {
        alg: SigningAlg::Rs256,
        more_claims: 0,
        more_permissions: 0,
        refresh_token: Some(300),
    };
    /// About 3 KB.
    pub(crate) const LARGE: Self = Self {
        alg: SigningAlg::Rs256,
        more_claims: 120,
        more_permissions: 180,
        refresh_token: Some(500),
    };
}

/// The provider, and the way the gate takes to it.
#[derive(Clone, Debug)]
pub(crate) struct InProcess {
    provider: DevProvider,
    router: Router,
    alg: SigningAlg,
    refresh_token: Option<usize>,
    /// Nanoseconds spent in the provider's endpoints.
    spent: Arc<AtomicU64>,
    /// The bytes of the tokens that were issued last.
    issued: Arc<AtomicUsize>,
    /// The browser's cookie at the provider.
    cookie: Arc<Mutex<Option<HeaderValue>>>,
}

/// One login, as its parts took time.
pub(crate) struct LoggedIn {
    /// What the browser sends from now on: `name=value`, all pieces.
    pub(crate) cookies: String,
    /// In the application's `/login` and `/callback`.
    pub(crate) application: Duration,
    /// In the provider's authorization and token endpoints.
    pub(crate) provider: Duration,
}

impl InProcess {
    /// A provider that signs Alice in without asking.
    pub(crate) async fn start(tokens: Tokens) -> Self {
        let permission = "p".repeat(tokens.more_permissions.max(1));
        let person = Person::new("alice")
            .name("Alice Adams")
            .email("alice@example.com", EmailVerification::Verified)
            .roles(["user"])
            .permissions([permission])
            .claim("more", "m".repeat(tokens.more_claims));
        let uri = format!("{ORIGIN}/callback");
        let client = Client::development().redirect_uris(RegisteredUris::exactly(uri));
        let provider = DevProvider::builder()
            .person(person)
            .client(client)
            .id_token_alg(tokens.alg)
            .start()
            .await
            .unwrap();
        provider.auto_sign_in(Some("alice"));
        Self {
            router: provider.router(),
            provider,
            alg: tokens.alg,
            refresh_token: tokens.refresh_token,
            spent: Arc::default(),
            issued: Arc::default(),
            cookie: Arc::default(),
        }
    }

    /// A gate that sends its visitors here, and seals its sessions or keeps them in a store.
    pub(crate) fn gate(&self, store: Option<impl SessionStore + 'static>) -> Gate {
        let builder = self.builder();
        match store {
            Some(store) => builder.store(store).build().unwrap(),
            None => builder.build().unwrap(),
        }
    }

    /// Such a gate, before it is built.
    pub(crate) fn builder(&self) -> GateBuilder {
        let alg = match self.alg {
            SigningAlg::Es256 => Algorithm::Es256,
            _ => Algorithm::Rs256,
        };
        let scopes = ["openid", "profile", "email", "offline_access"];
        let wanted = if self.refresh_token.is_some() { 4 } else { 3 };
        let registration = Provider::new(self.provider.issuer(), self.provider.client_id())
            .client_secret(self.provider.client_secret())
            .scopes(scopes.into_iter().take(wanted))
            .id_token_alg(alg);
        let key = *b"latchgate, sealed while measured";
        Gate::builder(ORIGIN, registration)
            .session_keys([SessionKey::from_bytes(key)])
            .http_client(self.clone())
    }

    /// How often the provider was asked for tokens.
    pub(crate) fn token_requests(&self) -> usize {
        self.provider.calls(Endpoint::Token)
    }

    /// How long gates have waited for the provider's endpoints.
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }

    /// How many bytes the tokens of the last login have together.
    pub(crate) fn token_bytes(&self) -> usize {
        self.issued.load(Ordering::Relaxed)
    }

    /// How many bytes the refresh tokens have.
    pub(crate) fn refresh_token_bytes(&self) -> usize {
        self.refresh_token.unwrap_or_default()
    }

    /// Walks one login through, from `/login` to the session cookie.
    pub(crate) async fn log_in<S>(&self, application: &mut S) -> LoggedIn
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let start = request(browser("/login?return_to=/me", None));
        let (to_provider, login) = timed(application.call(start)).await;
        let login_cookies = cookies(to_provider.headers());

        let mut asked = browser(location(&to_provider), None);
        asked.headers.remove(header::COOKIE);
        if let Some(cookie) = self.cookie.lock().unwrap().clone() {
            asked.headers.insert(header::COOKIE, cookie);
        }
        let (back, authorize) = timed(self.answer(request(asked))).await;
        if let Some(cookie) = back.headers().get(header::SET_COOKIE) {
            *self.cookie.lock().unwrap() = Some(cookie.clone());
        }

        let spent_before = self.spent();
        let finish = request(browser(location(&back), Some(&login_cookies)));
        let (done, callback) = timed(application.call(finish)).await;
        let spent = self.spent() - spent_before;
        assert_eq!(location(&done), "/me", "the login failed");
        LoggedIn {
            cookies: cookies(done.headers()),
            application: login + callback.saturating_sub(spent),
            provider: authorize + spent,
        }
    }

    async fn answer(&self, mut request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let host = self.provider.issuer().trim_start_matches("http://");
        let host = HeaderValue::from_str(host).unwrap();
        request.headers_mut().insert(header::HOST, host);
        self.router.clone().call(request).await
    }

    /// Gives the refresh token the length that is wanted, and takes note of all lengths.
    fn adjust(&self, body: Vec<u8>) -> Vec<u8> {
        let Ok(Value::Object(mut tokens)) = serde_json::from_slice(&body) else {
            return body;
        };
        if !tokens.contains_key("id_token") {
            return body;
        }
        if let Some(length) = self.refresh_token {
            let token = tokens.get("refresh_token").and_then(Value::as_str);
            let padded = format!("{:r<length$}", token.unwrap_or_default());
            tokens.insert("refresh_token".to_owned(), padded.into());
        }
        let length = |name| tokens.get(name).and_then(Value::as_str).map_or(0, str::len);
        let issued = ["id_token", "access_token", "refresh_token"].map(length);
        self.issued.store(issued.iter().sum(), Ordering::Relaxed);
        serde_json::to_vec(&tokens).unwrap()
    }
}

impl HttpClient for InProcess {
    fn send(&self, request: Request<Vec<u8>>) -> HttpFuture<'_> {
        Box::pin(async move {
            // As with a socket, others get their turn meanwhile.
            tokio::task::yield_now().await;
            let asked = async {
                let answer = self.answer(request.map(Body::from)).await.unwrap();
                let (head, body) = answer.into_parts();
                let body = to_bytes(body, HttpError::MAX_BYTES).await.unwrap();
                Ok::<_, Infallible>(Response::from_parts(head, self.adjust(body.into())))
            };
            let (answer, took) = timed(asked).await;
            let took = u64::try_from(took.as_nanos()).unwrap();
            self.spent.fetch_add(took, Ordering::Relaxed);
            Ok(answer)
        })
    }
}

/// The head of a request as a browser sends it when it navigates.
pub(crate) fn browser(uri: &str, cookies: Option<&str>) -> Parts {
    let mut request = Request::get(uri)
        .header("host", "app.example.com")
        .header(
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        )
        .header(
            "accept",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        )
        .header("accept-language", "en-GB,en;q=0.5")
        .header("accept-encoding", "gzip, deflate, br, zstd")
        .header("sec-fetch-dest", "document")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-site", "none")
        .header("sec-fetch-user", "?1");
    if let Some(cookies) = cookies {
        request = request.header("cookie", cookies);
    }
    request.body(()).unwrap().into_parts().0
}

/// A request with this head and no body.
pub(crate) fn request(head: Parts) -> Request<Body> {
    Request::from_parts(head, Body::empty())
}

/// What a browser sends back of the cookies a response sets.
pub(crate) fn cookies(headers: &HeaderMap) -> String {
    let set = headers.get_all(header::SET_COOKIE).iter();
    set.filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
        .filter(|pair| !pair.ends_with('='))
        .collect::<Vec<_>>()
        .join("; ")
}

/// Where a response leads, as path and query.
fn location(response: &Response<Body>) -> &str {
    let location = response.headers().get(header::LOCATION);
    let location = location.unwrap_or_else(|| panic!("no redirect but {}", response.status()));
    let location = location.to_str().unwrap();
    let start = match location.parse::<Uri>().unwrap().authority() {
        Some(authority) => location.find(authority.as_str()).unwrap() + authority.as_str().len(),
        None => 0,
    };
    &location[start..]
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark looks at the real clock"
)]
async fn timed<T>(work: impl Future<Output = Result<T, Infallible>>) -> (T, Duration) {
    let began = Instant::now();
    let Ok(done) = work.await;
    (done, began.elapsed())
}
