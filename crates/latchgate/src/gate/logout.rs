//! Signing out, and the return from the provider's logout page.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use url::Url;

use super::Gate;
use super::page::{escape, hidden_fields, html, protect, redirect, respond};
use super::route_request::RequestParts;
use crate::cookie::pairs;
use crate::error::{Error, RequestError};
use crate::head::RequestHead;
use crate::hook::Logout;
use crate::logout::LogoutState;
use crate::navigation::{Navigation, Sender};
use crate::seal::Purpose;
use crate::session::{Session, SessionEnd};
use crate::sessions::{SessionCookie, SignedOut};
use crate::telemetry;

/// How long a visitor may stay at the provider's logout page, in seconds.
const LOGOUT_MAX_AGE: u64 = 15 * 60;

/// URLs longer than this are sent as a form: many servers limit the request line to 8 KB.
const LONGEST_URL: usize = 6_000;

impl Gate {
    /// Ends the session here first, then sends the visitor to the provider to end the one there.
    pub(super) async fn logout(&self, parts: &RequestParts) -> Result<Response<Bytes>, Error> {
        match (parts.method.as_str(), parts.sender) {
            ("POST", Sender::Ourselves | Sender::Unknown) => {}
            // A prefetch, or an image that somebody put on a page of ours, is not a wish to sign out.
            ("GET", Sender::Ourselves) if parts.to_login_page == Navigation::TopLevel => {}
            ("POST", Sender::Foreign) => return Err(RequestError::CrossSite.into()),
            ("GET", sender) => return Ok(self.ask_before_logout(sender)),
            _ => return Err(RequestError::Method { allow: "GET, POST" }.into()),
        }
        let pieces = self.sessions().pieces(parts.cookie_fields());
        let mut cookies = self.sessions().clear_cookies(pieces.present());
        cookies.extend(self.marked_as_signed_out());
        cookies.extend(self.0.visitors.clear(parts.cookie_fields()));
        let session = match self.sessions().open(&pieces) {
            SessionCookie::Invalid => None,
            cookie => {
                self.run_to_end(|gate| async move { Ok(gate.sign_out(cookie).await) })
                    .await?
            }
        };
        let random = self.0.random.as_ref();
        let state = LogoutState::new(random.array()?);
        let at_provider = self.end_session_url(session.as_deref(), &state).await;
        if session.is_some() {
            telemetry::logged_out(match at_provider {
                Some(_) => "rp_initiated",
                None => "here_only",
            });
        }
        if at_provider.is_some() {
            let kind = &self.0.logout_cookie;
            let (bytes, iv) = (state.bytes(), random.array()?);
            let value = self.0.keys.seal(Purpose::Logout, kind.name(), bytes, iv);
            cookies.push(kind.set("", &value, Some(LOGOUT_MAX_AGE)));
        }
        let mut answer = match (at_provider, parts.is_by_script()) {
            (Some(url), false) => send_to(&url),
            (None, false) => redirect(&self.0.routes.after_logout),
            (Some(url), true) => tell_script(url.as_str()),
            (None, true) => tell_script(&self.0.routes.after_logout),
        };
        for cookie in cookies {
            answer.headers_mut().append(header::SET_COOKIE, cookie);
        }
        if let Some(kinds) = &self.0.clear_site_data {
            let name = HeaderName::from_static("clear-site-data");
            answer.headers_mut().insert(name, kinds.clone());
        }
        Ok(answer)
    }

    /// Where the session at the provider ends: the session's own provider. Somebody without a session may have one at
    /// the only provider there is.
    async fn end_session_url(&self, session: Option<&Session>, state: &LogoutState) -> Option<Url> {
        let party = match session {
            Some(session) => {
                let found = self.0.context.relying_party_of(session).await;
                found.unwrap_or_else(|error| {
                    tracing::warn!(
                        event = "logout_here_only",
                        code = error.code(),
                        "signed out here only: the tenant's provider is unknown"
                    );
                    None
                })
            }
            None => self.relying_parties().only().cloned(),
        };
        let hint = session.and_then(Session::id_token);
        let back = self.post_logout_redirect_uri();
        party?.end_session_url(hint.as_deref(), &back, state).await
    }

