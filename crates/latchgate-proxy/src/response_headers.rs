//! The header of the API's response as the browser gets it, from our own origin.

use http::header::{
    CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap,
    HeaderValue, LOCATION, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, StatusCode};
use latchgate::ForwardError;
use url::Url;

use crate::cache::keep_private;
use crate::hop_by_hop::{is_of_connection, named_in_connection};
use crate::path::below_proxy;

/// What fields of the API's would do to the whole origin, or to servers and caches in front of us.
const BEGINNINGS: [&str; 7] = [
    "access-control-",
    "attribution-reporting-",
    "proxy-",
    "sec-session-",
    "secure-session-",
    "surrogate-",
    "x-accel-",
];

/// Whether a field of the API's is not for the browser. `name` is in lower case.
fn is_kept_back(name: &str) -> bool {
    let other = matches!(
        name,
        // About the access token, which the browser does not have.
        "authentication-info" | "dpop-nonce" | "www-authenticate"
            // Made anew, or only if allowed.
            | "content-length" | "set-cookie" | "via"
            // For the whole origin.
            | "accept-ch" | "alt-svc" | "clear-site-data" | "critical-ch" | "expect-ct" | "nel" | "origin-agent-cluster"
            | "public-key-pins" | "public-key-pins-report-only" | "refresh" | "report-to" | "reporting-endpoints"
            | "service-worker-allowed" | "set-login" | "sourcemap" | "speculation-rules" | "strict-transport-security"
            | "timing-allow-origin" | "use-as-dictionary" | "x-sourcemap"
            // Files of servers in front of us.
            | "x-lighttpd-send-file" | "x-reproxy-url" | "x-sendfile"
    );
    other
        || is_of_connection(name)
        || BEGINNINGS.iter().any(|start| name.starts_with(start))
        // Targeted cache control, RFC 9213.
        || name.ends_with("cdn-cache-control")
}

/// Where the API's URLs are in the application.
pub(crate) struct Places<'a> {
    /// The URL that was called.
    pub(crate) called: &'a Url,
    /// The API's base URL.
    pub(crate) base: &'a Url,
    /// The path at which the proxy is in the browser.
    pub(crate) proxy_at: &'a str,
}

impl Places<'_> {
    fn mapped(&self, reference: &HeaderValue) -> Result<HeaderValue, ForwardError> {
        let unusable = || ForwardError::Redirect { origin: None };
        let text = reference.to_str().map_err(|_| unusable())?;
        let target = self.called.join(text).map_err(|_| unusable())?;
        let found = below_proxy(&target, self.base, self.proxy_at);
        let foreign = || ForwardError::Redirect {
            origin: Some(target.origin().ascii_serialization()),
        };
        let found = found.ok_or_else(foreign)?;
        HeaderValue::from_str(&found).map_err(|_| unusable())
    }
}

