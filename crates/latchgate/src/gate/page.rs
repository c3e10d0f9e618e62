//! The gate's own pages and redirects, with the headers that protect them. They need no scripts and load nothing.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

/// The one style sheet, inline in every page. The contrast of its colours is tested.
const STYLE: &str = include_str!("page/style.css");

/// A page of ours around `body`, which is HTML, with security headers.
pub(super) fn html(status: StatusCode, title: &str, body: &str) -> Response<Bytes> {
    let mut response = page(status, title, body);
    protect(&mut response);
    response
}

/// The same without them, for a caller that sets headers of its own first.
pub(super) fn page(status: StatusCode, title: &str, body: &str) -> Response<Bytes> {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1>{body}</main></body></html>"
    );
    respond(status, "text/html; charset=utf-8", page)
}

/// A page of ours that pages of these origins may frame, and no others.
pub(super) fn framable(text: &'static str, ancestors: &[String]) -> Response<Bytes> {
    let page =
        format!("<!doctype html><html lang=\"en\"><title>{text}</title><p>{text}.</p></html>");
    let mut response = respond(StatusCode::OK, "text/html; charset=utf-8", page);
    let policy = format!(
        "default-src 'none'; frame-ancestors {}; base-uri 'none'",
        ancestors.join(" ")
    );
    // Origins come from checked URLs; should the policy not be a valid header value, nobody may frame the page.
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    protect(&mut response);
    response.headers_mut().remove(header::X_FRAME_OPTIONS);
    response
}

/// Text made safe for HTML content and quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// The hidden fields of a form.
pub(super) fn hidden_fields(
    fields: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>,
) -> String {
    let hidden = fields.into_iter().map(|(name, value)| {
        let (name, value) = (escape(name.as_ref()), escape(value.as_ref()));
        format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
    });
    hidden.collect()
}

/// A path with these fields as its query.
pub(super) fn link(path: &str, fields: Vec<(&'static str, String)>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("{path}?{}", query.extend_pairs(fields).finish())
}

/// A redirect by 303 (RFC 9110 §15.4.4): whatever the method was, the next one is GET.
pub(super) fn redirect(location: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    // Locations are made of checked parts; one that is not a valid header value becomes the root.
    let location = HeaderValue::from_str(location).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, location);
    protect(&mut response);
    response
}

pub(super) fn respond(status: StatusCode, kind: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Sets the security headers of the gate's own responses, unless they are set already.
pub(super) fn protect(response: &mut Response<Bytes>) {
    const HEADERS: [(header::HeaderName, &str); 5] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ];
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_303_and_lead_home_when_they_lead_nowhere() {
        let away = redirect("https://op.example/authorize?x=%20");
        assert_eq!(away.status(), StatusCode::SEE_OTHER);
        assert_eq!(
            away.headers()["location"],
            "https://op.example/authorize?x=%20"
        );
        assert_eq!(away.headers()["cache-control"], "no-store");
        assert_eq!(away.headers()["referrer-policy"], "no-referrer");
        assert!(away.body().is_empty());
        assert_eq!(redirect("/x\r\nSet-Cookie: a=b").headers()["location"], "/");
    }

    #[test]
    fn text_is_escaped_for_content_and_attributes() {
        let escaped = escape("a&b<c>d\"e'f/ü");
        assert_eq!(escaped, "a&amp;b&lt;c&gt;d&quot;e&#39;f/ü");
    }
}
