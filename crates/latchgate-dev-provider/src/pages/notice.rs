//! Pages with a message, or one question.

use axum::response::Response;
use http::StatusCode;

use super::html::Html;
use super::{Script, page};
use crate::person::Person;

/// A request that must not be answered by a redirect.
pub(crate) fn refused(reason: &str) -> Response {
    let main = Html::new()
        .raw("<h1>This request cannot be answered</h1>\n<p>")
        .text(reason)
        .raw("</p>\n<p class=\"soft\">You are not sent back to the app, because it is not certain which app sent the request.</p>\n");
    page(
        StatusCode::BAD_REQUEST,
        "Request refused",
        main,
        &Script::None,
    )
}

/// A logout that ends here.
pub(crate) fn signed_out() -> Response {
    let main = Html::new()
        .raw("<h1>Signed out</h1>\n<p>You are signed out of the development provider.</p>\n");
    page(StatusCode::OK, "Signed out", main, &Script::None)
}

/// The question to somebody who is signed in, whether a logout without a valid hint is wanted.
pub(crate) fn confirm_sign_out(person: &Person, parameters: &[(&str, &str)]) -> Response {
    let mut fields = Html::new();
    for (name, value) in parameters {
        fields = fields.hidden(name, value);
    }
    let main = Html::new()
        .raw("<h1>Sign out?</h1>\n<p>You are signed in as ")
        .text(person.display_name())
        .raw(".</p>\n<form method=\"post\" action=\"/end_session\">\n")
        .append(fields)
        .raw("<button class=\"primary wide\" name=\"confirmation\" value=\"yes\">Sign out</button>\n</form>\n");
    page(StatusCode::OK, "Sign out?", main, &Script::None)
}
