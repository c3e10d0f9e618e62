//! Signing out, and coming back from it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use url::Url;

use super::door::Found;
use super::errand::Snapshot;
use super::page::{escape, html, redirect};
use super::{Gate, Kept, Premises};
use crate::cookie::{Pieces, pairs};
use crate::error::{Error, RequestError};
use crate::head::RequestHead;
use crate::logout::{LogoutState, request};
use crate::navigation::{Navigation, Sender};
use crate::seal::Purpose;
use crate::session::{Ended, Session};
use crate::token::revocation_request;

/// How long a visitor may take at the provider's logout page, in seconds.
const LOGOUT_MAX_AGE: u64 = 15 * 60;

/// URLs longer than this are sent as a form: many servers read no more than 8 KB of a request line.
const LONGEST_URL: usize = 6_000;

impl Gate {
    /// Ends the session here first, then sends the visitor to the provider to end the one there.
    pub(super) async fn logout(&self, snapshot: &Snapshot) -> Result<Response<Bytes>, Error> {
        match (snapshot.method.as_str(), snapshot.sender) {
            ("POST", Sender::Ourselves | Sender::Unknown) => {}
            // A prefetch, or an image somebody put on a page of ours, is nobody's wish to sign out.
            ("GET", Sender::Ourselves) if snapshot.to_login_page == Navigation::TopLevel => {}
            ("POST", Sender::Foreign) => return Err(RequestError::CrossSite.into()),
            ("GET", sender) => return Ok(self.ask_before_logout(sender)),
            _ => return Err(RequestError::Method { allow: "GET, POST" }.into()),
        }
        let premises = &self.0;
        let now = premises.clock.now();
        let name = premises.session_cookie.name();
        let pieces = Pieces::collect(snapshot.cookie_fields(), name);
        let mut cookies = premises.clear(&pieces.present());
        // A store that fails is no reason to leave the cookie where it is.
        let found = premises.find(&pieces, now).await.unwrap_or_else(|error| {
            store_failed(&error);
            if let Some(ticket) = Premises::ticket(&pieces) {
                tokio::spawn(self.clone().forget_once_possible(ticket));
            }
            Found::Nothing
        });
        let mut hint = None;
        if let Some(kept) = found.into_what_ends_at_the_provider() {
            if let Err(error) = self.end_here(&kept, Ended::SignedOut, now).await {
                store_failed(&error);
                let end = self
                    .clone()
                    .end_once_possible(kept.clone(), Ended::SignedOut);
                tokio::spawn(end);
            }
            let session = kept.session;
            hint = Some(session.tokens.id_token.text());
            tokio::spawn(self.clone().revoke(session.clone()));
            tracing::info!(
                event = "logout",
                issuer = session.issuer,
                subject = session.subject,
                "signed out"
            );
        }
        let state = LogoutState::new(premises.random.array()?);
        let mut answer = match self.end_session_url(hint.as_deref(), &state, now).await {
            Some(url) => {
                let name = premises.logout_cookie.name();
                let value = premises.keys.seal(
                    Purpose::Logout,
                    name,
                    state.bytes(),
                    premises.random.array()?,
                );
                cookies.push(premises.logout_cookie.set("", &value, Some(LOGOUT_MAX_AGE)));
                send_to(&url)
            }
            None => redirect(&premises.routes.after_logout),
        };
        for cookie in cookies {
            answer.headers_mut().append(header::SET_COOKIE, cookie);
        }
        if let Some(kinds) = &premises.clear_site_data {
            let name = HeaderName::from_static("clear-site-data");
            answer.headers_mut().insert(name, kinds.clone());
        }
        Ok(answer)
    }

    /// Revokes the session's refresh token (RFC 7009), as well as it goes: nobody waits for it.
    pub(super) async fn revoke(self, session: Arc<Session>) {
        let Some(refresh_token) = &session.tokens.refresh_token else {
            return;
        };
        let revocation = async {
            let metadata = self.0.reach.metadata(self.0.clock.now()).await?;
            let request =
                revocation_request(&self.0.registration, &metadata, &refresh_token.text());
            Ok::<_, Error>(match request {
                Some(request) => Some(self.0.reach.send(request?).await?.status()),
                None => None,
            })
        };
        match revocation.await {
            Ok(None | Some(StatusCode::OK)) => {}
            Ok(Some(status)) => {
                tracing::warn!(event = "token_not_revoked", %status, "the refresh token was not revoked")
            }
            Err(error) => {
                tracing::warn!(event = "token_not_revoked", code = error.code(), cause = %error.chain(), "the refresh token was not revoked");
            }
        }
    }

