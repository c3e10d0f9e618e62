//! The base URL, alone and against the headers of a request as it arrives: what a proxy says of the URL that somebody asked
//! for ([RFC 7239](https://www.rfc-editor.org/rfc/rfc7239), and the `X-Forwarded-…` of most proxies). The gate itself
//! believes none of them.

use url::Url;

use super::super::{Base, BasePath};
use crate::head::RequestHead;
use crate::report::{Finding, FindingCode};

/// What a request says of the URL that was asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct SampleRequest {
    path: String,
    host: Option<String>,
    forwarded_host: Option<String>,
    forwarded_proto: Option<String>,
    forwarded_prefix: Option<String>,
}

impl SampleRequest {
    pub(super) fn of(head: &dyn RequestHead) -> Self {
        let field = |name: &str| head.first(name).map(first_of_list);
        let forwarded = head.first("forwarded");
        let parameter = |name| forwarded.and_then(|field| forwarded_parameter(field, name));
        Self {
            path: printable(head.path()),
            host: field("host"),
            forwarded_host: parameter("host").or_else(|| field("x-forwarded-host")),
            forwarded_proto: parameter("proto").or_else(|| field("x-forwarded-proto")),
            forwarded_prefix: field("x-forwarded-prefix"),
        }
    }
}

/// A proxy adds to the end of a list, so what is nearest to the browser comes first.
fn first_of_list(field: &str) -> String {
    printable(field.split(',').next().unwrap_or_default().trim())
}

fn printable(text: &str) -> String {
    let visible = text.chars().filter(|c| !c.is_control());
    visible.take(200).collect()
}

/// A parameter of the first element of `Forwarded` (RFC 7239 §4).
fn forwarded_parameter(field: &str, name: &str) -> Option<String> {
    let mut pairs = field.split(',').next()?.split(';');
    pairs.find_map(|pair| {
        let (found, value) = pair.split_once('=')?;
        let is_it = found.trim().eq_ignore_ascii_case(name);
        is_it.then(|| printable(value.trim().trim_matches('"')))
    })
}

/// The base URL by itself.
pub(super) fn base_url(base: &Base) -> Finding {
    let code = FindingCode::BaseUrl;
    let url = format!("{}{}", base.origin, base.path);
    match base.origin.starts_with("https:") {
        true => code.ok(format!("The base URL is `{url}`")),
        false => code.hint(
            format!("The base URL is `{url}`: plain http, so it works on this machine only, and cookies are not `Secure`"),
            "Fine for development; in production set `base_url` (LATCHGATE_BASE_URL) to the public https URL",
        ),
    }
}

/// The base URL against a request.
pub(super) fn judge(base: &Base, sample: &SampleRequest) -> Vec<Finding> {
    let Ok(public) = Url::parse(&base.origin) else {
        return Vec::new();
    };
    vec![host_and_scheme(&public, sample), path(base, sample)]
}

fn host_and_scheme(public: &Url, sample: &SampleRequest) -> Finding {
    let code = FindingCode::ProxyHeaders;
    let ours = public.as_str().trim_end_matches('/');
    let scheme = sample
        .forwarded_proto
        .as_deref()
        .map(str::to_ascii_lowercase);
    let set = "Set `base_url` (LATCHGATE_BASE_URL) to the URL that people see, or let the proxy redirect them to it";
    if let Some(host) = &sample.forwarded_host
        && !is_at(public, host, scheme.as_deref())
    {
        return code.mistake(
            format!("The proxy says that the request was for `{host}`, but the base URL is `{ours}`: after a login the browser comes back to another host, where it does not have the cookie of the login"),
            set,
        );
    }
    match (public.scheme(), scheme.as_deref()) {
        ("http", Some("https")) => {
            return code.mistake(
                format!("The request came over https, but the base URL is `{ours}`"),
                "Set `base_url` (LATCHGATE_BASE_URL) to the URL with https",
            );
        }
        ("https", Some("http")) => {
            return code.warning(
                format!("The proxy says that the request came over plain http, but the base URL is `{ours}`: if so, the browser drops the cookie of the login"),
                "Let the proxy redirect http to https; if TLS ends at another proxy in front of it, let it pass on `X-Forwarded-Proto` unchanged",
            );
        }
        _ => {}
    }
    match &sample.host {
        Some(host) if sample.forwarded_host.is_none() && !is_at(public, host, scheme.as_deref()) => {
            code.warning(
                format!("The request is for `{host}`, but the base URL is `{ours}`: the proxy replaces `Host`, or people use an address other than the base URL"),
                "Let the proxy pass on `Host` (nginx: `proxy_set_header Host $host`), so that the check can tell; if people use another address, set `base_url` (LATCHGATE_BASE_URL) to it",
            )
        }
        None if sample.forwarded_host.is_none() => code.hint(
            "The request does not say which host it is for",
            "Pass a request as it arrives from the proxy, with its headers",
        ),
        _ => code.ok(
            format!("The request is for the host and scheme of the base URL, `{ours}`"),
        ),
    }
}

