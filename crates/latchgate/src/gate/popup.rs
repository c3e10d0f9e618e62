//! The last page of a login in a pop-up. It tells the page that opened the pop-up how the login went, and closes.
//!
//! The signal is a message on the [broadcast channel](https://html.spec.whatwg.org/multipage/web-messaging.html#broadcasting-to-other-browsing-contexts)
//! `latchgate`, which pages of our own origin hear and no others. `window.opener` alone would not do: it is gone as soon as
//! the provider's page has a `Cross-Origin-Opener-Policy`. It gets the same message, for a page in a frame, whose channel
//! is another, and only if it is of our origin.
//!
//! The message says `signed_in`, or `refused` with the code and id of the refusal. Whoever gets it asks
//! [`session_path`](crate::GateBuilder::session_path) who is signed in.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::page::{escape, page, protect};
use crate::return_to::ReturnTo;

/// The one script of the gate's pages. What it tells stands in the attributes of its element.
const SCRIPT: &str = include_str!("page/popup.js");

/// Allows [`SCRIPT`] and no other, by its hash ([CSP 3 §2.3.1](https://www.w3.org/TR/CSP3/#framework-directive-source-list)).
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = base64_simd::STANDARD.encode_to_string(digest(&SHA256, SCRIPT.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
    )
});

/// The end of a login that has succeeded. If the window stays open, a link leads to where the visitor wanted to go.
pub(super) fn signed_in(return_to: &ReturnTo) -> Response<Bytes> {
    let body = format!(
        "<p>You can close this window.</p><div class=\"ways\"><a class=\"button\" href=\"{}\">Continue here</a></div>",
        escape(return_to.as_str())
    );
    let told = [("outcome", "signed_in")];
    let mut response = telling(StatusCode::OK, "You are signed in", body, &told);
    protect(&mut response);
    response
}

/// The end of a login that has failed, around the contents of any other refusal. Without security headers, of which the
/// caller sets some first.
pub(super) fn refused(
    status: StatusCode,
    title: &str,
    body: String,
    (code, id): (&str, &str),
) -> Response<Bytes> {
    let told = [("outcome", "refused"), ("code", code), ("id", id)];
    telling(status, title, body, &told)
}

fn telling(
    status: StatusCode,
    title: &str,
    mut body: String,
    told: &[(&str, &str)],
) -> Response<Bytes> {
    body.push_str("<script");
    for (name, value) in told {
        body.push_str(&format!(" data-{name}=\"{}\"", escape(value)));
    }
    body.push_str(&format!(">{SCRIPT}</script>"));
    let mut response = page(status, title, &body);
    // A hash in base64 is a valid header value; without one, `protect` allows no script at all.
    if let Ok(policy) = HeaderValue::from_str(&POLICY) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_the_script_of_the_page_and_no_other() {
        let page = signed_in(&ReturnTo::root());
        let text = std::str::from_utf8(page.body()).unwrap();
        let scripts: Vec<&str> = text.split("<script").skip(1).collect();
        let [script] = scripts[..] else {
            panic!("{text}");
        };
        let (attributes, script) = script.split_once('>').unwrap();
        assert_eq!(attributes, " data-outcome=\"signed_in\"");
        let script = script.split_once("</script>").unwrap().0;
        let hash = digest(&SHA256, script.as_bytes());
        let hash = base64_simd::STANDARD.encode_to_string(hash);
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        let sources = format!("script-src 'sha256-{hash}'");
        let mut directives = policy.split("; ");
        assert!(directives.any(|directive| directive == sources), "{policy}");
        for directive in ["default-src 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(directive), "{policy}");
        }
        assert_eq!(page.headers()["x-frame-options"], "DENY");
        assert_eq!(page.headers()["cache-control"], "no-store");
    }

    #[test]
    fn what_is_told_is_no_markup() {
        let page = telling(
            StatusCode::OK,
            "",
            String::new(),
            &[("id", "\"><script>alert(1)</script>")],
        );
        let text = std::str::from_utf8(page.body()).unwrap();
        assert_eq!(text.matches("<script").count(), 1, "{text}");
        let hostile = ReturnTo::parse("/x?\"><b>'").unwrap();
        let page = signed_in(&hostile);
        let text = std::str::from_utf8(page.body()).unwrap();
        assert!(!text.contains("<b>"), "{text}");
    }
}