    /// Where the session at the provider ends. A provider that is down, or has no such place, is
    /// no reason not to sign out here.
    async fn end_session_url(
        &self,
        hint: Option<&str>,
        state: &LogoutState,
        now: u64,
    ) -> Option<Url> {
        let metadata = match self.0.reach.metadata(now).await {
            Ok(metadata) => metadata,
            Err(error) => {
                tracing::warn!(event = "logout_here_only", code = error.code(), cause = %error.chain(), "signed out here only: the provider's metadata is not available");
                return None;
            }
        };
        request(
            &self.0.registration,
            &metadata,
            hint,
            &self.post_logout_redirect_uri(),
            state,
        )
    }

    /// Signing out by a link from elsewhere takes a click on a button of ours.
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
    pub(super) fn comes_back_from_logout<H: RequestHead>(&self, head: &H) -> bool {
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

    /// Compares the state and goes on to the clean URL. The visitor has signed out long since: a
    /// state that does not fit is worth a log line, not an error.
    pub(super) fn back_from_logout(&self, snapshot: &Snapshot) -> Response<Bytes> {
        let premises = &self.0;
        let name = premises.logout_cookie.name();
        let expected = snapshot
            .cookie_fields()
            .flat_map(pairs)
            .filter(|(found, _)| *found == name.as_bytes())
            .find_map(|(_, value)| premises.keys.open(Purpose::Logout, name, value))
            .map(|opened| base64_simd::URL_SAFE_NO_PAD.encode_to_string(opened.plain));
        let mut rest = url::form_urlencoded::Serializer::new(String::new());
        let mut matched = false;
        for (name, value) in url::form_urlencoded::parse(snapshot.query.as_bytes()) {
            if name == "state" {
                matched = expected.as_deref() == Some(&*value);
            } else {
                rest.append_pair(&name, &value);
            }
        }
        if !matched {
            // Whoever has the cookie of a logout can make up the state.
            tracing::info!(
                event = "logout_state_mismatch",
                "a visitor came back from logout with another state"
            );
        }
        let rest = rest.finish();
        let path = &premises.routes.after_logout;
        let clean = if rest.is_empty() {
            path.clone()
        } else {
            format!("{path}?{rest}")
        };
        let mut answer = redirect(&clean);
        answer
            .headers_mut()
            .append(header::SET_COOKIE, premises.logout_cookie.clear(""));
        answer
    }
}

impl Found {
    /// The session whose provider is told of a logout: also one that is over here, for there it may
    /// not be. Who holds a cookie after its logout is told nothing.
    fn into_what_ends_at_the_provider(self) -> Option<Kept> {
        match self {
            Self::Live { kept, .. } => Some(kept),
            Self::Over {
                why: Ended::SignedOut,
                ..
            } => None,
            Self::Over { kept, .. } => Some(kept),
            Self::Gone | Self::Nothing => None,
        }
    }
}

fn store_failed(error: &Error) {
    tracing::error!(event = "session_not_removed", code = error.code(), cause = %error.chain(), "the store failed while somebody signed out");
}

/// A redirect, or a form that does the same when the URL is too long for one.
fn send_to(url: &Url) -> Response<Bytes> {
    if url.as_str().len() <= LONGEST_URL {
        return redirect(url.as_str());
    }
    let mut target = url.clone();
    target.set_query(None);
    let mut body = format!(
        "<form method=\"post\" action=\"{}\">",
        escape(target.as_str())
    );
    for (name, value) in url.query_pairs() {
        body.push_str(&format!(
            "<input type=\"hidden\" name=\"{}\" value=\"{}\">",
            escape(&name),
            escape(&value)
        ));
    }
    body.push_str("<p>You have signed out here.</p><button class=\"button\">Sign out at the login provider too</button></form>");
    html(StatusCode::OK, "Signed out", &body)
}
