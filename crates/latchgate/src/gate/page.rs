//! What a visitor sees when the gate refuses: a status, a stable code and an id, in HTML or as a
//! problem document ([RFC 9457 §3](https://www.rfc-editor.org/rfc/rfc9457#section-3)). The cause
//! goes to the log under the same id.

use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::session::Ended;

/// What a page about a refusal may tell.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// The status of the response.
    pub status: StatusCode,
    /// The stable code, such as `state_mismatch`.
    pub code: &'static str,
    /// Names this very refusal in the logs.
    pub id: String,
    /// Where trying again makes sense: a path of ours.
    pub try_again: Option<String>,
    /// Whether the client would rather read HTML.
    pub html: bool,
    /// Why the session that the request brought is over, if it brought one: the member `session` of
    /// the problem document, by its code.
    pub session: Option<Ended>,
}

/// An application's own rendering; `None` falls back to ours.
pub(crate) type PageHook = Arc<dyn Fn(&Refusal) -> Option<Response<Bytes>> + Send + Sync>;

impl Refusal {
    /// The response, by the application's hook or ours.
    pub(crate) fn render(&self, hook: Option<&PageHook>) -> Response<Bytes> {
        let own = hook.and_then(|hook| hook(self));
        let mut response = own.unwrap_or_else(|| {
            if self.html {
                self.page()
            } else {
                self.problem()
            }
        });
        protect(&mut response);
        response
    }

    fn problem(&self) -> Response<Bytes> {
        let mut body = serde_json::json!({
            "type": "about:blank",
            "title": self.title(),
            "status": self.status.as_u16(),
            "code": self.code,
            "id": self.id,
        });
        if let Some(ended) = self.session {
            body["session"] = ended.code().into();
        }
        respond(self.status, "application/problem+json", body.to_string())
    }

    fn page(&self) -> Response<Bytes> {
        let mut body = String::new();
        let _ = write!(body, "<p>{}</p>", self.advice());
        if let Some(path) = &self.try_again {
            let _ = write!(
                body,
                "<p><a class=\"button\" href=\"{}\">Try again</a></p>",
                escape(path)
            );
        }
        let _ = write!(
            body,
            "<p class=\"small\">If you ask for help, mention <code>{}</code> and <code>{}</code>.</p>",
            self.code,
            escape(&self.id)
        );
        html(self.status, self.title(), &body)
    }

    fn title(&self) -> &'static str {
        match self.status {
            StatusCode::UNAUTHORIZED => "Please sign in",
            StatusCode::FORBIDDEN => "This is not allowed",
            StatusCode::METHOD_NOT_ALLOWED => "This page cannot be used like that",
            StatusCode::SERVICE_UNAVAILABLE => "Signing in is not possible right now",
            status if status.is_client_error() => "Signing in did not work",
            _ => "Something went wrong while signing in",
        }
    }

    fn advice(&self) -> &'static str {
        match self.status {
            StatusCode::UNAUTHORIZED => "This page is for people who have signed in.",
            StatusCode::FORBIDDEN => "Your account may not do this, or the login was given up.",
            StatusCode::SERVICE_UNAVAILABLE => "Please wait a moment and try again.",
            status if status.is_client_error() => {
                "The login took too long, was already finished in another tab, or the link is not yours."
            }
            _ => "It is not your fault. The people who run this site can look it up.",
        }
    }
}

