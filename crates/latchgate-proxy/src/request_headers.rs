//! The header of a request as the API gets it.

use std::borrow::Cow;

use http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};

use crate::hop_by_hop::{is_of_connection, named_in_connection};

/// Who the client says it is and where it says it has come from. Those who believe such fields expect them from a proxy of
/// their own.
const CLAIMS_OF_PROXIES: [&str; 28] = [
    "cf-access-",
    "cf-connecting-",
    "client-cert",
    "oidc-",
    "remote-",
    "ssl-client-",
    "tailscale-user-",
    "x-amzn-oidc-",
    "x-apigateway-api-userinfo",
    "x-appengine-",
    "x-arr-",
    "x-auth-request-",
    "x-authenticated-",
    "x-authentik-",
    "x-client-cert",
    "x-consumer-",
    "x-credential-",
    "x-endpoint-api-userinfo",
    "x-envoy-",
    "x-forwarded",
    "x-goog-authenticated-user-",
    "x-goog-iap-",
    "x-ms-client-principal",
    "x-original-",
    "x-pomerium-",
    "x-remote-",
    "x-ssl-",
    "x-webauth-",
];

/// A name as CGI and its heirs read it: to them, `X_Forwarded_User`, `X.Forwarded.User` and `X-Forwarded-User` are alike.
fn as_read_by_cgi(name: &str) -> Cow<'_, str> {
    let is_odd = |c: char| !c.is_ascii_alphanumeric() && c != '-';
    match name.contains(is_odd) {
        true => Cow::Owned(name.replace(is_odd, "-")),
        false => Cow::Borrowed(name),
    }
}

/// Whether a field of the client's is not for the API. `name` is in lower case, and as CGI reads it.
fn is_kept_back(name: &str) -> bool {
    let other = matches!(
        name,
        // Credentials for us. The API gets its own.
        "authorization" | "cookie" | "dpop"
            // Made anew.
            | "content-length" | "expect" | "host" | "max-forwards"
            // About the page that has sent it. The API is called by this application.
            | "origin" | "referer" | "x-csrf"
            // About the way to us.
            | "client-ip" | "forwarded" | "true-client-ip" | "via" | "x-client-ip" | "x-cluster-client-ip" | "x-real-ip"
            // Another method or path than the ones that were checked.
            | "x-http-method" | "x-http-method-override" | "x-method-override" | "x-rewrite-url"
    );
    let claimed = || {
        CLAIMS_OF_PROXIES
            .iter()
            .any(|start| name.starts_with(start))
    };
    is_of_connection(name) || other || claimed()
}

/// Whether an application may set a field itself for all requests.
pub(crate) fn may_be_set(name: &HeaderName) -> bool {
    let made_here = matches!(
        name.as_str(),
        "authorization" | "content-length" | "cookie" | "dpop" | "expect" | "host"
    );
    !made_here && !is_of_connection(name.as_str())
}

/// The fields for the API. `passes` tells which cookies may go there, by their names; `set` replaces what the client says.
pub(crate) fn for_api(
    client: &HeaderMap,
    set: &HeaderMap,
    passes: impl Fn(&str) -> bool,
) -> HeaderMap {
    let named = named_in_connection(client);
    let mut headers = HeaderMap::with_capacity(client.len());
    for (name, value) in client {
        let read = as_read_by_cgi(name.as_str());
        let kept_back = is_kept_back(&read)
            || named.contains(name.as_str())
            || set.keys().any(|own| as_read_by_cgi(own.as_str()) == read);
        if !kept_back {
            headers.append(name, value.clone());
        }
    }
    if let Some(cookies) = cookies(client, passes) {
        headers.insert(COOKIE, cookies);
    }
    for (name, value) in set {
        headers.append(name, value.clone());
    }
    headers
}

