//! Token responses in the manner of GitHub, for clients that speak OAuth 2.0 without OpenID.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use serde_json::Value;

/// Always 200, and a form for clients that do not ask for JSON.
pub(super) fn plain_response(headers: &HeaderMap, answer: &Value) -> Response {
    let accept = headers.get(header::ACCEPT);
    if accept.is_some_and(|accept| accept.as_bytes().starts_with(b"application/json")) {
        return Json(answer).into_response();
    }
    let members = answer.as_object().into_iter().flatten();
    let text = |value: &Value| {
        let text = value.as_str().map(str::to_owned);
        text.unwrap_or_else(|| value.to_string())
    };
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(members.map(|(name, value)| (name, text(value))))
        .finish();
    let kind = "application/x-www-form-urlencoded; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], form).into_response()
}
