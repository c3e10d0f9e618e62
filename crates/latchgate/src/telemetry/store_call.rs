//! One call to a session store: its span, by the [semantic conventions for
//! databases](https://opentelemetry.io/docs/specs/semconv/database/database-spans/), and its duration.

use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::Stopwatch;

/// What a store is asked to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StoreOperation {
    Load,
    Insert,
    Replace,
    Remove,
    Lease,
    ExtendLease,
    ReleaseLease,
    Find,
}

impl StoreOperation {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Insert => "insert",
            Self::Replace => "replace",
            Self::Remove => "remove",
            Self::Lease => "lease",
            Self::ExtendLease => "extend_lease",
            Self::ReleaseLease => "release_lease",
            Self::Find => "find",
        }
    }
}

/// A call that is under way.
#[must_use]
pub(crate) struct StoreCall {
    span: Span,
    operation: StoreOperation,
    stopwatch: Stopwatch,
}

impl StoreCall {
    /// Begins the call to a store of this system.
    pub(crate) fn begin(system: &'static str, operation: StoreOperation) -> Self {
        let name = operation.as_str();
        let span = tracing::debug_span!(
            "store_call",
            otel.kind = "client",
            otel.name = name,
            otel.status_code = Empty,
            db.system.name = system,
            db.operation.name = name,
            error.type = Empty,
        );
        Self {
            span,
            operation,
            stopwatch: Stopwatch::start(),
        }
    }

    /// Makes the call.
    pub(crate) async fn make<T, E>(self, call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let answer = call.instrument(self.span.clone()).await;
        if answer.is_err() {
            self.span.record("error.type", "store_unavailable");
            self.span.record("otel.status_code", "ERROR");
        }
        super::store_called(self.operation, answer.is_ok(), self.stopwatch);
        answer
    }
}
