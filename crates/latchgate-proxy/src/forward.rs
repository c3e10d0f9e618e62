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
        let progress = Arc::new(Progress::default());
        let body = upload(body, proxy.body_limit, proxy.idle_timeout, &progress).await?;
        let request = proxy
            .api
            .as_user(&tokens)
            .request(head.method().clone(), &url);
        let sent = request.headers(headers).body(body).send();
        let response = self.answered(sent, &progress).await?;
        if let Some(error) = refused(response.status(), response.headers(), protocol) {
            return Err(error);
        }
        let places = Places {
            called: response.url(),
            base: &proxy.base,
            proxy_at,
        };
        let fields = for_browser(
            head.method(),
            response.status(),
            response.headers(),
            &places,
            passes,
        )?;
        match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => switched(response, fields, tokens, permit).await,
            _ => Ok(self.passed_on(response, fields, tokens, permit)),
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
        tokens: ApiTokens,
        permit: OwnedSemaphorePermit,
    ) -> Forwarded {
        let status = response.status();
        let body = http::Response::<reqwest::Body>::from(response).into_body();
        let session = SessionWatch::new(tokens);
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
    tokens: ApiTokens,
    permit: OwnedSemaphorePermit,
) -> Result<Forwarded, Error> {
    let api = response.upgrade().await;
    let tunnel = Tunnel {
        api: api.map_err(|error| call_error(error.into()))?,
        session: SessionWatch::new(tokens),
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
