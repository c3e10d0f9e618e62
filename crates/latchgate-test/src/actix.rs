//! Requests and responses of actix-web, which has `http` 0.2 and bodies of its own.

use actix_web::HttpResponse;
use actix_web::body::{MessageBody, to_bytes};
use actix_web::cookie::Cookie;
use actix_web::dev::ServiceResponse;
use actix_web::test::TestRequest;
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::COOKIE;
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::answer::{Answer, text};
use crate::assertions::LoginAssertions;
use crate::request::SignedInRequest;

impl SignedInRequest for TestRequest {
    fn with_field(self, name: HeaderName, value: HeaderValue) -> Self {
        if name != COOKIE {
            return self.insert_header((name.as_str(), value.as_bytes()));
        }
        // Its cookies replace the header field.
        let cookies = value.to_str().unwrap_or_default().split("; ");
        cookies.fold(self, |request, cookie| match cookie.split_once('=') {
            Some((name, value)) => request.cookie(Cookie::new(name.to_owned(), value.to_owned())),
            None => request,
        })
    }
}

impl<B: MessageBody> LoginAssertions for HttpResponse<B> {
    fn into_answer(self) -> Answer {
        let head = head(&self);
        let body = to_bytes(self.into_body()).now_or_never();
        let body = body.and_then(Result::ok);
        Answer {
            status: head.status(),
            headers: head.headers().clone(),
            body: body.as_ref().map(text),
        }
    }
}

impl<B: MessageBody> LoginAssertions for ServiceResponse<B> {
    fn into_answer(self) -> Answer {
        self.into_parts().1.into_answer()
    }
}

/// The status and the header fields of a response, and no body yet.
pub(crate) fn head<B>(response: &HttpResponse<B>) -> Response<Bytes> {
    let mut head = Response::new(Bytes::new());
    // Both are three digits.
    let status = StatusCode::from_u16(response.status().as_u16());
    *head.status_mut() = status.unwrap_or_default();
    for (name, value) in response.headers() {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            head.headers_mut().append(name, value);
        }
    }
    head
}
