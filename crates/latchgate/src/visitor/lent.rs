//! How an extractor finds the visitors of the gate that a request has passed.
//!
//! A handler may set the first value of a visitor, so any request may need them, and a value among the request's
//! extensions would cost every one of them an allocation. Instead they are lent to the thread while the application is
//! polled.

use std::cell::Cell;
use std::sync::Arc;

use super::{Visitor, Visitors};
use crate::head::RequestHead;

/// The visitor of one request, opened once, when somebody asks.
#[derive(Clone, Debug)]
pub(crate) struct RequestVisitor(Option<Lent>);

#[derive(Clone, Debug)]
struct Lent {
    visitors: Arc<Visitors>,
    opened: Option<Visitor>,
}

thread_local! {
    /// That of the innermost gate whose application is being polled.
    static CURRENT: Cell<Option<Lent>> = const { Cell::new(None) };
}

impl RequestVisitor {
    pub(crate) fn new(visitors: &Arc<Visitors>) -> Self {
        Self(Some(Lent {
            visitors: Arc::clone(visitors),
            opened: None,
        }))
    }

    /// Of a request to an API, which has no visitors.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Lends it while the application is polled.
    pub(crate) fn during<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        let _lending = Lending {
            of_outer_gate: CURRENT.replace(self.0.take()),
            to: self,
        };
        poll()
    }

    /// Whoever makes the request that is being polled. `None` if no gate has let it pass.
    pub(crate) fn current(head: &dyn RequestHead) -> Option<Visitor> {
        let mut lent = CURRENT.take()?;
        let opened = lent.opened.take();
        let visitor = opened.unwrap_or_else(|| lent.visitors.of_request(head));
        lent.opened = Some(visitor.clone());
        CURRENT.set(Some(lent));
        Some(visitor)
    }

    /// The visitor, if somebody has asked.
    pub(crate) fn opened(&self) -> Option<&Visitor> {
        self.0.as_ref()?.opened.as_ref()
    }
}

/// Takes it back, if the application panics as well.
struct Lending<'r> {
    of_outer_gate: Option<Lent>,
    to: &'r mut RequestVisitor,
}

impl Drop for Lending<'_> {
    fn drop(&mut self) {
        self.to.0 = CURRENT.replace(self.of_outer_gate.take());
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::super::visitors::example::visitors;
    use super::*;

    fn current() -> Option<Visitor> {
        RequestVisitor::current(&http::Request::new(()))
    }

    fn language(visitor: &Visitor) -> Option<String> {
        visitor.get("language")
    }

    #[test]
    fn whoever_asks_during_a_request_gets_the_same_visitor() {
        let mut request = RequestVisitor::new(&visitors(1_000));
        assert!(current().is_none() && request.opened().is_none());
        request.during(|| current().unwrap().set("language", "de").unwrap());
        assert!(current().is_none());
        let later = request.during(|| language(&current().unwrap()));
        assert_eq!(later.as_deref(), Some("de"));
        assert_eq!(language(request.opened().unwrap()).as_deref(), Some("de"));
    }

    #[test]
    fn within_two_gates_it_is_the_inner_ones() {
        let (mut outer, mut inner) = (
            RequestVisitor::new(&visitors(1_000)),
            RequestVisitor::new(&visitors(1_000)),
        );
        outer.during(|| {
            inner.during(|| current().unwrap().set("language", "de").unwrap());
            assert_eq!(language(&current().unwrap()), None);
            RequestVisitor::none().during(|| assert!(current().is_none()));
            assert!(current().is_some());
        });
        assert!(inner.opened().is_some());
    }

    #[test]
    fn a_panic_leaves_no_visitor_with_the_thread() {
        let mut request = RequestVisitor::new(&visitors(1_000));
        let panicking = AssertUnwindSafe(|| request.during(|| panic!("a bug")));
        assert!(catch_unwind(panicking).is_err());
        assert!(current().is_none());
        assert!(request.during(current).is_some());
    }
}
