//! One request on its way to the API and back, whatever framework it has come through.

use std::pin::pin;
use std::sync::Arc;

use http::header::{AUTHORIZATION, HeaderMap};
use http::{Method, Request, Response, StatusCode};
use latchgate::adapter::{Challenge, Extract, RequestHead, RequestSession, RequestToken};
use latchgate::{ApiTokens, CertificateThumbprint, Error, ForwardError, RequestError};
use latchgate_reqwest::{call_error, reqwest, reqwest_middleware};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::body::ProxyBody;
use crate::path::stays_below;
use crate::proxy::ApiProxy;
use crate::request_headers::for_api;
use crate::response_headers::{Places, for_browser};
use crate::session_end::SessionWatch;
use crate::tunnel::{Tunnel, is_socket, opens_socket, switch};
use crate::upload::{ClientBody, Progress, upload};

/// What is answered to methods that are not forwarded. `TRACE` would show the access token, and `CONNECT` is for tunnels.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// A request as a framework has received it.
pub(crate) struct Incoming {
    /// Its head, with the URL that the client has sent.
    pub(crate) head: Request<()>,
    /// The path at which the framework has put the proxy, as the client has written it; empty where that is not known.
    pub(crate) proxy_at: String,
    pub(crate) session: Option<RequestSession>,
    pub(crate) token: Option<RequestToken>,
    pub(crate) body: Option<ClientBody>,
    /// Whether the server can switch to another protocol.
    pub(crate) can_switch: bool,
}

/// The API's response, with the connection if it has become a WebSocket.
pub(crate) struct Forwarded {
    pub(crate) response: Response<ProxyBody>,
    pub(crate) tunnel: Option<Tunnel>,
}

/// Whether the client wants another protocol on its connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Switch {
    Never,
    ToSocket,
}

/// A request's head as that of a script's: whoever uses an API gets a status, and is not sent to log in.
struct ByScript<'a>(&'a Request<()>);

impl RequestHead for ByScript<'_> {
    fn method(&self) -> &str {
        RequestHead::method(self.0)
    }

    fn path(&self) -> &str {
        self.0.path()
    }

    fn query(&self) -> Option<&str> {
        self.0.query()
    }

    fn header<'h>(&'h self, name: &str, each: &mut dyn FnMut(&'h [u8])) {
        if !matches!(name, "accept" | "sec-fetch-mode" | "sec-fetch-dest") {
            self.0.header(name, each);
        }
    }

    fn certificate(&self) -> Option<CertificateThumbprint> {
        self.0.certificate()
    }
}

impl ApiProxy {
    /// The API's response, for somebody who is signed in.
    ///
    /// # Errors
    ///
    /// The challenge to respond with.
    pub(crate) async fn forward(&self, incoming: Incoming) -> Result<Forwarded, Challenge> {
        let head = ByScript(&incoming.head);
        let session = incoming.session.as_ref();
        let extract = Extract::new(session, &head).presenting(incoming.token.as_ref());
        extract.own_doing()?;
        let tokens = extract.api_tokens().await?;
        // The gate takes no access tokens, or this would be one of its. It must not be exchanged for the session's.
        if presents_token(incoming.head.headers()) {
            return Err(Challenge::failed(&head, Error::SessionRequired));
        }
        let sent = self.send(
            &incoming.head,
            &incoming.proxy_at,
            incoming.body,
            incoming.can_switch,
            tokens,
        );
        sent.await.map_err(|error| Challenge::failed(&head, error))
    }

