//! Everybody who does something at the same time. tokio wakes those who wait for the same thing in an order of its own,
//! so they are all one task to it, and go on in the order in which they came.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

type Doing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Those who do something.
#[derive(Clone, Default)]
pub(crate) struct Crowd(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    coming: Vec<(u64, Doing)>,
    ready: BTreeSet<u64>,
    /// How many have come, and how many are gone.
    came: u64,
    gone: u64,
    panicked: Option<String>,
    waker: Option<Waker>,
}

struct Member {
    number: u64,
    crowd: Crowd,
}

impl Crowd {
    /// Lets something be done from now on.
    pub(crate) fn add(&self, doing: impl Future<Output = ()> + Send + 'static) {
        let mut state = self.0.lock().unwrap();
        let number = state.came;
        state.came += 1;
        state.coming.push((number, Box::pin(doing)));
        state.ready.insert(number);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// How many are doing something.
    pub(crate) fn present(&self) -> u64 {
        let state = self.0.lock().unwrap();
        state.came - state.gone
    }

    /// What one of them said when it panicked.
    pub(crate) fn panicked(&self) -> Option<String> {
        self.0.lock().unwrap().panicked.clone()
    }

    /// Does `main`, and everything that is added meanwhile, until `main` is done.
    pub(crate) async fn with(&self, main: impl Future<Output = ()> + Send) {
        let mut main = std::pin::pin!(main);
        let mut doing = BTreeMap::new();
        // A crowd is one task, and must not be sent to the end of the queue as one that takes too long.
        tokio::task::unconstrained(poll_fn(|context| {
            if main.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            while let Some(number) = self.next(&mut doing, context) {
                self.go_on(number, &mut doing);
            }
            Poll::Pending
        }))
        .await;
    }

    fn next(&self, doing: &mut BTreeMap<u64, Doing>, context: &Context<'_>) -> Option<u64> {
        let mut state = self.0.lock().unwrap();
        doing.extend(state.coming.drain(..));
        let next = state.ready.pop_first();
        state.waker = Some(context.waker().clone());
        next
    }

    fn go_on(&self, number: u64, doing: &mut BTreeMap<u64, Doing>) {
        let Some(it) = doing.get_mut(&number) else {
            return;
        };
        let crowd = self.clone();
        let waker = Waker::from(Arc::new(Member { number, crowd }));
        let polled = catch_unwind(AssertUnwindSafe(|| {
            it.as_mut().poll(&mut Context::from_waker(&waker))
        }));
        match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(())) => {}
            Err(said) => {
                let said = said.downcast_ref::<String>().cloned().unwrap_or_default();
                self.0.lock().unwrap().panicked = Some(said);
            }
        }
        doing.remove(&number);
        self.0.lock().unwrap().gone += 1;
    }
}

impl Wake for Member {
    fn wake(self: Arc<Self>) {
        let mut state = self.crowd.0.lock().unwrap();
        state.ready.insert(self.number);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

impl fmt::Debug for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Crowd")
    }
}
