//! The head of a request whose handler may fail when it no longer has the request.

use http::{HeaderName, HeaderValue, Request};

use super::RequestSession;
use crate::head::RequestHead;

/// The headers that decide whether the answer to a failure is a login, a page or a problem document.
const HEADERS: [&str; 13] = [
    "accept",
    "accept-language",
    "cookie",
    "origin",
    "purpose",
    "referer",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-purpose",
    "upgrade",
    "x-moz",
    "x-requested-with",
];

impl RequestSession {
    /// Keeps what it takes to answer this request if its handler fails later.
    pub(crate) fn keep_head(&self, head: &dyn RequestHead) {
        self.0.head.get_or_init(|| copied(head));
    }

    /// What was kept of the request's head.
    pub(crate) fn kept_head(&self) -> Option<&Request<()>> {
        self.0.head.get()?.as_deref()
    }
}

fn copied(head: &dyn RequestHead) -> Option<Box<Request<()>>> {
    let target = match head.query() {
        Some(query) => format!("{}?{query}", head.path()),
        None => head.path().to_owned(),
    };
    let request = Request::builder().method(head.method()).uri(target);
    let mut request = request.body(()).ok()?;
    for name in HEADERS {
        head.header(name, &mut |value| {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                request
                    .headers_mut()
                    .append(HeaderName::from_static(name), value);
            }
        });
    }
    Some(Box::new(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_has_what_decides_the_answer_and_nothing_else() {
        let request = Request::get("/orders?page=2")
            .header("accept", "text/html")
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .header("authorization", "hunter2")
            .body(())
            .unwrap();
        let copy = copied(&request).unwrap();
        assert_eq!(copy.method(), "GET");
        assert_eq!(copy.uri(), "/orders?page=2");
        let mut fields: Vec<_> = copy.headers().iter().collect();
        fields.sort_by_key(|(name, _)| name.as_str());
        let fields: Vec<_> = fields
            .into_iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        assert_eq!(
            fields,
            [
                ("accept", "text/html"),
                ("cookie", "a=1"),
                ("cookie", "b=2")
            ]
        );
    }
}