/// Whether a host, with its port if it has one, is that of the base URL.
fn is_at(public: &Url, host: &str, scheme: Option<&str>) -> bool {
    let scheme = match scheme {
        Some(scheme @ ("http" | "https")) => scheme,
        _ => public.scheme(),
    };
    let Ok(url) = Url::parse(&format!("{scheme}://{host}")) else {
        return false;
    };
    let has_no_port = url.port().is_none();
    // A proxy may leave out the port, and its own scheme says nothing about it.
    let same_port = url.port_or_known_default() == public.port_or_known_default();
    url.host() == public.host() && (same_port || has_no_port && public.port().is_none())
}

fn path(base: &Base, sample: &SampleRequest) -> Finding {
    let code = FindingCode::BasePath;
    let prefix = sample.forwarded_prefix.as_deref().unwrap_or_default();
    let prefix = prefix.trim_end_matches('/');
    let (ours, arrived) = (base.path.as_str(), sample.path.as_str());
    let below = arrived
        .strip_prefix(ours)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if ours.is_empty() {
        return match prefix {
            "" => code.ok("The application is at the root of its host"),
            prefix => code.mistake(
                format!("The proxy says that it removed `{prefix}` from the path, and the base URL has no path: redirect URIs lead to `/callback` instead of `{prefix}/callback`"),
                format!("Add `{prefix}` to `base_url` (LATCHGATE_BASE_URL), and set `base_path` (LATCHGATE_BASE_PATH) to `stripped`"),
            ),
        };
    }
    match (base.arrives, below) {
        (BasePath::Kept, true) => code.ok(
            format!("Paths arrive with `{ours}`, the path of the base URL"),
        ),
        (BasePath::Kept, false) => code.mistake(
            format!("The path arrives as `{arrived}`, without the `{ours}` of the base URL: the gate's routes are not found"),
            "If the proxy removes it, set `base_path` (LATCHGATE_BASE_PATH) to `stripped`; if this request was for another application, pass one for this application",
        ),
        (BasePath::Stripped, false) => code.ok(
            format!("Paths arrive without `{ours}`, as `base_path` = `stripped` says"),
        ),
        (BasePath::Stripped, true) => code.mistake(
            format!("The path arrives as `{arrived}`, with the `{ours}` that the proxy is said to remove: the gate's routes are not found"),
            "Set `base_path` (LATCHGATE_BASE_PATH) to `kept`, or let the proxy remove it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Severity;
    use http::Request;

    fn base(url: &str, path: &str, arrives: BasePath) -> Base {
        Base {
            origin: url.to_owned(),
            path: path.to_owned(),
            arrives,
        }
    }

    fn sample(path: &str, headers: &[(&str, &str)]) -> SampleRequest {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        SampleRequest::of(&request.body(()).unwrap())
    }

    #[test]
    fn host_and_scheme_are_those_of_the_base_url() {
        let https = base("https://app.example", "", BasePath::Kept);
        let port = base("https://app.example:8443", "", BasePath::Kept);
        let http = base("http://localhost:3000", "", BasePath::Kept);
        let forwarded = |value| sample("/", &[("host", "10.0.0.7:3000"), ("forwarded", value)]);
        for (base, sample, severity) in [
            (
                &https,
                sample("/", &[("host", "app.example")]),
                Severity::Ok,
            ),
            (
                &https,
                sample("/", &[("host", "app.example:443")]),
                Severity::Ok,
            ),
            (
                &https,
                sample("/", &[("host", "APP.example")]),
                Severity::Ok,
            ),
            (
                &https,
                sample("/", &[("host", "127.0.0.1:3000")]),
                Severity::Warning,
            ),
            (&https, sample("/", &[]), Severity::Hint),
            (
                &https,
                sample(
                    "/",
                    &[
                        ("host", "127.0.0.1:3000"),
                        ("x-forwarded-host", "app.example"),
                        ("x-forwarded-proto", "https"),
                    ],
                ),
                Severity::Ok,
            ),
            (
                &https,
                sample(
                    "/",
                    &[
                        ("host", "app.example"),
                        ("x-forwarded-host", "www.app.example"),
                    ],
                ),
                Severity::Mistake,
            ),
            (
                &https,
                sample(
                    "/",
                    &[("host", "app.example"), ("x-forwarded-proto", "http")],
                ),
                Severity::Warning,
            ),
            (
                &https,
                sample(
                    "/",
                    &[
                        ("x-forwarded-host", "app.example, 10.0.0.7"),
                        ("x-forwarded-proto", "https,http"),
                    ],
                ),
                Severity::Ok,
            ),
            (
                &https,
                forwarded("for=1.2.3.4;host=app.example;proto=https, for=10.0.0.1"),
                Severity::Ok,
            ),
            (
                &https,
                forwarded("for=1.2.3.4; Host=\"other.example\"; proto=https"),
                Severity::Mistake,
            ),
            (
                &port,
                sample("/", &[("x-forwarded-host", "app.example:8443")]),
                Severity::Ok,
            ),
            (
                &port,
                sample("/", &[("x-forwarded-host", "app.example")]),
                Severity::Mistake,
            ),
            (
                &http,
                sample("/", &[("host", "localhost:3000")]),
                Severity::Ok,
            ),
            (
                &http,
                sample(
                    "/",
                    &[("host", "localhost:3000"), ("x-forwarded-proto", "https")],
                ),
                Severity::Mistake,
            ),
        ] {
            let finding = &judge(base, &sample)[0];
            assert_eq!(finding.severity(), severity, "{finding} {sample:?}");
            assert_eq!(finding.cure().is_some(), severity > Severity::Ok);
        }
    }

    #[test]
    fn paths_arrive_as_the_settings_say() {
        let root = base("https://app.example", "", BasePath::Kept);
        let kept = base("https://app.example", "/shop", BasePath::Kept);
        let stripped = base("https://app.example", "/shop", BasePath::Stripped);
        let prefix = [("x-forwarded-prefix", "/shop/")];
        for (base, sample, severity) in [
            (&root, sample("/x", &[]), Severity::Ok),
            (&root, sample("/x", &prefix), Severity::Mistake),
            (&kept, sample("/shop/x", &[]), Severity::Ok),
            (&kept, sample("/shop", &[]), Severity::Ok),
            (&kept, sample("/x", &prefix), Severity::Mistake),
            (&kept, sample("/shopping", &[]), Severity::Mistake),
            (&stripped, sample("/x", &prefix), Severity::Ok),
            (&stripped, sample("/shop/x", &[]), Severity::Mistake),
        ] {
            let finding = &judge(base, &sample)[1];
            assert_eq!(finding.severity(), severity, "{finding} {sample:?}");
            assert_eq!(finding.cure().is_some(), severity > Severity::Ok);
        }
    }

    #[test]
    fn plain_http_is_for_development() {
        let https = base_url(&base("https://app.example", "/shop", BasePath::Kept));
        assert_eq!(https.what(), "The base URL is `https://app.example/shop`");
        let http = base_url(&base("http://localhost:3000", "", BasePath::Kept));
        assert_eq!(http.severity(), Severity::Hint);
    }
}
