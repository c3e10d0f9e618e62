//! The page that carries an authorization response as a form ([OAuth 2.0 Form Post Response
//! Mode](https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html)): it submits itself, or with a button where
//! scripts are off.

use axum::response::Response;
use http::StatusCode;

use super::html::Html;
use super::{Script, page};

const SUBMIT: &str = "document.forms[0].submit()";

pub(crate) fn form_post(redirect_uri: &str, parameters: &[(String, String)]) -> Response {
    let mut fields = Html::new();
    for (name, value) in parameters {
        fields = fields.hidden(name, value);
    }
    let main = Html::new()
        .raw("<h1>Going back to the app</h1>\n<form method=\"post\" action=\"")
        .text(redirect_uri)
        .raw("\">\n")
        .append(fields)
        .raw("<noscript><p>Your browser runs no scripts here, so please press the button.</p>\n")
        .raw("<button class=\"primary wide\">Continue</button></noscript>\n</form>\n");
    page(
        StatusCode::OK,
        "Going back to the app",
        main,
        &Script::Inline(SUBMIT),
    )
}