    /// Ends the session that the visitor's cookies lead to.
    async fn sign_out(&self, cookie: SessionCookie) -> Option<Arc<Session>> {
        let context = Arc::clone(&self.0.context);
        let after = move |ended: &SignedOut| {
            let session = &ended.session;
            if ended.notify_application {
                context.notify_logout(Logout::of(session, SessionEnd::SignedOut));
            }
            context.revoke_tokens_of(session);
            tracing::info!(
                event = "logout",
                issuer = &*session.issuer,
                subject = &*session.subject,
                "signed out"
            );
        };
        self.sessions().sign_out(cookie, Arc::new(after)).await
    }

    /// A link from another site leads to a page that asks for confirmation.
    fn ask_before_logout(&self, sender: Sender) -> Response<Bytes> {
        let why = match sender {
            Sender::Foreign => "You followed a link from another site.",
            Sender::Ourselves | Sender::Unknown => "You are about to sign out of this site.",
        };
        let body = format!(
            "<p>{why}</p><div class=\"ways\"><form method=\"post\" action=\"{}\"><button class=\"button\">Sign out</button></form>\
             <a href=\"{}\">Stay signed in</a></div>",
            escape(&self.0.routes.logout),
            escape(self.home().as_str())
        );
        let mut page = html(StatusCode::FORBIDDEN, "Do you want to sign out?", &body);
        // Browsers without Fetch Metadata send `Origin: null` from a page that says `no-referrer`.
        let policy = HeaderValue::from_static("same-origin");
        page.headers_mut().insert(header::REFERRER_POLICY, policy);
        page
    }

    /// Whether a request is a visitor coming back from the provider's logout page.
    pub(super) fn is_return_from_logout<H: RequestHead>(&self, head: &H) -> bool {
        let stateful = head
            .query()
            .is_some_and(|query| query.split('&').any(|pair| pair.starts_with("state=")));
        let mut remembered = false;
        if stateful && matches!(head.method(), "GET" | "HEAD") {
            head.header("cookie", &mut |field| {
                remembered = remembered || self.0.logout_cookie.is_in(field);
            });
        }
        remembered
    }

    /// Compares the state and redirects to the URL without it. The visitor has already signed out, so a mismatch is
    /// logged and is no error.
    pub(super) fn return_from_logout(&self, parts: &RequestParts) -> Response<Bytes> {
        let name = self.0.logout_cookie.name();
        let expected = parts
            .cookie_fields()
            .flat_map(pairs)
            .filter(|(found, _)| *found == name.as_bytes())
            .find_map(|(_, value)| self.0.keys.open(Purpose::Logout, name, value))
            .map(|opened| base64_simd::URL_SAFE_NO_PAD.encode_to_string(opened.plain));
        let mut rest = url::form_urlencoded::Serializer::new(String::new());
        let mut matched = false;
        for (name, value) in url::form_urlencoded::parse(parts.query.as_bytes()) {
            if name == "state" {
                matched = expected.as_deref() == Some(&*value);
            } else {
                rest.append_pair(&name, &value);
            }
        }
        if !matched {
            // Anyone with a logout cookie can invent a state.
            tracing::info!(
                event = "logout_state_mismatch",
                "a visitor returned from the provider's logout page with an unexpected state"
            );
        }
        let rest = rest.finish();
        let path = &self.0.routes.after_logout;
        let clean = if rest.is_empty() {
            path.clone()
        } else {
            format!("{path}?{rest}")
        };
        let mut answer = redirect(&clean);
        answer
            .headers_mut()
            .append(header::SET_COOKIE, self.0.logout_cookie.clear(""));
        answer
    }
}

/// Where a script has to send its page: a redirect would be followed by its `fetch`, which CORS stops at the provider.
fn tell_script(location: &str) -> Response<Bytes> {
    let body = serde_json::json!({ "location": location });
    let mut response = respond(StatusCode::OK, "application/json", body.to_string());
    protect(&mut response);
    response
}

/// A redirect, or a form when the URL is too long for one.
fn send_to(url: &Url) -> Response<Bytes> {
    if url.as_str().len() <= LONGEST_URL {
        return redirect(url.as_str());
    }
    let mut target = url.clone();
    target.set_query(None);
    let action = escape(target.as_str());
    let hidden = hidden_fields(url.query_pairs());
    let body = format!(
        "<form method=\"post\" action=\"{action}\">{hidden}<p>You have signed out here.</p>\
         <button class=\"button\">Sign out at the login provider too</button></form>"
    );
    html(StatusCode::OK, "Signed out", &body)
}
