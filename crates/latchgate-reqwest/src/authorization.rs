//! The middleware that puts access tokens into requests: [RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)
//! and [RFC 9449 §7](https://www.rfc-editor.org/rfc/rfc9449#section-7).

use std::sync::Arc;

use http::Extensions;
use latchgate::{ApiCall, Error};
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next, Result};

use crate::base_urls::BaseUrls;
use crate::error::ForeignUrl;
use crate::redirect::{self, Redirects};
use crate::token_source::TokenSource;

/// The innermost middleware of a caller: no other sees the token.
#[derive(Debug)]
pub(crate) struct Authorization {
    pub(crate) urls: Arc<BaseUrls>,
    pub(crate) source: TokenSource,
    pub(crate) redirects: Redirects,
}

#[async_trait::async_trait]
impl Middleware for Authorization {
    /// Sends a request, and those that it is redirected to as long as they are for the API.
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        for _ in 0..self.redirects.most() {
            let copy = request.try_clone();
            let response = self.send(request, extensions, &next).await?;
            let further = copy.and_then(|copy| {
                redirect::redirected(copy, response.status(), response.headers(), &self.urls)
            });
            match further {
                Some(further) => request = further,
                None => return Ok(response),
            }
        }
        self.send(request, extensions, &next).await
    }
}

impl Authorization {
    /// Sends one request with a token. It is sent again with the nonce that the API asks for, and once with another token
    /// if the API rejects the first; each only if its body can be sent again.
    async fn send(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: &Next<'_>,
    ) -> Result<Response> {
        if !self.urls.contain(request.url()) {
            return Err(reqwest_middleware::Error::middleware(ForeignUrl {
                origin: request.url().origin().ascii_serialization(),
            }));
        }
        let mut token = self.source.get().await.map_err(failed)?;
        let mut call = token.call();
        let mut replaced = false;
        loop {
            let copy = request.try_clone();
            authorize(&mut request, &mut call)?;
            let response = next.clone().run(request, extensions).await?;
            let repeat = call.wants_repeat(response.status(), response.headers());
            let rejected = ApiCall::rejects_token(response.status(), response.headers());
            let Some(copy) = copy else {
                if rejected {
                    // This one cannot be repeated. The next call has another token.
                    drop(self.source.replace(&token).await);
                }
                return Ok(response);
            };
            if !repeat {
                if replaced || !rejected {
                    return Ok(response);
                }
                let Some(other) = self.source.replace(&token).await.map_err(failed)? else {
                    return Ok(response);
                };
                (token, replaced) = (other, true);
                call = token.call();
            }
            request = copy;
        }
    }
}

fn authorize(request: &mut Request, call: &mut ApiCall) -> Result<()> {
    let headers = call.headers(request.method().as_str(), request.url().as_str());
    let headers = headers.map_err(|error| failed(Error::ApiCall(error.into())))?;
    request.headers_mut().remove("dpop");
    for (name, value) in headers {
        request.headers_mut().insert(name, value);
    }
    Ok(())
}

fn failed(error: Error) -> reqwest_middleware::Error {
    reqwest_middleware::Error::middleware(error)
}
