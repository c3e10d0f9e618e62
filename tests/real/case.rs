//! A case: a name, what it needs, and what it does.

use std::pin::Pin;

use crate::need::Need;

pub(crate) use latchgate_tests::Failure;

/// What a case does, once its needs are met. It stays on the thread that it began on.
pub(crate) type Body = Pin<Box<dyn Future<Output = Result<(), Failure>>>>;

/// One case.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) needs: &'static [Need],
    body: Box<dyn FnOnce() -> Body + Send>,
}

impl Case {
    /// A case that runs `body` where everything it needs is there.
    pub(crate) fn new<F, T>(name: impl Into<String>, needs: &'static [Need], body: F) -> Self
    where
        F: FnOnce() -> T + Send + 'static,
        T: Future<Output = Result<(), Failure>> + 'static,
    {
        Self {
            name: name.into(),
            needs,
            body: Box::new(move || Box::pin(body())),
        }
    }

    /// Starts it.
    pub(crate) fn start(self) -> Body {
        (self.body)()
    }
}
