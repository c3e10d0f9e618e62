//! A request that goes to the application, and its response.

use std::cell::Cell;
use std::pin::Pin;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};

use super::api_answer::api_answer;
use super::refuse::incident_id;
use super::silent_login::{SilentNavigation, is_signed_out};
use super::{Api, BasePath, Challenge, Gate, SilentLogins};
use crate::error::LayerError;
use crate::head::RequestHead;
use crate::request_session::{
    NOT_FOR_CACHES, RequestSession, ResponseHead, is_targeted_cache_control, keep_out_of_caches,
};
use crate::resource_server::RequestToken;
use crate::token::DPOP_NONCE;
use crate::visitor::{RequestVisitor, Visitor};

/// A request that goes to the application. Without a session cookie of ours, or an access token, it costs nothing.
#[must_use]
#[derive(Clone)]
pub struct Pass {
    front: Front,
    session: Option<RequestSession>,
    token: Option<RequestToken>,
    /// In a box, which only a misplaced layer has: every request moves this about.
    misplaced: Option<Box<LayerError>>,
    /// What becomes of the request if it shows that nobody is there.
    silent: Option<Box<SilentNavigation>>,
    /// The tenant whose page is asked for.
    tenant: Option<Box<str>>,
    /// Whoever makes the request, as far as the application keeps data for them.
    visitor: RequestVisitor,
    /// A session was looked for in a request without a cookie of ours.
    asked: bool,
}

