//! Redirects of an API: [RFC 9110 §15.4](https://www.rfc-editor.org/rfc/rfc9110#section-15.4).
//!
//! The HTTP client itself follows none: it would send the token without knowing whom it is for, and a proof of possession
//! for another URL.

use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, LOCATION, TRANSFER_ENCODING,
};
use http::{Method, StatusCode};
use reqwest::Request;
use url::Url;

use crate::base_urls::BaseUrls;

/// What becomes of a redirect within the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redirects {
    Followed,
    Returned,
}

impl Redirects {
    /// How many redirects of one call are followed.
    pub(crate) fn most(self) -> usize {
        match self {
            Self::Followed => 5,
            Self::Returned => 0,
        }
    }
}

/// The request that a redirect asks for. `None` if it leads out of the API, or the answer is no redirect.
pub(crate) fn redirected(
    mut request: Request,
    status: StatusCode,
    headers: &HeaderMap,
    api: &BaseUrls,
) -> Option<Request> {
    let method = match (status.as_u16(), request.method()) {
        (303, &Method::HEAD) => Method::HEAD,
        (303, _) | (301 | 302, &Method::POST) => Method::GET,
        (301 | 302 | 307 | 308, method) => method.clone(),
        _ => return None,
    };
    let target = target(request.url(), headers).filter(|target| api.contain(target))?;
    if method != *request.method() {
        *request.method_mut() = method;
        *request.body_mut() = None;
        for name in [
            CONTENT_TYPE,
            CONTENT_LENGTH,
            CONTENT_ENCODING,
            TRANSFER_ENCODING,
        ] {
            request.headers_mut().remove(name);
        }
    }
    *request.url_mut() = target;
    Some(request)
}

fn target(url: &Url, headers: &HeaderMap) -> Option<Url> {
    let mut locations = headers.get_all(LOCATION).iter();
    let location = locations.next()?.to_str().ok()?;
    match locations.next() {
        None => url.join(location).ok(),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base_urls::{PlainHttp, base_url};

    /// The method and URL of the next request, and whether it has a body.
    fn next(method: Method, status: u16, locations: &[&str]) -> Option<(Method, String, bool)> {
        let base = base_url("https://api.example.com/v1", PlainHttp::OnLoopback).unwrap();
        let url = Url::parse("https://api.example.com/v1/orders?page=2").unwrap();
        let mut request = Request::new(method, url);
        *request.body_mut() = Some("body".into());
        let mut headers = HeaderMap::new();
        for location in locations {
            headers.append(LOCATION, location.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        let next = redirected(request, status, &headers, &BaseUrls::new(base, Vec::new()))?;
        let (method, url) = (next.method().clone(), next.url().to_string());
        Some((method, url, next.body().is_some()))
    }

    #[test]
    fn a_redirect_within_the_api_is_followed_with_its_method() {
        let url = || "https://api.example.com/v1/orders/".to_owned();
        let slash = &["/v1/orders/"];
        for (method, status, as_method, with_body) in [
            (Method::GET, 302, Method::GET, true),
            (Method::PUT, 301, Method::PUT, true),
            (Method::POST, 307, Method::POST, true),
            (Method::POST, 308, Method::POST, true),
            (Method::POST, 301, Method::GET, false),
            (Method::PUT, 303, Method::GET, false),
            (Method::HEAD, 303, Method::HEAD, true),
        ] {
            let expected = Some((as_method, url(), with_body));
            assert_eq!(next(method, status, slash), expected, "{status}");
        }
        let relative = next(Method::GET, 302, &["?page=3"]).map(|(_, url, _)| url);
        let expected = "https://api.example.com/v1/orders?page=3";
        assert_eq!(relative.as_deref(), Some(expected));
    }

    #[test]
    fn no_redirect_leads_elsewhere() {
        for location in [
            "https://evil.example/v1/orders",
            "//evil.example/v1/orders",
            "http://api.example.com/v1/orders",
            "https://api.example.com/admin",
            "../admin",
            "https://",
        ] {
            assert_eq!(next(Method::GET, 302, &[location]), None, "{location}");
        }
        assert_eq!(next(Method::GET, 302, &[]), None);
        assert_eq!(next(Method::GET, 302, &["/v1/a", "/v1/b"]), None);
        for status in [200, 300, 304, 401] {
            assert_eq!(next(Method::GET, status, &["/v1/a"]), None, "{status}");
        }
    }
}
