//! The pages people see: plain HTML that works without scripts, one inline style sheet, nothing fetched.

mod form_post;
mod html;
mod notice;
mod picker;
mod signing_out;
mod welcome;

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, StatusCode, header};

pub(crate) use form_post::form_post;
use html::Html;
pub(crate) use notice::{confirm_sign_out, refused, signed_out};
pub(crate) use picker::{FreeFormMistake, picker};
pub(crate) use signing_out::signing_out;
pub(crate) use welcome::welcome;

const STYLE: &str = include_str!("pages/style.css");

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| csp_hash(STYLE));

/// What a page's content security policy lets it do beyond showing itself.
enum Script {
    None,
    /// Run this one inline script.
    Inline(&'static str),
    /// Run it beside frames from these origins.
    BesideFrames {
        script: &'static str,
        origins: String,
    },
}

/// Frames a page's main content and sets the headers all pages share.
fn page(status: StatusCode, title: &str, main: Html, script: &Script) -> Response {
    let html = Html::new()
        .raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>")
        .text(title)
        .raw(" · latchgate development provider</title>\n")
        .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        .raw("<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n<style>")
        .raw(STYLE)
        .raw("</style>\n</head>\n<body>\n<div class=\"card\">\n<p class=\"notice\" role=\"note\"><strong>Development provider.</strong> ")
        .raw("There are no passwords here: anybody can sign in as anybody.</p>\n<main>\n")
        .append(main)
        .raw("</main>\n</div>\n");
    let (html, script_source) = match script {
        Script::None => (html, String::new()),
        Script::Inline(script) => (
            html.raw("<script>").raw(script).raw("</script>\n"),
            format!(" script-src 'sha256-{}';", csp_hash(script)),
        ),
        Script::BesideFrames { script, origins } => (
            html.raw("<script>").raw(script).raw("</script>\n"),
            format!(
                " script-src 'sha256-{}'; frame-src {origins};",
                csp_hash(script)
            ),
        ),
    };
    let html = html.raw("</body>\n</html>\n");
    // Browsers hold redirects after a form to form-action as well, and an app may redirect on to anywhere.
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}';{script_source} form-action 'self' http: https:; \
         base-uri 'none'; frame-ancestors 'none'",
        *STYLE_HASH
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::X_FRAME_OPTIONS, "DENY".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        // As strict as any provider is: a page that has opened this one in a pop-up is out of its reach from now on.
        (OPENER_POLICY, "same-origin".to_owned()),
    ];
    (status, headers, html.into_string()).into_response()
}

/// The name by which a policy allows an inline style or script ([CSP 3
/// §2.3.1](https://www.w3.org/TR/CSP3/#framework-directive-source-list)).
fn csp_hash(inline: &str) -> String {
    base64_simd::STANDARD.encode_to_string(digest(&SHA256, inline.as_bytes()))
}
