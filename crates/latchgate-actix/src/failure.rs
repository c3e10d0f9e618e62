//! How an extractor's failure reaches the middleware.
//!
//! actix-web's own extractor for `Option<T>` turns every error of `T` into `None`: while a session store is down,
//! everybody would seem to be signed out. So an extractor that cannot tell who is there does not return an error. It
//! leaves the failure here and waits, and the middleware responds instead of the handler, which never runs.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use actix_web::{HttpMessage, HttpRequest};
use latchgate::adapter::Challenge;

/// A challenge that says what failed, and the request.
pub(crate) struct Failure {
    pub(crate) challenge: Challenge,
    pub(crate) request: HttpRequest,
}

/// Where a middleware waits for failures. Dropped when it has its response.
#[derive(Default)]
pub(crate) struct Failures(Mailbox);

/// The same in the request's extensions, for extractors.
#[derive(Clone, Default)]
pub(crate) struct Mailbox(Rc<RefCell<Slot>>);

#[derive(Default)]
struct Slot {
    failure: Option<Failure>,
    reader: Option<Waker>,
    closed: bool,
}

impl Failures {
    pub(crate) fn mailbox(&self) -> Mailbox {
        self.0.clone()
    }

    /// Looks for a failure, and is woken by one that comes later.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Failure> {
        let mut slot = self.0.0.borrow_mut();
        match slot.failure.take() {
            Some(failure) => Poll::Ready(failure),
            None => {
                slot.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Failures {
    fn drop(&mut self) {
        // The request must not hold itself.
        *self.0.0.borrow_mut() = Slot {
            closed: true,
            ..Slot::default()
        };
    }
}

/// Leaves a failure for the middleware and never returns. Without a middleware, gives it back.
pub(crate) async fn report(request: HttpRequest, challenge: Challenge) -> Challenge {
    let mailbox = request.extensions().get::<Mailbox>().cloned();
    let Some(Mailbox(slot)) = mailbox.filter(|Mailbox(slot)| !slot.borrow().closed) else {
        return challenge;
    };
    let reader = {
        let mut slot = slot.borrow_mut();
        slot.failure = Some(Failure { challenge, request });
        slot.reader.take()
    };
    if let Some(reader) = reader {
        reader.wake();
    }
    std::future::pending().await
}
