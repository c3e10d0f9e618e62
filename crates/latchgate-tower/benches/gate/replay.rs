//! Refreshes one after the other without the provider's share: after the first one, its answer is repeated.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use http::{Request, Response};
use latchgate_tower::{Clock, HttpClient, HttpFuture, MemoryStore, SystemClock};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::applications::latchgate;
use crate::in_process::{InProcess, Tokens};

/// How long an access token lasts, in seconds: so short that an ID token outlasts hundreds of refreshes.
const LIFETIME: u64 = 10;

/// Somebody who is signed in, and whose access token is due whenever time passes.
pub(crate) struct Refreshes {
    pub(crate) application: Router,
    pub(crate) cookies: String,
    clock: Ahead,
}

/// The provider, which answers every refresh like the first one.
#[derive(Clone, Debug)]
struct Replaying {
    provider: InProcess,
    refreshed: Arc<Mutex<Option<Response<Vec<u8>>>>>,
}

/// The system's clock, so many seconds ahead.
#[derive(Clone, Debug, Default)]
struct Ahead(Arc<AtomicU64>);

impl Refreshes {
    /// Everything runs on this runtime's one thread, refreshes included.
    pub(crate) fn start(runtime: &Runtime, store: Option<MemoryStore>) -> Self {
        // Refresh tokens as the provider made them: it must know the first one again.
        let tokens = Tokens {
            refresh_token: Some(0),
            ..Tokens::USUAL
        };
        let provider = runtime.block_on(InProcess::start(tokens));
        let clock = Ahead::default();
        let replaying = Replaying {
            provider: provider.clone(),
            refreshed: Arc::default(),
        };
        let gate = provider
            .builder()
            .http_client(replaying)
            .clock(clock.clone())
            .background_runtime(runtime.handle().clone());
        let gate = match store {
            Some(store) => gate.store(store).build(),
            None => gate.build(),
        };
        let mut application = latchgate(&gate.unwrap());
        let login = runtime.block_on(provider.log_in(&mut application));
        Self {
            application,
            cookies: login.cookies,
            clock,
        }
    }

    /// Lets the access token expire.
    pub(crate) fn expire(&self) {
        self.clock.0.fetch_add(LIFETIME, Ordering::Relaxed);
    }
}

impl Replaying {
    async fn answer(&self, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
        let refreshes = request.body().starts_with(b"grant_type=refresh_token");
        let known = self.refreshed.lock().unwrap().clone();
        if let (true, Some(known)) = (refreshes, known) {
            return known;
        }
        let mut answer = self.provider.send(request).await.unwrap();
        if let Ok(Value::Object(mut tokens)) = serde_json::from_slice(answer.body())
            && tokens.contains_key("access_token")
        {
            tokens.insert("expires_in".to_owned(), LIFETIME.into());
            *answer.body_mut() = serde_json::to_vec(&tokens).unwrap();
        }
        if refreshes {
            *self.refreshed.lock().unwrap() = Some(answer.clone());
        }
        answer
    }
}

impl HttpClient for Replaying {
    fn send(&self, request: Request<Vec<u8>>) -> HttpFuture<'_> {
        Box::pin(async move { Ok(self.answer(request).await) })
    }
}

impl Clock for Ahead {
    fn now(&self) -> u64 {
        SystemClock.now() + self.0.load(Ordering::Relaxed)
    }
}