/// A page of ours around `body`, which is HTML already.
pub(super) fn html(status: StatusCode, title: &str, body: &str) -> Response<Bytes> {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>\
         :root{{color-scheme:light dark}}body{{font:1.05rem/1.6 system-ui,sans-serif;margin:0;display:grid;min-height:100vh;place-items:center;background:Canvas;color:CanvasText}}\
         main{{max-width:30rem;padding:2rem}}h1{{font-size:1.5rem;line-height:1.25}}.small{{font-size:.875rem;opacity:.8}}\
         .button{{display:inline-block;font:inherit;border:0;border-radius:.5rem;padding:.6rem 1.2rem;background:#1d4ed8;color:#fff;text-decoration:none;cursor:pointer}}\
         .button:focus-visible{{outline:3px solid #f59e0b;outline-offset:2px}}\
         </style></head><body><main><h1>{title}</h1>{body}</main></body></html>"
    );
    let mut response = respond(status, "text/html; charset=utf-8", page);
    protect(&mut response);
    response
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
    // Origins are made of checked URLs; without a policy that is a header value nobody may frame it.
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

/// A redirect by 303 (RFC 9110 §15.4.4): whatever the method was, the next one is GET.
pub(super) fn redirect(location: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    // Locations are made of checked parts; text that is no header value leads nowhere but home.
    let location = HeaderValue::from_str(location).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, location);
    protect(&mut response);
    response
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// The headers of everything the gate answers itself.
fn protect(response: &mut Response<Bytes>) {
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

    fn refusal(html: bool) -> Refusal {
        Refusal {
            status: StatusCode::BAD_REQUEST,
            code: "state_mismatch",
            id: "\"><script>alert('id')&".to_owned(),
            try_again: Some("/login?x=\"><script>&'".to_owned()),
            html,
            session: None,
        }
    }

    fn text(response: &Response<Bytes>) -> &str {
        std::str::from_utf8(response.body()).unwrap()
    }

    fn protected(response: &Response<Bytes>) -> bool {
        let is = |name: &str, value: &str| {
            response.headers().get_all(name).iter().collect::<Vec<_>>() == [value]
        };
        let policy = response.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        is("cache-control", "no-store")
            && is("referrer-policy", "no-referrer")
            && is("x-content-type-options", "nosniff")
            && is("x-frame-options", "DENY")
            && policy.starts_with("default-src 'none'; ")
            && !policy.contains("script-src")
    }

    #[test]
    fn people_get_a_page_in_which_nothing_is_markup_that_should_not_be() {
        let page = refusal(true).render(None);
        assert_eq!(page.status(), StatusCode::BAD_REQUEST);
        assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
        assert!(protected(&page));
        let text = text(&page);
        assert!(!text.contains("<script"), "{text}");
        assert!(text.contains("href=\"/login?x=&quot;&gt;&lt;script&gt;&amp;&#39;\""));
        assert!(text.contains("<code>state_mismatch</code>"));
        let final_one = Refusal {
            try_again: None,
            ..refusal(true)
        };
        assert!(
            !final_one
                .render(None)
                .body()
                .windows(4)
                .any(|four| four == b"href")
        );
    }

    #[test]
    fn programs_get_a_problem_document() {
        let problem = refusal(false).render(None);
        assert_eq!(
            problem.headers()["content-type"],
            "application/problem+json"
        );
        assert!(protected(&problem));
        let body: serde_json::Value = serde_json::from_slice(problem.body()).unwrap();
        let expected = serde_json::json!({
            "type": "about:blank",
            "title": "Signing in did not work",
            "status": 400,
            "code": "state_mismatch",
            "id": refusal(false).id,
        });
        assert_eq!(body, expected);
        let after_a_session = Refusal {
            session: Some(Ended::Idle),
            ..refusal(false)
        };
        let problem = after_a_session.render(None);
        let body: serde_json::Value = serde_json::from_slice(problem.body()).unwrap();
        assert_eq!(body["session"], "idle");
    }

    #[test]
    fn every_status_has_words_of_its_own() {
        let mut titles = Vec::new();
        for status in [400_u16, 401, 403, 405, 502, 503] {
            let status = StatusCode::from_u16(status).unwrap();
            let refusal = Refusal {
                status,
                ..refusal(true)
            };
            let page = refusal.render(None);
            assert_eq!(page.status(), status);
            assert!(text(&page).contains(refusal.advice()));
            titles.push(refusal.title());
        }
        titles.sort_unstable();
        titles.dedup();
        assert_eq!(titles.len(), 6);
    }

    #[test]
    fn the_hook_renders_what_it_wants_and_the_headers_stay() {
        let hook: PageHook = Arc::new(|refusal: &Refusal| {
            refusal.html.then(|| {
                let own = Response::builder()
                    .status(418)
                    .header("x-frame-options", "SAMEORIGIN")
                    .header("x-own", refusal.code);
                own.body(Bytes::from_static(b"own")).unwrap()
            })
        });
        let own = refusal(true).render(Some(&hook));
        assert_eq!((own.status().as_u16(), text(&own)), (418, "own"));
        assert_eq!(own.headers()["x-own"], "state_mismatch");
        assert_eq!(own.headers()["x-frame-options"], "SAMEORIGIN");
        assert_eq!(own.headers()["cache-control"], "no-store");
        let fallen_back = refusal(false).render(Some(&hook));
        assert_eq!(
            fallen_back.headers()["content-type"],
            "application/problem+json"
        );
        assert!(protected(&fallen_back));
    }

    #[test]
    fn redirects_are_303_and_lead_home_when_they_lead_nowhere() {
        let away = redirect("https://op.example/authorize?x=%20");
        assert_eq!(away.status(), StatusCode::SEE_OTHER);
        assert_eq!(
            away.headers()["location"],
            "https://op.example/authorize?x=%20"
        );
        assert!(protected(&away) && away.body().is_empty());
        assert_eq!(redirect("/x\r\nSet-Cookie: a=b").headers()["location"], "/");
    }

    #[test]
    fn text_is_escaped_for_content_and_attributes() {
        let escaped = escape("a&b<c>d\"e'f/ü");
        assert_eq!(escaped, "a&amp;b&lt;c&gt;d&quot;e&#39;f/ü");
    }
}
