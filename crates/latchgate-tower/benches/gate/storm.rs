//! A storm: many requests at once that want an access token, of one session whose token is due.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use http::StatusCode;
use latchgate_tower::{Clock, MemoryStore, SystemClock};
use tokio::runtime::{Builder, Runtime};
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

/// What storms took, the logins before them left out.
#[derive(Default)]
struct Took {
    application: Duration,
    provider: Duration,
}

/// A runtime like an application's, where a refresh is a task beside the request that waits for it. With one thread,
/// waking another one is in no figure.
fn runtime() -> Rc<Runtime> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    Rc::new(runtime.unwrap())
}

/// One request and many at once, whose token is due or not.
pub(crate) fn contestants(keeping: Keeping, nodes: usize) -> Vec<Contestant> {
    let runtime = runtime();
    let storm = runtime.block_on(Storm::over(keeping, nodes));
    let share = Rc::new(Cell::new(Duration::ZERO));
    let contestant = |title: &str, requests, seconds| {
        let (runtime, storm) = (Rc::clone(&runtime), storm.clone());
        let share = (requests == 1 && seconds == DUE).then(|| Rc::clone(&share));
        Contestant::new(title, move |times| {
            // On the runtime's own thread, where requests are answered.
            let work = runtime.spawn(storm.clone().work(times, requests, seconds));
            let took = runtime.block_on(work).unwrap();
            if let Some(share) = &share {
                share.set(share.get() + took.provider);
            }
            took.application
        })
    };
    let many = match nodes {
        1 => format!("{REQUESTS} requests at once"),
        nodes => format!("{REQUESTS} requests at {nodes} nodes"),
    };
    let mut contestants = vec![
        contestant("one request, nothing is due", 1, 0),
        contestant("one request, one refresh", 1, DUE),
        contestant(&format!("{many}, nothing is due"), REQUESTS, 0),
        contestant(&format!("{many}, one refresh"), REQUESTS, DUE),
    ];
    contestants.push(Contestant::new("the provider's share", move |_| {
        share.take()
    }));
    contestants
}

impl Storm {
    /// So many nodes that share their sessions, and have asked for what a provider is asked once.
    async fn over(keeping: Keeping, nodes: usize) -> Self {
        // Refresh tokens as the provider made them: it must know them again.
        let tokens = Tokens {
            refresh_token: Some(0),
            ..Tokens::USUAL
        };
        let provider = InProcess::start(tokens).await;
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
            provider,
            ahead,
        };
        for node in &storm.nodes {
            let alone = Self {
                nodes: vec![node.clone()],
                ..storm.clone()
            };
            alone.refresh(1, DUE).await;
        }
        storm
    }

    /// Storms one after the other.
    async fn work(self, times: u64, requests: usize, seconds: u64) -> Took {
        let mut all = Took::default();
        for _ in 0..times {
            let took = self.refresh(requests, seconds).await;
            all.application += took.application;
            all.provider += took.provider;
        }
        all
    }

    /// Somebody signs in, and so many seconds later comes with so many requests at once, spread over all nodes: the time
    /// until all are answered.
    async fn refresh(&self, requests: usize, seconds: u64) -> Took {
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
        Took {
            application: took.saturating_sub(provider),
            provider,
        }
    }
}
