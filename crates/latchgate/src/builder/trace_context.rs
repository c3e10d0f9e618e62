//! Traces that go on at the provider.

use std::sync::Arc;

use super::{ApiBuilder, GateBuilder};
use crate::io::TraceContext;

impl GateBuilder {
    /// Passes the trace on to the provider: `current` is asked before each call, in the call's span, with the host that is
    /// called, and its answer becomes the request's `traceparent` and `tracestate`
    /// ([W3C Trace Context](https://www.w3.org/TR/trace-context/)). Without this setting neither is sent, because it tells the
    /// provider which of its requests belong together.
    ///
    /// ```
    /// use latchgate::{Gate, Provider, TraceContext};
    /// # fn current_traceparent() -> Option<String> { None }
    ///
    /// # fn main() -> Result<(), latchgate::ConfigError> {
    /// # let provider = Provider::new("https://login.example.com/", "my-app").client_secret("s3cret");
    /// let gate = Gate::builder("http://localhost:3000", provider)
    ///     .trace_context(|host| match host {
    ///         "login.example.com" => TraceContext::parse(&current_traceparent()?),
    ///         _ => None,
    ///     })
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [The page on telemetry](crate::telemetry#spans) has such a function for OpenTelemetry. It should not block.
    pub fn trace_context(
        mut self,
        current: impl Fn(&str) -> Option<TraceContext> + Send + Sync + 'static,
    ) -> Self {
        self.trace_context = Some(Arc::new(current));
        self
    }
}

impl ApiBuilder {
    /// Passes the trace on to the authorization server, as [`GateBuilder::trace_context`] does.
    pub fn trace_context(
        mut self,
        current: impl Fn(&str) -> Option<TraceContext> + Send + Sync + 'static,
    ) -> Self {
        self.trace_context = Some(Arc::new(current));
        self
    }
}