/// Who has let the request pass, and answers its challenges.
#[derive(Clone)]
enum Front {
    Gate(Gate),
    Api(Api),
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
        token: Option<RequestToken>,
        head: &H,
    ) -> Self {
        let callback = gate.0.base.as_received(&gate.0.routes.callback);
        let around = head.nested_at();
        let misplaced = (!is_under(around, callback)).then(|| {
            Box::new(LayerError::OutOfReach {
                around: around.to_owned(),
                callback: callback.to_owned(),
                base_url: format!("{}{around}", gate.0.base.origin),
            })
        });
        Self {
            front: Front::Gate(gate.clone()),
            silent: None,
            session,
            token,
            misplaced,
            tenant: None,
            visitor: RequestVisitor::new(&gate.0.visitors),
            asked: false,
        }
    }

    /// The same for a page of this tenant.
    pub(super) fn at_tenant(mut self, tenant: Option<Box<str>>) -> Self {
        self.tenant = tenant;
        self
    }

    /// A request to an API, which has no sessions.
    pub(super) fn to_api(api: &Api, token: Option<RequestToken>) -> Self {
        Self {
            front: Front::Api(api.clone()),
            session: None,
            token,
            silent: None,
            misplaced: None,
            tenant: None,
            visitor: RequestVisitor::none(),
            asked: false,
        }
    }

    /// The same request, which nobody has made yet as far as is known.
    pub(super) fn silently(mut self, navigation: Option<Box<SilentNavigation>>) -> Self {
        self.silent = navigation;
        self
    }

    /// The challenge of a response that has none itself: to find out at the provider who is there, if the application has
    /// asked and a silent login is due ([`GateBuilder::silent_login`](crate::GateBuilder::silent_login)). `status` is the
    /// response's.
    #[must_use]
    pub fn silent_login(&self, status: u16) -> Option<Challenge> {
        let due = self.silent.as_ref()?.due.as_ref()?;
        let shown = self.asked && (200..400).contains(&status) && self.misplaced.is_none();
        shown.then(|| due.clone())
    }

    /// What to put into the request's extensions. It replaces the session of an outer gate.
    #[must_use]
    pub fn session(&self) -> Option<&RequestSession> {
        self.session.as_ref()
    }

    /// What to put into the request's extensions as well. It replaces the token of an outer gate or API.
    #[must_use]
    pub fn token(&self) -> Option<&RequestToken> {
        self.token.as_ref()
    }

    /// Runs one poll of the application's future, or the call that makes it.
    pub fn poll<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        let of_outer_gate = ASKED.replace(false);
        let polled = self.visitor.during(poll);
        self.asked |= ASKED.replace(of_outer_gate);
        polled
    }

    /// The response to a challenge. It replaces the response that carried the challenge and keeps those of its headers
    /// that do not describe the content: those of CORS, a request id, cookies.
    ///
    /// In a box: few requests are challenged, and all would move it about.
    pub fn answer(
        &self,
        challenge: Challenge,
        replaced: &dyn ResponseHead,
    ) -> Pin<Box<dyn Future<Output = Response<Bytes>> + Send>> {
        let kept = kept_headers(replaced);
        let front = self.front.clone();
        let challenge = match &front {
            Front::Gate(gate) => self.placed(gate, challenge),
            Front::Api(_) => challenge,
        };
        Box::pin(async move {
            let mut answer = match front {
                Front::Gate(gate) => match challenge.token() {
                    Some(token) => {
                        let id = incident_id(gate.0.random.as_ref());
                        api_answer(token.server(), &challenge, id)
                    }
                    None => gate.answer(challenge).await,
                },
                Front::Api(api) => {
                    let id = incident_id(api.0.random.as_ref());
                    api_answer(&api.0.server, &challenge, id)
                }
            };
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
        })
    }

    /// The challenge, as the place of the layer allows to answer it.
    fn placed(&self, gate: &Gate, challenge: Challenge) -> Challenge {
        let challenge = match &self.session {
            Some(session) => challenge.of_handler(session),
            None => challenge,
        };
        if challenge.starts_login() && challenge.has_pending_login(&gate.0.login_cookie) {
            gate.warn_of_misplaced_layer();
        }
        let challenge = match &self.misplaced {
            Some(error) if challenge.starts_login() => {
                challenge.failing(LayerError::clone(error).into())
            }
            _ => challenge,
        };
        let challenge = challenge.at_page_of(self.tenant.as_deref());
        let base = &gate.0.base;
        match base.arrives {
            BasePath::Kept => challenge,
            BasePath::Stripped => challenge.below(&base.path),
        }
    }

    /// Adds the session's headers to the response, whatever its status, and `Vary` if somebody asked who is there.
    pub fn apply_to(&self, response: &mut dyn ResponseHead) {
        let mut looked_at = Vec::new();
        match (&self.session, &self.token) {
            (Some(session), _) => {
                session.apply_to(response);
                if self.takes_tokens() && session.was_asked() {
                    looked_at.push("authorization");
                }
            }
            (None, Some(token)) if token.was_asked() => {
                looked_at.push("authorization");
                if !response.contains(&header::CACHE_CONTROL) {
                    response.replace(header::CACHE_CONTROL, NOT_FOR_CACHES);
                }
                if let Some(nonce) = token.next_nonce() {
                    // RFC 9449 §8.2: a cached nonce would be an old one.
                    keep_out_of_caches(response);
                    response.replace(DPOP_NONCE, nonce);
                }
            }
            // A cache must not serve an anonymous visitor's page to somebody with a session.
            (None, None) if self.asked => {
                if matches!(self.front, Front::Gate(_)) {
                    looked_at.push("cookie");
                }
                if self.takes_tokens() {
                    looked_at.push("authorization");
                }
            }
            (None, _) => {}
        }
        for name in looked_at {
            response.append(header::VARY, HeaderValue::from_static(name));
        }
        if let Some(visitor) = self.visitor.opened() {
            write_visitor(visitor, response);
        }
        if let Some(marker) = self.silent_marker() {
            response.append(header::SET_COOKIE, marker);
            keep_out_of_caches(response);
        }
    }

    /// The marker that the response sets: a first one, or one for somebody who has signed out elsewhere.
    fn silent_marker(&self) -> Option<HeaderValue> {
        let Front::Gate(gate) = &self.front else {
            return None;
        };
        if gate.0.silent_logins == SilentLogins::ByHandlers {
            return None;
        }
        match (&self.session, &self.silent) {
            (Some(session), _) if session.known_end().is_some_and(is_signed_out) => {
                gate.marked_as_signed_out()
            }
            (None, Some(silent)) if silent.due.is_none() && self.asked => gate.first_marker(),
            _ => None,
        }
    }

    fn takes_tokens(&self) -> bool {
        match &self.front {
            Front::Gate(gate) => gate.0.resource_server.is_some(),
            Front::Api(_) => true,
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

debug_fields!(Pass {
    session,
    token,
    misplaced
});

/// Adds the headers of a response whose handler has asked for the visitor's data.
fn write_visitor(visitor: &Visitor, response: &mut dyn ResponseHead) {
    let (mut varies, mut written) = (false, false);
    response.each(&mut |name, value| {
        varies = varies || (name == "vary" && value.eq_ignore_ascii_case(b"cookie"));
        // By a login that the application has made itself.
        written = written || (name == "set-cookie" && visitor.is_set_by(value));
    });
    if !varies {
        response.append(header::VARY, HeaderValue::from_static("cookie"));
    }
    if !response.contains(&header::CACHE_CONTROL) {
        response.replace(header::CACHE_CONTROL, NOT_FOR_CACHES);
    }
    if let Some(cookie) = visitor.cookie().filter(|_| !written) {
        response.append(header::SET_COOKIE, cookie);
        keep_out_of_caches(response);
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
    let is_about_it = matches!(
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
    );
    is_about_it || is_targeted_cache_control(name)
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
            ("cache-control", "public"),
            ("cdn-cache-control", "max-age=600"),
            ("surrogate-control", "max-age=600"),
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