    async fn send(
        &self,
        head: &Request<()>,
        proxy_at: &str,
        body: Option<ClientBody>,
        can_switch: bool,
        tokens: ApiTokens,
    ) -> Result<Forwarded, Error> {
        let proxy = &*self.0;
        if matches!(*head.method(), Method::CONNECT | Method::TRACE) {
            return Err(RequestError::Method { allow: METHODS }.into());
        }
        let proxy_at = proxy.mounted_at.as_deref().unwrap_or(proxy_at);
        let url = below(head, proxy_at)?;
        let permit = Arc::clone(&proxy.requests).try_acquire_owned();
        let permit = permit.map_err(|_| ForwardError::Busy)?;
        let passes = |name: &str| {
            !tokens.is_own_cookie(name) && proxy.cookies.iter().any(|cookie| cookie == name)
        };
        let mut headers = for_api(head.headers(), &proxy.headers, passes);
        let protocol = match can_switch && opens_socket(head) {
            true => Switch::ToSocket,
            false => Switch::Never,
        };
        if protocol == Switch::ToSocket {
            switch(&mut headers);
        }
        // Somebody may let a request wait with its body, and go on with it after the session.
        let watch = || SessionWatch::new(tokens.clone());
        let mut session = watch();
        let progress = Arc::new(Progress::default());
        let in_browser = format!("{}{proxy_at}", tokens.stripped_path());
        let (limit, pause) = (proxy.body_limit, proxy.idle_timeout);
        let body = upload(body, limit, pause, &progress, watch);
        let body = session.during(body).await??;
        let request = proxy
            .api
            .as_user(&tokens)
            .request(head.method().clone(), &url);
        let sent = request.headers(headers).body(body).send();
        let response = session.during(self.answered(sent, &progress)).await??;
        if let Some(error) = refused(response.status(), response.headers(), protocol) {
            return Err(error);
        }
        let places = Places {
            called: response.url(),
            base: &proxy.base,
            proxy_at: &in_browser,
        };
        let fields = for_browser(
            head.method(),
            response.status(),
            response.headers(),
            &places,
            passes,
        )?;
        match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => switched(response, fields, session, permit).await,
            _ => Ok(self.passed_on(response, fields, session, permit)),
        }
    }

    /// Waits for the response's head, as long as the request's body moves or the time is not up.
    async fn answered(
        &self,
        sent: impl Future<Output = reqwest_middleware::Result<reqwest::Response>>,
        progress: &Progress,
    ) -> Result<reqwest::Response, Error> {
        let mut sent = pin!(sent);
        loop {
            let before = progress.bytes();
            match timeout(self.0.response_timeout, &mut sent).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => {
                    let failure = progress.failure().map(Error::from);
                    return Err(failure.unwrap_or_else(|| failed(error)));
                }
                Err(_) if progress.bytes() != before => {}
                Err(_) => return Err(ForwardError::TimedOut.into()),
            }
        }
    }

    fn passed_on(
        &self,
        response: reqwest::Response,
        fields: HeaderMap,
        session: SessionWatch,
        permit: OwnedSemaphorePermit,
    ) -> Forwarded {
        let status = response.status();
        let body = http::Response::<reqwest::Body>::from(response).into_body();
        let body = ProxyBody::new(body, self.0.idle_timeout, session, permit);
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = fields;
        Forwarded {
            response,
            tunnel: None,
        }
    }
}

/// The end of a handshake, from which on the connection is a WebSocket.
async fn switched(
    response: reqwest::Response,
    fields: HeaderMap,
    session: SessionWatch,
    permit: OwnedSemaphorePermit,
) -> Result<Forwarded, Error> {
    let api = response.upgrade().await;
    let tunnel = Tunnel {
        api: api.map_err(|error| call_error(error.into()))?,
        session,
        permit,
    };
    let mut response = Response::new(ProxyBody::text(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = fields;
    switch(response.headers_mut());
    Ok(Forwarded {
        response,
        tunnel: Some(tunnel),
    })
}

/// The path and query below the proxy.
fn below(head: &Request<()>, proxy_at: &str) -> Result<String, ForwardError> {
    let path = head.uri().path().strip_prefix(proxy_at);
    let path = match path.ok_or(ForwardError::Path)? {
        "" => "/",
        path => path,
    };
    if !stays_below(path) {
        return Err(ForwardError::Path);
    }
    Ok(match head.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    })
}

/// Whether the client brings an access token of its own.
fn presents_token(headers: &HeaderMap) -> bool {
    headers.get_all(AUTHORIZATION).iter().any(|value| {
        let scheme = value.as_bytes().split(|byte| *byte == b' ').next();
        scheme.is_some_and(|scheme| {
            scheme.eq_ignore_ascii_case(b"bearer") || scheme.eq_ignore_ascii_case(b"dpop")
        })
    })
}

/// The responses that are about the connection between the API and us.
fn refused(status: StatusCode, headers: &HeaderMap, protocol: Switch) -> Option<Error> {
    match status {
        StatusCode::UNAUTHORIZED => Some(ForwardError::TokenRejected.into()),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            let cause = "it asks for credentials of a proxy (407)";
            Some(Error::ApiCall(cause.into()))
        }
        StatusCode::SWITCHING_PROTOCOLS if protocol == Switch::Never || !is_socket(headers) => {
            let cause = "it has switched to a protocol that nobody has asked for (101)";
            Some(Error::ApiCall(cause.into()))
        }
        _ => None,
    }
}

