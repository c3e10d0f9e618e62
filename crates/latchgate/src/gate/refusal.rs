//! What a visitor sees when the gate refuses a request: a status, a stable code, an id and what to do next, in HTML or
//! as a problem document ([RFC 9457 §3](https://www.rfc-editor.org/rfc/rfc9457#section-3)). The cause goes to the log
//! under the same id.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::page::{escape, hidden_fields, page, protect, respond};
use super::popup;
use crate::authorization::Display;
use crate::session::SessionEnd;

/// The contents of a refusal page, for an application that renders its own
/// ([`GateBuilder::pages`](crate::GateBuilder::pages)). It does not say why: the cause is in the log, under
/// [`Refusal::id`].
///
/// ```
/// use latchgate::{Refusal, WayOn};
///
/// fn links(refusal: &Refusal) -> Vec<String> {
///     let link = |way: &WayOn| match way {
///         WayOn::TryAgain { href } | WayOn::SignIn { href } | WayOn::Home { href } => {
///             Some(format!("{}: {href}", way.label()))
///         }
///         _ => None, // forms
///     };
///     refusal.ways_on.iter().filter_map(link).collect()
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// The status of the response.
    pub status: StatusCode,
    /// The stable code, such as `state_mismatch`.
    pub code: &'static str,
    /// Identifies this refusal in the logs.
    pub id: String,
    /// What happened, as a heading in English.
    pub title: &'static str,
    /// What it means for the visitor, in a sentence or two of English.
    pub advice: &'static str,
    /// What the visitor can do next, best first.
    pub ways_on: Vec<WayOn>,
    /// Whether the client would rather read HTML.
    pub html: bool,
    /// Why the session that the request brought has ended, if it has: the member `session` of the problem document, by
    /// its code.
    pub session: Option<SessionEnd>,
    /// Where to sign in, if that is what is missing: the member `login` of the problem document. A script sends its page
    /// there, with the page's own path as `return_to`. At the page of a tenant, this is the tenant's login.
    pub login: Option<String>,
}

/// A way on from a refusal. Every `href` is a path of the application's, checked as [`ReturnTo`](crate::ReturnTo) is;
/// it may contain user input, so escape it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WayOn {
    /// A link to the page that was asked for, or to a login that comes back to it.
    TryAgain {
        /// Where it leads.
        href: String,
    },
    /// A link to a login that comes back to where the visitor was.
    SignIn {
        /// Where it leads.
        href: String,
    },
    /// A form that starts a login at which the provider authenticates the visitor again.
    SignInAgain(LoginForm),
    /// A form that starts a login at which another person can sign in. The present session stays until they have.
    SignInAsSomebodyElse(LoginForm),
    /// A link to the application's start page.
    Home {
        /// Where it leads.
        href: String,
    },
}

/// A form to be sent by `POST` from a page of the application: the gate refuses it from other sites.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginForm {
    /// Where it is sent.
    pub action: String,
    /// Its hidden fields, by name and value. They may contain user input, so escape them.
    pub fields: Vec<(&'static str, String)>,
}

impl WayOn {
    /// The label of the link or button, in English.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::TryAgain { .. } => "Try again",
            Self::SignIn { .. } => "Sign in",
            Self::SignInAgain(_) => "Sign in again",
            Self::SignInAsSomebodyElse(_) => "Sign in as somebody else",
            Self::Home { .. } => "Go to the start page",
        }
    }

    /// The link or form, the first one as a button.
    fn markup(&self, first: bool) -> String {
        let label = self.label();
        match self {
            Self::TryAgain { href } | Self::SignIn { href } | Self::Home { href } => {
                let class = if first { " class=\"button\"" } else { "" };
                format!("<a{class} href=\"{}\">{label}</a>", escape(href))
            }
            Self::SignInAgain(form) | Self::SignInAsSomebodyElse(form) => {
                let action = escape(&form.action);
                let hidden = hidden_fields(form.fields.iter().map(|(name, value)| (name, value)));
                format!(
                    "<form method=\"post\" action=\"{action}\">{hidden}<button class=\"button\">{label}</button></form>"
                )
            }
        }
    }
}

/// An application's own rendering; `None` falls back to ours.
pub(crate) type PageHook = Arc<dyn Fn(&Refusal) -> Option<Response<Bytes>> + Send + Sync>;

impl Refusal {
    /// The response, by the application's hook or ours. A page that tells an opener is always ours.
    pub(crate) fn render(&self, hook: Option<&PageHook>, display: Display) -> Response<Bytes> {
        let in_popup = self.html && display == Display::Popup;
        let own = hook.filter(|_| !in_popup).and_then(|hook| hook(self));
        let mut response = match own {
            Some(own) => own,
            None if in_popup => {
                popup::refused(self.status, self.title, self.body(), (self.code, &self.id))
            }
            None if self.html => page(self.status, self.title, &self.body()),
            None => self.problem(),
        };
        let is_form =
            |way: &WayOn| matches!(way, WayOn::SignInAgain(_) | WayOn::SignInAsSomebodyElse(_));
        if self.ways_on.iter().any(is_form) {
            // Browsers without Fetch Metadata send `Origin: null` from a page with `no-referrer`. Only the origin is
            // sent, as this page's URL may contain a code.
            let policy = HeaderValue::from_static("strict-origin");
            let headers = response.headers_mut();
            headers.entry(header::REFERRER_POLICY).or_insert(policy);
        }
        protect(&mut response);
        response
    }

