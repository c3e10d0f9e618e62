//! Requests and responses of actix-web, which has `http` 0.2 and bodies of its own.

use actix_web::HttpResponse;
use actix_web::body::{MessageBody, to_bytes};
use actix_web::cookie::Cookie;
use actix_web::dev::ServiceResponse;
use actix_web::test::TestRequest;
use futures_util::FutureExt;
use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

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
        let status = StatusCode::from_u16(self.status().as_u16());
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers() {
            let name = HeaderName::from_bytes(name.as_str().as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
                headers.append(name, value);
            }
        }
        let body = to_bytes(self.into_body()).now_or_never();
        let body = body.and_then(Result::ok);
        Answer {
            // Both are three digits.
            status: status.unwrap_or_default(),
            headers,
            body: body.as_ref().map(text),
        }
    }
}

impl<B: MessageBody> LoginAssertions for ServiceResponse<B> {
    fn into_answer(self) -> Answer {
        self.into_parts().1.into_answer()
    }
}