fn failed(error: reqwest_middleware::Error) -> Error {
    match &error {
        reqwest_middleware::Error::Reqwest(cause) if cause.is_timeout() => {
            ForwardError::TimedOut.into()
        }
        _ => call_error(error),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use bytes::Bytes;
    use http_body::{Body, Frame, SizeHint};
    use http_body_util::{BodyExt, StreamBody};
    use latchgate::Gate;
    use latchgate::adapter::Verdict;
    use latchgate_test::{Person, SignedInRequest, gate};

    use super::*;
    use crate::session_end::tests::{end_it, watched};
    use crate::upload::BoxError;

    /// A short body that does not come.
    struct Late;

    impl Body for Late {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            Poll::Pending
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(5)
        }
    }

    const MINUTE: Duration = Duration::from_secs(60);

    /// Alice's request with a body that does not come, or with none, to this API.
    async fn of_alice(api: &str, body: Option<ClientBody>) -> (ApiProxy, Incoming, Gate) {
        let gate = gate();
        let head = Request::post("/api/orders").header("x-csrf", "1");
        let head = head
            .body(())
            .unwrap()
            .signed_in(&gate, Person::new("alice"));
        let head = head.await;
        let Verdict::Pass(pass) = gate.admit(&head) else {
            panic!("not for the application")
        };
        let incoming = Incoming {
            session: pass.session().cloned(),
            token: None,
            head,
            proxy_at: "/api".to_owned(),
            body,
            can_switch: false,
        };
        let proxy = ApiProxy::builder(api).response_timeout(100 * MINUTE);
        (proxy.build().unwrap(), incoming, gate)
    }

    /// Whether the request ends with its session, and not before.
    async fn ends_with_its_session((proxy, incoming, gate): (ApiProxy, Incoming, Gate)) {
        let mut forwarded = pin!(proxy.forward(incoming));
        assert!(timeout(MINUTE, &mut forwarded).await.is_err());
        end_it(&gate).await;
        let ended = timeout(MINUTE, forwarded).await;
        let Ok(Err(challenge)) = ended else {
            panic!("it still waits")
        };
        assert_eq!(challenge.status(), StatusCode::UNAUTHORIZED);
    }

    /// It would be sent with an access token that was looked for before the logout.
    #[tokio::test(start_paused = true)]
    async fn a_request_whose_body_waits_for_the_logout_is_not_sent() {
        let body = Some(Late.boxed_unsync());
        ends_with_its_session(of_alice("https://orders.internal/v1", body).await).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_that_does_not_come_is_waited_for_until_the_session_ends() {
        // It accepts the connection and says nothing.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let api = format!("http://{}", silent.local_addr().unwrap());
        ends_with_its_session(of_alice(&api, None).await).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_may_take_its_time_as_long_as_the_body_moves() {
        let (session, _gate) = watched().await;
        let proxy = ApiProxy::new("https://orders.internal/v1").unwrap();
        let piece = || Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"x")));
        let endless = StreamBody::new(futures_util::stream::repeat_with(piece)).boxed_unsync();
        let progress = Arc::default();
        let mut uploaded = upload(Some(endless), None, MINUTE, &progress, || session)
            .await
            .unwrap();
        let mut answered = pin!(proxy.answered(std::future::pending(), &progress));
        for _ in 0..60 {
            assert!(uploaded.frame().await.unwrap().is_ok());
            assert!(timeout(MINUTE / 2, &mut answered).await.is_err());
        }
        let answered = timeout(2 * MINUTE, answered).await.unwrap();
        assert!(matches!(
            answered,
            Err(Error::Forward(ForwardError::TimedOut))
        ));
    }
}
