//! A storm: many requests at once that want an access token, of one session whose token is due.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use http::StatusCode;
use latchgate_tower::{Clock, MemoryStore, SystemClock};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::applications::latchgate;
use crate::in_process::{InProcess, Tokens, browser, request};
use crate::rounds::{Contestant, now};

const REQUESTS: usize = 100;

/// So many seconds after a login its access token is due, which lasts an hour.
const DUE: u64 = 3_560;

/// Where sessions are.
#[derive(Clone, Copy)]
pub(crate) enum Keeping {
    Sealed,
    Stored,
}

/// Nodes of one application, and their provider.
#[derive(Clone)]
pub(crate) struct Storm {
    /// Itself and not its handle, which would not run the tasks of refreshes.
    runtime: Rc<Runtime>,
    provider: InProcess,
    ahead: Ahead,
    nodes: Vec<Router>,
}

/// The system's clock, so many seconds ahead.
#[derive(Clone, Debug, Default)]
struct Ahead(Arc<AtomicU64>);

impl Clock for Ahead {
    fn now(&self) -> u64 {
        SystemClock.now() + self.0.load(Ordering::Relaxed)
    }
}

impl Storm {
    /// So many nodes that share their sessions, and have asked for what a provider is asked once.
    pub(crate) fn over(runtime: &Rc<Runtime>, keeping: Keeping, nodes: usize) -> Self {
        // Refresh tokens as the provider made them: it must know them again.
        let tokens = Tokens {
            refresh_token: Some(0),
            ..Tokens::USUAL
        };
        let provider = runtime.block_on(InProcess::start(tokens));
        let ahead = Ahead::default();
        let store = Arc::new(MemoryStore::new(usize::MAX));
        let node = |_| {
            let builder = provider.builder().clock(ahead.clone());
            let gate = match keeping {
                Keeping::Sealed => builder.build(),
                Keeping::Stored => builder.store(Arc::clone(&store)).build(),
            };
            latchgate(&gate.unwrap())
        };
        let storm = Self {
            nodes: (0..nodes).map(node).collect(),
            runtime: Rc::clone(runtime),
            provider,
            ahead,
        };
        for node in &storm.nodes {
            let alone = Self {
                nodes: vec![node.clone()],
                ..storm.clone()
            };
            runtime.block_on(alone.refresh(1, DUE));
        }
        storm
    }

    /// One request whose token is due, and many such requests: the first is what the second is compared with.
    pub(crate) fn contestants(&self) -> Vec<Contestant> {
        let share = Rc::new(Cell::new(Duration::ZERO));
        let noted = Rc::clone(&share);
        let one = self.work(1, DUE, move |provider| noted.set(noted.get() + provider));
        let title = match self.nodes.len() {
            1 => format!("{REQUESTS} requests at once, one refresh"),
            nodes => format!("{REQUESTS} requests at {nodes} nodes, one refresh"),
        };
        vec![
            Contestant::new("one request, one refresh", one),
            Contestant::new(title, self.work(REQUESTS, DUE, |_| {})),
            Contestant::new(
                format!("{REQUESTS} requests at once, none is due"),
                self.work(REQUESTS, 0, |_| {}),
            ),
            Contestant::new("the provider's share", move |_| share.take()),
        ]
    }

    /// Storms one after the other, timed without the provider's share, of which `note` is told.
    fn work(
        &self,
        requests: usize,
        seconds: u64,
        note: impl Fn(Duration) + 'static,
    ) -> impl FnMut(u64) -> Duration + 'static {
        let storm = self.clone();
        move |times| {
            storm.runtime.block_on(async {
                let mut took = Duration::ZERO;
                for _ in 0..times {
                    let (application, provider) = storm.refresh(requests, seconds).await;
                    took += application;
                    note(provider);
                }
                took
            })
        }
    }

    /// Somebody signs in, and so many seconds later comes with so many requests at once, spread over all nodes. The time
    /// until all are answered, without and in the provider's endpoints.
    async fn refresh(&self, requests: usize, seconds: u64) -> (Duration, Duration) {
        self.ahead.0.store(0, Ordering::Relaxed);
        let login = self.provider.log_in(&mut self.nodes[0].clone()).await;
        self.ahead.0.store(seconds, Ordering::Relaxed);
        let head = browser("/token", Some(&login.cookies));
        let nodes = self.nodes.iter().cycle().cloned();
        let asked: Vec<_> = nodes
            .take(requests)
            .map(|node| (node, request(head.clone())))
            .collect();
        let (asked_before, spent_before) = (self.provider.token_requests(), self.provider.spent());

        let began = now();
        let asking: JoinSet<_> = asked
            .into_iter()
            .map(|(node, request)| node.oneshot(request))
            .collect();
        let answers = asking.join_all().await;
        let took = began.elapsed();

        let refreshes = self.provider.token_requests() - asked_before;
        assert_eq!(refreshes, usize::from(seconds == DUE));
        for answer in answers {
            let Ok(answer) = answer;
            assert_eq!(answer.status(), StatusCode::OK);
        }
        let provider = self.provider.spent() - spent_before;
        (took.saturating_sub(provider), provider)
    }
}