/// The cookies that may pass, in one field.
fn cookies(client: &HeaderMap, passes: impl Fn(&str) -> bool) -> Option<HeaderValue> {
    let fields = client.get_all(COOKIE).iter();
    let passing: Vec<&str> = fields
        .filter_map(|field| std::str::from_utf8(field.as_bytes()).ok())
        .flat_map(|field| field.split(';'))
        .map(str::trim)
        .filter(|pair| pair.split_once('=').is_some_and(|(name, _)| passes(name)))
        .collect();
    let field = HeaderValue::from_str(&passing.join("; ")).ok();
    field.filter(|_| !passing.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn forwarded(fields: &[(&str, &str)]) -> Vec<String> {
        let headers = for_api(&of(fields), &of(&[("x-api-key", "ours")]), |name| {
            name == "theme"
        });
        headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect()
    }

    #[test]
    fn what_is_about_the_content_and_the_client_passes() {
        let passing = [
            ("accept", "application/json"),
            ("accept-encoding", "gzip"),
            ("accept-language", "de"),
            ("content-encoding", "gzip"),
            ("content-type", "application/json"),
            ("if-none-match", "\"1\""),
            ("range", "bytes=0-1"),
            ("sec-websocket-key", "AAAA"),
            ("traceparent", "00-0-0-01"),
            ("user-agent", "test"),
            ("x-request-id", "7"),
            ("x-request-id", "8"),
        ];
        let mut expected: Vec<String> = passing
            .map(|(name, value)| format!("{name}: {value}"))
            .into();
        expected.push("x-api-key: ours".to_owned());
        assert_eq!(forwarded(&passing), expected);
    }

    #[test]
    fn what_is_for_us_or_claimed_of_the_client_does_not() {
        for name in [
            "Authorization",
            "DPoP",
            "Connection",
            "Keep-Alive",
            "Proxy-Connection",
            "Proxy-Authorization",
            "TE",
            "Trailer",
            "Transfer-Encoding",
            "Upgrade",
            "HTTP2-Settings",
            "Content-Length",
            "Expect",
            "Host",
            "Origin",
            "Referer",
            "Via",
            "Forwarded",
            "X-Forwarded-For",
            "X-Forwarded-User",
            "X_Forwarded_User",
            "x-forwarded_USER",
            "X-Forwarded",
            "X-Real-IP",
            "X_Real_IP",
            "Remote-User",
            "Remote_User",
            "X-Remote-User",
            "X-Auth-Request-Email",
            "X-SSL-Client-Cert",
            "Client-Cert",
            "X-Original-URL",
            "X-Rewrite-URL",
            "X-HTTP-Method-Override",
            "X-Envoy-Original-Path",
            "X.Forwarded.User",
            "OIDC_CLAIM_sub",
            "SSL-Client-S-DN",
            "X-ARR-ClientCert",
            "X-Consumer-Username",
            "X-API-Key",
            "X_API_Key",
            "x-api_key",
            "X.API.Key",
        ] {
            assert_eq!(forwarded(&[(name, "x")]), ["x-api-key: ours"], "{name}");
        }
    }

    #[test]
    fn fields_that_connection_names_end_here() {
        let fields = [
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("x-end", "1"),
        ];
        assert_eq!(forwarded(&fields), ["x-end: 1", "x-api-key: ours"]);
    }

    #[test]
    fn named_cookies_pass_and_no_other() {
        let cookies = |fields: &[&str]| {
            let fields: Vec<_> = fields.iter().map(|field| ("cookie", *field)).collect();
            let mut forwarded = forwarded(&fields);
            forwarded.retain(|field| field.starts_with("cookie"));
            forwarded
        };
        assert!(cookies(&["session=secret; themes=1; Theme=2", "x"]).is_empty());
        let split = ["a=1; theme=dark", "session=secret;theme=\"x=y\""];
        assert_eq!(cookies(&split), ["cookie: theme=dark; theme=\"x=y\""]);
    }

    #[test]
    fn what_is_made_here_cannot_be_set() {
        for name in [
            "authorization",
            "host",
            "cookie",
            "connection",
            "te",
            "content-length",
        ] {
            assert!(!may_be_set(&HeaderName::from_static(name)), "{name}");
        }
        for name in ["x-api-key", "x-forwarded-host", "user-agent"] {
            assert!(may_be_set(&HeaderName::from_static(name)), "{name}");
        }
    }
}
