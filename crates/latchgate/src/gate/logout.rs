//! Signing out, and coming back from it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use url::Url;

use super::door::Found;
use super::ending::store_failed;
use super::errand::Snapshot;
use super::page::{escape, html, redirect};
use super::{Gate, Kept};
use crate::cookie::{Pieces, pairs};
use crate::error::{Error, RequestError};
use crate::head::RequestHead;
use crate::logout::{LogoutState, request};
use crate::navigation::{Navigation, Sender};
use crate::seal::Purpose;
use crate::session::{Ended, Session, Ticket};
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
        let session = match (premises.unseal(&pieces, now), premises.ticket(&pieces)) {
            (Some(Found::Nothing), _) | (None, None) => None,
            (Some(found), _) => {
                self.to_its_end(|gate| async move { Ok(gate.sign_out(found, now).await) })
                    .await?
            }
            (None, Some(ticket)) => {
                self.to_its_end(|gate| async move { Ok(gate.sign_out_ticket(ticket, now).await) })
                    .await?
            }
        };
        let hint = session.map(|session| session.tokens.id_token.text());
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

    /// Ends the session that was found.
    pub(super) async fn sign_out(&self, found: Found, now: u64) -> Option<Arc<Session>> {
        let was_told = matches!(
            found,
            Found::Over {
                why: Ended::EndedByProvider | Ended::Revoked | Ended::TooLarge,
                ..
            }
        );
        let kept = found.into_what_ends_at_the_provider()?;
        if was_told {
            self.end_quietly(&kept, Ended::SignedOut, now).await;
        } else {
            self.end_here(&kept, Ended::SignedOut, now).await;
        }
        let session = kept.session;
        self.revoke_tokens_of(&session);
        tracing::info!(
            event = "logout",
            issuer = session.issuer,
            subject = session.subject,
            "signed out"
        );
        Some(session)
    }

    /// Ends the session that a ticket leads to. A store that fails is no reason to leave the cookie where
    /// it is.
    async fn sign_out_ticket(&self, ticket: Ticket, now: u64) -> Option<Arc<Session>> {
        match self.0.load(ticket.clone(), now).await {
            Ok(found) => self.sign_out(found, now).await,
            Err(error) => {
                store_failed(&error);
                self.end_once_possible(Some(ticket), None);
                None
            }
        }
    }

    /// Revokes a session's refresh token, which nobody will use any more.
    pub(super) fn revoke_tokens_of(&self, session: &Session) {
        if let Some(refresh_token) = &session.tokens.refresh_token {
            self.revoke(refresh_token.text());
        }
    }

    /// Revokes a refresh token (RFC 7009), as well as it goes: nobody waits for it.
    pub(super) fn revoke(&self, refresh_token: String) {
        let gate = self.clone();
        self.0
            .background
            .spawn_if_room("a token revocation", async move {
                gate.send_revocation(&refresh_token).await;
            });
    }

    async fn send_revocation(&self, refresh_token: &str) {
        let revocation = async {
            let metadata = self.0.reach.metadata(self.0.clock.now()).await?;
            let request = revocation_request(&self.0.registration, &metadata, refresh_token);
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
