//! A request that goes to the application, and its response.

use std::cell::Cell;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};

use super::{BasePath, Challenge, Gate};
use crate::error::LayerError;
use crate::head::RequestHead;
use crate::request_session::{RequestSession, ResponseHead};

/// A request that goes to the application. Without a session cookie of ours it costs nothing.
#[must_use]
#[derive(Clone)]
pub struct Pass {
    gate: Gate,
    session: Option<RequestSession>,
    misplaced: Option<LayerError>,
    /// A session was looked for in a request without a cookie of ours.
    asked: bool,
}

thread_local! {
    /// [`Pass::asked`], while the application is polled. A flag in the request would cost every anonymous request an
    /// allocation.
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

/// An extractor or a guard looks for a session, and there is none.
pub(super) fn asked() {
    ASKED.set(true);
}

impl Pass {
    pub(super) fn new<H: RequestHead>(
        gate: &Gate,
        session: Option<RequestSession>,
        head: &H,
    ) -> Self {
        let callback = gate.0.base.as_received(&gate.0.routes.callback);
        let around = head.nested_at();
        let misplaced = (!is_under(around, callback)).then(|| LayerError::OutOfReach {
            around: around.to_owned(),
            callback: callback.to_owned(),
            base_url: format!("{}{around}", gate.0.base.origin),
        });
        Self {
            gate: gate.clone(),
            session,
            misplaced,
            asked: false,
        }
    }

    /// What to put into the request's extensions. It replaces the session of an outer gate.
    #[must_use]
    pub fn session(&self) -> Option<&RequestSession> {
        self.session.as_ref()
    }

    /// Runs one poll of the application's future, or the call that makes it.
    pub fn poll<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        let of_outer_gate = ASKED.replace(false);
        let polled = poll();
        self.asked |= ASKED.replace(of_outer_gate);
        polled
    }

    /// The response to a challenge. It replaces the response that carried the challenge and keeps those of its headers
    /// that do not describe the content: those of CORS, a request id, cookies.
    pub fn answer(
        &self,
        challenge: Challenge,
        replaced: &dyn ResponseHead,
    ) -> impl Future<Output = Response<Bytes>> + Send + use<> {
        let kept = kept_headers(replaced);
        let gate = self.gate.clone();
        if challenge.starts_login() && challenge.has_pending_login(&gate.0.login_cookie) {
            gate.warn_of_misplaced_layer();
        }
        let challenge = match &self.misplaced {
            Some(error) if challenge.starts_login() => challenge.failing(error.clone().into()),
            _ => challenge,
        };
        let base = &gate.0.base;
        let challenge = match base.arrives {
            BasePath::Kept => challenge,
            BasePath::Stripped => challenge.below(&base.path),
        };
        async move {
            let mut answer = gate.answer(challenge).await;
            let headers = answer.headers_mut();
            for name in kept.keys() {
                let add = name == header::SET_COOKIE || name == header::VARY;
                if add || !headers.contains_key(name) {
                    for value in kept.get_all(name) {
                        headers.append(name, value.clone());
                    }
                }
            }
            answer
        }
    }

    /// Adds the session's headers to the response, whatever its status, and `Vary: cookie` if a session was looked for.
    pub fn apply_to(&self, response: &mut dyn ResponseHead) {
        match &self.session {
            Some(session) => session.apply_to(response),
            // A cache must not serve an anonymous visitor's page to somebody with a session.
            None if self.asked => response.append(header::VARY, HeaderValue::from_static("cookie")),
            None => {}
        }
    }
}

impl Gate {
    /// Logs that the layer may not cover the callback. This cannot be known from inside a part of the application; the
    /// sign is a browser that returns from a login without its response.
    fn warn_of_misplaced_layer(&self) {
        if self.0.routes.evidence.misplaced_layer_warning_due() {
            tracing::warn!(
                event = "no_answer_seen",
                "a browser was sent to log in and returned without a response from the provider, and the gate's own routes have received no request \
                 since the start. If it got a 404 at {}, the login layer covers only some routes: in axum, use `Router::layer` on the \
                 outermost router, after its last route, not `route_layer`; in actix-web, use `App::wrap`. If the provider refused, \
                 register the redirect URI {} there",
                self.0.routes.callback,
                self.redirect_uri(),
            );
        }
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass")
            .field("session", &self.session)
            .field("misplaced", &self.misplaced)
            .finish_non_exhaustive()
    }
}

/// Whether a path equals a prefix of whole segments, or is below it.
fn is_under(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
}

fn kept_headers(replaced: &dyn ResponseHead) -> HeaderMap {
    let mut kept = HeaderMap::new();
    replaced.each(&mut |name, value| {
        if !describes_content(name)
            && let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(name.as_bytes()),
                HeaderValue::from_bytes(value),
            )
        {
            kept.append(name, value);
        }
    });
    kept
}

/// Content, validators and framing ([RFC 9110 §6.4, §8](https://www.rfc-editor.org/rfc/rfc9110#section-8)),
/// freshness (RFC 9111 §5), and what goes with a status (RFC 9110 §10.2, §11.6).
fn describes_content(name: &str) -> bool {
    matches!(
        name,
        "content-type"
            | "content-length"
            | "content-encoding"
            | "content-language"
            | "content-location"
            | "content-range"
            | "content-disposition"
            | "content-digest"
            | "repr-digest"
            | "digest"
            | "transfer-encoding"
            | "trailer"
            | "etag"
            | "last-modified"
            | "accept-ranges"
            | "cache-control"
            | "expires"
            | "age"
            | "location"
            | "retry-after"
            | "allow"
            | "www-authenticate"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_end_where_segments_do() {
        for (prefix, path) in [
            ("", "/callback"),
            ("/app", "/app/callback"),
            ("/app", "/app"),
            ("/callback", "/callback"),
        ] {
            assert!(is_under(prefix, path), "{prefix} {path}");
        }
        for (prefix, path) in [
            ("/app", "/callback"),
            ("/app", "/application/callback"),
            ("/app/login", "/app/callback"),
            ("/", "/callback"),
        ] {
            assert!(!is_under(prefix, path), "{prefix} {path}");
        }
    }

    #[test]
    fn headers_about_the_replaced_response_go_and_others_stay() {
        let mut replaced = HeaderMap::new();
        for (name, value) in [
            ("content-type", "text/plain"),
            ("content-length", "7"),
            ("content-encoding", "gzip"),
            ("etag", "\"x\""),
            ("access-control-allow-origin", "https://shop.example"),
            ("content-security-policy-report-only", "default-src 'self'"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("x-request-id", "7"),
        ] {
            replaced.append(name, HeaderValue::from_static(value));
        }
        let kept = kept_headers(&replaced);
        let mut names: Vec<&str> = kept.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "access-control-allow-origin",
                "content-security-policy-report-only",
                "set-cookie",
                "set-cookie",
                "x-request-id"
            ]
        );
    }
}
