//! The trace that a call to the provider belongs to ([W3C Trace Context](https://www.w3.org/TR/trace-context/)).

use std::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Request};

use super::http_client::{HttpClient, HttpFuture};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The trace and the span that a request to the provider is made in, as the header fields `traceparent` and `tracestate`
/// have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    parent: HeaderValue,
    state: Option<HeaderValue>,
}

impl TraceContext {
    /// Reads a `traceparent` of version 00 ([§3.2](https://www.w3.org/TR/trace-context/#traceparent-header)). `None` if it is
    /// malformed, or if its ids are zero, as they are outside of any trace.
    #[must_use]
    pub fn parse(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.split('-');
        let mut next = |length: usize| {
            let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let part = parts.next()?;
            (part.len() == length && part.bytes().all(hex)).then_some(part)
        };
        let is_given = |id: &str| id.bytes().any(|digit| digit != b'0');
        let version = next(2)?;
        let (trace, span) = (next(32)?, next(16)?);
        next(2)?;
        if version != "00" || !is_given(trace) || !is_given(span) || parts.next().is_some() {
            return None;
        }
        Some(Self {
            parent: HeaderValue::from_str(traceparent).ok()?,
            state: None,
        })
    }

    /// The same with a `tracestate` ([§3.3](https://www.w3.org/TR/trace-context/#tracestate-header)). One that is empty, longer
    /// than 512 characters, or not printable ASCII is left out.
    #[must_use]
    pub fn tracestate(mut self, tracestate: &str) -> Self {
        let printable = tracestate.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let fits = printable && (1..=512).contains(&tracestate.len());
        self.state = fits
            .then(|| HeaderValue::from_str(tracestate).ok())
            .flatten();
        self
    }
}

/// The application's function from the host that is called to the trace of the call.
pub(crate) type TraceHook = Arc<dyn Fn(&str) -> Option<TraceContext> + Send + Sync>;

/// A client whose requests carry the trace that they are made in.
pub(crate) struct TracedClient {
    client: Arc<dyn HttpClient>,
    hook: TraceHook,
}

impl TracedClient {
    /// The client, with traces if they are wanted.
    pub(crate) fn around(
        client: Arc<dyn HttpClient>,
        hook: Option<&TraceHook>,
    ) -> Arc<dyn HttpClient> {
        match hook {
            Some(hook) => Arc::new(Self {
                client,
                hook: Arc::clone(hook),
            }),
            None => client,
        }
    }
}

impl HttpClient for TracedClient {
    fn send(&self, mut request: Request<Vec<u8>>) -> HttpFuture<'_> {
        let host = request.uri().host().unwrap_or_default();
        if let Some(context) = (self.hook)(host) {
            let headers = request.headers_mut();
            headers.insert(TRACEPARENT, context.parent);
            if let Some(state) = context.state {
                headers.insert(TRACESTATE, state);
            }
        }
        self.client.send(request)
    }
}

impl fmt::Debug for TracedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TracedClient").field(&self.client).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_is_taken_as_it_is() {
        let context = TraceContext::parse(PARENT).unwrap();
        assert_eq!(context.parent, PARENT);
        assert_eq!(context.state, None);
    }

    #[test]
    fn what_is_none_is_not_passed_on() {
        for malformed in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333g-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nx: y",
        ] {
            assert_eq!(TraceContext::parse(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn a_tracestate_is_short_and_printable() {
        let state = |text: &str| TraceContext::parse(PARENT).unwrap().tracestate(text).state;
        assert_eq!(
            state("rojo=00f067aa0ba902b7").unwrap(),
            "rojo=00f067aa0ba902b7"
        );
        assert!(state(&"a".repeat(512)).is_some());
        for left_out in ["", "a\nb", "caf\u{e9}=1", &"a".repeat(513)] {
            assert_eq!(state(left_out), None, "{left_out}");
        }
    }
}