    fn problem(&self) -> Response<Bytes> {
        let mut body = serde_json::json!({
            "type": "about:blank",
            "title": self.title,
            "status": self.status.as_u16(),
            "code": self.code,
            "id": self.id,
        });
        if let Some(ended) = self.session {
            body["session"] = ended.code().into();
        }
        if let Some(login) = &self.login {
            body["login"] = login.as_str().into();
        }
        respond(self.status, "application/problem+json", body.to_string())
    }

    /// What a page of ours says below its title.
    fn body(&self) -> String {
        let ways = self.ways_on.iter().enumerate();
        let ways: String = ways.map(|(at, way)| way.markup(at == 0)).collect();
        format!(
            "<p>{}</p><div class=\"ways\">{ways}</div>\
             <p class=\"small\">If you ask for help, mention <code>{}</code> and <code>{}</code>.</p>",
            escape(self.advice),
            self.code,
            escape(&self.id)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(html: bool) -> Refusal {
        let hostile = || "/login?x=\"><script>&'".to_owned();
        let form = LoginForm {
            action: hostile(),
            fields: vec![("return_to", hostile())],
        };
        Refusal {
            status: StatusCode::BAD_REQUEST,
            code: "state_mismatch",
            id: "\"><script>alert('id')&".to_owned(),
            title: "This login is no longer valid",
            advice: "It took too long.",
            ways_on: vec![
                WayOn::TryAgain { href: hostile() },
                WayOn::SignInAsSomebodyElse(form),
            ],
            html,
            session: None,
            login: None,
        }
    }

    fn text(response: &Response<Bytes>) -> &str {
        std::str::from_utf8(response.body()).unwrap()
    }

    fn protected(response: &Response<Bytes>, referrer: &str) -> bool {
        let is = |name: &str, value: &str| {
            response.headers().get_all(name).iter().collect::<Vec<_>>() == [value]
        };
        let policy = response.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        is("cache-control", "no-store")
            && is("referrer-policy", referrer)
            && is("x-content-type-options", "nosniff")
            && is("x-frame-options", "DENY")
            && policy.starts_with("default-src 'none'; ")
            && !policy.contains("script-src")
    }

    #[test]
    fn people_get_a_page_in_which_nothing_is_markup_that_should_not_be() {
        let page = refusal(true).render(None, Display::Page);
        assert_eq!(page.status(), StatusCode::BAD_REQUEST);
        assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
        assert!(protected(&page, "strict-origin"), "{page:?}");
        let text = text(&page);
        assert!(!text.contains("<script"), "{text}");
        let escaped = "\"/login?x=&quot;&gt;&lt;script&gt;&amp;&#39;\"";
        for attribute in ["href", "action", "value"] {
            assert!(text.contains(&format!("{attribute}={escaped}")), "{text}");
        }
        assert!(text.contains("<code>state_mismatch</code>"));
    }

    #[test]
    fn the_address_of_a_page_without_a_form_is_told_to_nobody() {
        let mut refusal = refusal(true);
        refusal.ways_on.truncate(1);
        assert!(protected(
            &refusal.render(None, Display::Page),
            "no-referrer"
        ));
        refusal.ways_on.clear();
        let page = refusal.render(None, Display::Page);
        assert!(!text(&page).contains("href") && !text(&page).contains("<form"));
    }

    #[test]
    fn programs_get_a_problem_document() {
        let problem = refusal(false).render(None, Display::Page);
        assert_eq!(
            problem.headers()["content-type"],
            "application/problem+json"
        );
        let body: serde_json::Value = serde_json::from_slice(problem.body()).unwrap();
        let expected = serde_json::json!({
            "type": "about:blank",
            "title": "This login is no longer valid",
            "status": 400,
            "code": "state_mismatch",
            "id": refusal(false).id,
        });
        assert_eq!(body, expected);
        let after_a_session = Refusal {
            session: Some(SessionEnd::Idle),
            ..refusal(false)
        };
        let problem = after_a_session.render(None, Display::Page);
        let body: serde_json::Value = serde_json::from_slice(problem.body()).unwrap();
        assert_eq!(body["session"], "idle");
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
        let own = refusal(true).render(Some(&hook), Display::Page);
        assert_eq!((own.status().as_u16(), text(&own)), (418, "own"));
        assert_eq!(own.headers()["x-own"], "state_mismatch");
        assert_eq!(own.headers()["x-frame-options"], "SAMEORIGIN");
        assert_eq!(own.headers()["cache-control"], "no-store");
        let fallen_back = refusal(false).render(Some(&hook), Display::Page);
        assert_eq!(
            fallen_back.headers()["content-type"],
            "application/problem+json"
        );
    }
}