/// The fields for the browser. `passes` tells which cookies the API may set, by their names.
///
/// # Errors
///
/// The response is a redirect that leads out of the API.
pub(crate) fn for_browser(
    method: &Method,
    status: StatusCode,
    api: &HeaderMap,
    places: &Places<'_>,
    passes: impl Fn(&str) -> bool,
) -> Result<HeaderMap, ForwardError> {
    let named = named_in_connection(api);
    let mut headers = HeaderMap::with_capacity(api.len() + 2);
    for (name, value) in api {
        let kept_back = is_kept_back(name.as_str())
            || named.contains(name.as_str())
            || name == LOCATION
            || name == CONTENT_LOCATION;
        if !kept_back {
            headers.append(name, value.clone());
        }
    }
    let mut locations = api.get_all(LOCATION).iter();
    match (locations.next(), locations.next()) {
        (None, _) => {}
        (Some(location), None) => match places.mapped(location) {
            Ok(location) => drop(headers.insert(LOCATION, location)),
            Err(error) if is_redirect(status) => return Err(error),
            Err(_) => {}
        },
        (Some(_), Some(_)) if is_redirect(status) => {
            return Err(ForwardError::Redirect { origin: None });
        }
        (Some(_), Some(_)) => {}
    }
    if let Some(Ok(place)) = api.get(CONTENT_LOCATION).map(|place| places.mapped(place)) {
        headers.insert(CONTENT_LOCATION, place);
    }
    for cookie in api.get_all(SET_COOKIE) {
        let name = cookie
            .as_bytes()
            .split(|byte| matches!(byte, b'=' | b';'))
            .next();
        let name = name.and_then(|name| std::str::from_utf8(name).ok());
        if name.is_some_and(|name| passes(name.trim())) {
            headers.append(SET_COOKIE, cookie.clone());
        }
    }
    // The length of another response, which this one only describes.
    if method == Method::HEAD
        && let Some(length) = api.get(CONTENT_LENGTH)
    {
        headers.insert(CONTENT_LENGTH, length.clone());
    }
    keep_private(&mut headers);
    disarm(&mut headers);
    Ok(headers)
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Keeps what the API sends from acting as a page of the application: whoever can store HTML there could use every session.
fn disarm(headers: &mut HeaderMap) {
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(X_CONTENT_TYPE_OPTIONS, nosniff);
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    let harmless = match (kinds.next().map(HeaderValue::to_str), kinds.next()) {
        (Some(Ok(kind)), None) => !may_act(kind),
        // Browsers guess, or take the last one that they know.
        _ => false,
    };
    if !harmless {
        let sandbox = HeaderValue::from_static("sandbox");
        headers.append(CONTENT_SECURITY_POLICY, sandbox);
    }
}

/// Whether a browser may run scripts of a document of this media type.
fn may_act(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    // Two types in one field: who knows which one counts?
    if kind.contains(',') {
        return true;
    }
    let kind = kind.split(';').next().unwrap_or_default().trim();
    match kind.split_once('/') {
        Some((_, "xml" | "xsl" | "html" | "xhtml" | "x-mixed-replace" | "related")) => true,
        Some((_, subtype)) => subtype.ends_with("+xml") || subtype.is_empty(),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    fn fields(
        method: Method,
        status: u16,
        fields: &[(&str, &str)],
    ) -> Result<Vec<String>, ForwardError> {
        let mut api = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            api.append(name, value.parse().unwrap());
        }
        let base = Url::parse("https://orders.internal/v1").unwrap();
        let called = Url::parse("https://orders.internal/v1/orders/7?x=y").unwrap();
        let places = Places {
            called: &called,
            base: &base,
            proxy_at: "/api",
        };
        let status = StatusCode::from_u16(status).unwrap();
        let headers = for_browser(&method, status, &api, &places, |name| name == "theme")?;
        let mut fields: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        fields.sort();
        Ok(fields)
    }

    /// Of a JSON response, without what every one has.
    fn passed(more: &[(&str, &str)]) -> Vec<String> {
        let json = [("content-type", "application/json")];
        let all: Vec<_> = json.iter().chain(more).copied().collect();
        let mut fields = fields(Method::GET, 200, &all).unwrap();
        let always = [
            "cache-control: private, no-store",
            "content-type: application/json",
            "x-content-type-options: nosniff",
        ];
        for field in always {
            let at = fields.iter().position(|found| found == field);
            drop(fields.remove(at.unwrap_or_else(|| panic!("no {field}: {fields:?}"))));
        }
        fields
    }

    #[test]
    fn what_describes_the_content_passes() {
        for (name, value) in [
            ("content-encoding", "gzip"),
            ("content-range", "bytes 0-1/2"),
            ("content-disposition", "attachment"),
            ("etag", "\"1\""),
            ("last-modified", "Sat, 28 Nov 2026 15:00:00 GMT"),
            ("vary", "accept"),
            ("retry-after", "5"),
            ("allow", "GET"),
            ("x-request-id", "7"),
            ("content-security-policy", "default-src 'none'"),
        ] {
            assert_eq!(passed(&[(name, value)]), [format!("{name}: {value}")]);
        }
    }

    #[test]
    fn what_is_about_the_connection_the_token_or_the_whole_origin_does_not() {
        for name in [
            "Connection",
            "Keep-Alive",
            "Transfer-Encoding",
            "Trailer",
            "Upgrade",
            "Proxy-Authenticate",
            "Content-Length",
            "Set-Cookie",
            "WWW-Authenticate",
            "DPoP-Nonce",
            "Access-Control-Allow-Origin",
            "Access-Control-Allow-Credentials",
            "Strict-Transport-Security",
            "Clear-Site-Data",
            "Alt-Svc",
            "Refresh",
            "Service-Worker-Allowed",
            "NEL",
            "X-Accel-Redirect",
            "X-Accel-Expires",
            "X-Sendfile",
            "Surrogate-Control",
            "Secure-Session-Registration",
            "Use-As-Dictionary",
            "CDN-Cache-Control",
            "Cloudflare-CDN-Cache-Control",
        ] {
            assert_eq!(passed(&[(name, "x")]), [""; 0], "{name}");
        }
        for place in ["https://orders.internal/admin", "https://", "/v1//x"] {
            assert_eq!(passed(&[("content-location", place)]), [""; 0], "{place}");
        }
        let named = [("connection", "x-hop"), ("x-hop", "1"), ("x-end", "1")];
        assert_eq!(passed(&named), ["x-end: 1"]);
    }

    #[test]
    fn the_api_sets_cookies_of_these_names_only() {
        let cookies = [
            ("set-cookie", "theme=dark; Path=/"),
            ("set-cookie", "themes=1"),
            ("set-cookie", "theme ; Path=/"),
            ("set-cookie", "__Host-latchgate=forged; Secure; Path=/"),
        ];
        let expected = [
            "set-cookie: theme ; Path=/",
            "set-cookie: theme=dark; Path=/",
        ];
        assert_eq!(passed(&cookies), expected);
    }

    #[test]
    fn redirects_within_the_api_lead_below_the_proxy() {
        let location = |status, values: &[&str]| {
            let values: Vec<_> = values.iter().map(|value| ("location", *value)).collect();
            let fields = fields(Method::GET, status, &values)?;
            Ok(fields
                .into_iter()
                .find(|field| field.starts_with("location")))
        };
        for (value, found) in [
            ("https://orders.internal/v1/orders/8", "/api/orders/8"),
            ("/v1/orders/8?a=b", "/api/orders/8?a=b"),
            ("8", "/api/orders/8"),
            ("?page=2", "/api/orders/7?page=2"),
        ] {
            let expected = Some(format!("location: {found}"));
            for status in [201, 301, 302, 303, 307, 308] {
                assert_eq!(location(status, &[value]), Ok(expected.clone()), "{value}");
            }
        }
        for (value, origin) in [
            ("https://evil.example/v1/orders", "https://evil.example"),
            ("//evil.example/v1", "https://evil.example"),
            ("/admin", "https://orders.internal"),
            ("../../admin", "https://orders.internal"),
            ("/v1//evil.example", "https://orders.internal"),
            ("http://orders.internal/v1", "http://orders.internal"),
            ("javascript:alert(1)", "null"),
        ] {
            let origin = Some(origin.to_owned());
            let expected = Err(ForwardError::Redirect { origin });
            assert_eq!(location(302, &[value]), expected, "{value}");
            assert_eq!(location(201, &[value]), Ok(None), "{value}");
        }
        let unusable = Err(ForwardError::Redirect { origin: None });
        assert_eq!(location(302, &["https://"]), unusable);
        assert_eq!(location(302, &["/v1/a", "/v1/b"]), unusable);
        assert_eq!(location(302, &[]), Ok(None));
    }

    #[test]
    fn pages_of_the_api_are_no_pages_of_the_application() {
        let sandboxed = |kind: &[(&str, &str)]| {
            let fields = fields(Method::GET, 200, kind).unwrap();
            fields.contains(&"content-security-policy: sandbox".to_owned())
        };
        for kind in [
            "text/html",
            "Text/HTML; charset=utf-8",
            "application/xhtml+xml",
            "image/svg+xml",
            "text/xml",
            "application/xml;x",
            "multipart/x-mixed-replace",
            "application/json, text/html",
            "html",
            "",
        ] {
            assert!(sandboxed(&[("content-type", kind)]), "{kind}");
        }
        assert!(sandboxed(&[]));
        let two = [
            ("content-type", "application/json"),
            ("content-type", "text/html"),
        ];
        assert!(sandboxed(&two));
        for kind in [
            "application/json",
            "application/problem+json",
            "text/event-stream",
            "application/pdf",
            "image/png",
            "text/plain; charset=utf-8",
        ] {
            assert!(!sandboxed(&[("content-type", kind)]), "{kind}");
        }
        let policies = [
            ("content-type", "text/html"),
            ("content-security-policy", "default-src *"),
        ];
        let all = fields(Method::GET, 200, &policies).unwrap();
        assert!(all.contains(&"content-security-policy: default-src *".to_owned()));
    }

    #[test]
    fn a_response_without_a_body_may_tell_its_length() {
        let length = [("content-length", "7")];
        let has = |method| {
            let fields = fields(method, 200, &length).unwrap();
            fields.contains(&"content-length: 7".to_owned())
        };
        assert!(has(Method::HEAD) && !has(Method::GET));
    }
}
