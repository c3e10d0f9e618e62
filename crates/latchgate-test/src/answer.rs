//! The response of the application, read to its end.

use std::fmt;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use serde_json::Value;

/// A response, read to its end. Failed assertions show its `Display`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, as far as it is text. `None` if it is still being produced (a stream), or has failed.
    pub body: Option<String>,
}

impl Answer {
    pub(crate) fn read<B: Body>(response: Response<B>) -> Self {
        let (parts, body) = response.into_parts();
        // Pages and refusals are in memory, and need no waiting.
        let body = body.collect().now_or_never();
        let body = body.and_then(Result::ok);
        Self {
            status: parts.status,
            headers: parts.headers,
            body: body.map(|body| text(&body.to_bytes())),
        }
    }

    /// The stable code of a refusal, such as `sign_in_required`, from a problem document or from a page of the gate.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        let body = self.body.as_deref()?;
        if let Ok(problem) = serde_json::from_str::<Value>(body) {
            return problem["code"].as_str().map(str::to_owned);
        }
        let (_, rest) = body.split_once("<code>")?;
        let (code, _) = rest.split_once("</code>")?;
        Some(code.to_owned())
    }

    /// A header field's first value.
    pub(crate) fn field(&self, name: &http::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where it redirects to.
    pub(crate) fn redirect(&self) -> Option<&str> {
        let location = self.field(&LOCATION);
        location.filter(|_| self.status.is_redirection())
    }

    /// The `Cookie` field that a browser sends after its `Set-Cookie` fields; `None` if it sets none.
    pub(crate) fn cookies(&self) -> Option<HeaderValue> {
        let set = self.headers.get_all(SET_COOKIE).iter();
        let pairs: Vec<&str> = set
            .filter_map(|field| field.to_str().ok()?.split(';').next())
            .filter(|pair| !pair.ends_with('='))
            .collect();
        let joined = HeaderValue::from_str(&pairs.join("; ")).ok();
        joined.filter(|_| !pairs.is_empty())
    }
}

pub(crate) fn text(body: &Bytes) -> String {
    String::from_utf8_lossy(body).into_owned()
}

impl fmt::Display for Answer {
    /// The status, where it leads, and how its body begins.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(location) = self.redirect() {
            write!(f, " to {location}")?;
        }
        if let Some(code) = self.code() {
            write!(f, ", code `{code}`")?;
        }
        match self.body.as_deref() {
            None => f.write_str(", with a body that is still being made"),
            Some("") => Ok(()),
            Some(body) => {
                let start: String = body.chars().take(500).collect();
                write!(f, "\n{start}")
            }
        }
    }
}
