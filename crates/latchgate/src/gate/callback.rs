//! Finishing a login: from the provider's authorization response to the session.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{HeaderValue, Response, header};

use super::Gate;
use super::page::redirect;
use super::popup;
use super::refuse::{RefusedRequest, Retry};
use super::route_request::RequestParts;
use crate::authorization::{
    AuthorizationError, CookiePersistence, Display, Expected, Parameters, PendingLogin,
    ReplacedSession, VerifiedCode, VisitorAtStart, suffix_of,
};
use crate::background::Room;
use crate::cookie::pairs;
use crate::error::Error;
use crate::hook::LoginHook;
use crate::relying_party::RelyingParty;
use crate::request_session::RequestSession;
use crate::session::{EndedSession, Session, SessionEnd};
use crate::sessions::{Beginning, LoadedSession, SessionCookie, SignedOut, Ticket};
use crate::telemetry;
use crate::token::TokenResponse;
use crate::visitor::Visitor;

/// A login whose authorization response has arrived.
struct Login {
    party: Arc<RelyingParty>,
    expected: Expected,
    beginning: Beginning,
    remembered: CookiePersistence,
    /// The session that the browser had when the login began.
    replaces: Option<ReplacedSession>,
    /// The application's data for the visitor who signs in.
    visitor: Visitor,
    /// The session of the callback request.
    brought: RequestSession,
    /// Issuer and subject, once the provider's word for them is verified.
    person: OnceLock<(String, String)>,
}

impl Gate {
    /// Handles the provider's authorization response. Whatever the outcome, the login's cookie is removed.
    pub(super) async fn callback(
        &self,
        form: &[u8],
        parts: &RequestParts,
    ) -> Result<Response<Bytes>, Error> {
        let parameters = Parameters::parse(form)?;
        let suffix = format!(".{}", suffix_of(&parameters.names_login()?));
        let (pending, retry) = self.begun_login(&suffix, parts);
        // One of a registration that there is no more belongs to nobody.
        let begun = match pending {
            Some(pending) => {
                let id = &pending.registration;
                let party = self.relying_parties().find_registered(id).await?;
                party.map(|party| (pending, party))
            }
            None => None,
        };
        let kind = match &begun {
            Some((_, party)) => self.login_cookie(party.registration().response_mode),
            None => &self.0.login_cookie,
        };
        let used_up = kind.clear(&suffix);
        let asked = parts.asked(retry);
        let party = begun.as_ref().map(|(_, party)| Arc::clone(party));
        let finished = self.finish(parameters, begun, parts, asked.clone()).await;
        let mut answer = finished.unwrap_or_else(|error| {
            count_refused(party.as_deref(), &error, &asked);
            self.refuse(&error, &asked)
        });
        answer.headers_mut().append(header::SET_COOKIE, used_up);
        Ok(answer)
    }

    /// The login that this response belongs to, and what there is to try again.
    fn begun_login(&self, suffix: &str, parts: &RequestParts) -> (Option<PendingLogin>, Retry) {
        let (keys, now) = (&self.0.keys, self.now());
        let open = |name: &str, value: &[u8]| PendingLogin::open(keys, name, value, now);
        let pending = self.pending_login(suffix, parts, open);
        // The opener of a pop-up waits for a word, even if the login has taken too long.
        let open = |name: &str, value: &[u8]| PendingLogin::open_late(keys, name, value, now);
        let late = match pending {
            Some(_) => None,
            None => self.pending_login(suffix, parts, open),
        };
        let Some(begun) = pending.as_ref().or(late.as_ref()) else {
            return (None, Retry::login_from(self.home()));
        };
        let return_to = self.return_to(&begun.return_to);
        let retry = match begun.display {
            Display::Nowhere => Retry::Silently(return_to),
            // The page asks for the step-up again.
            Display::Page if begun.step_up.is_some() => Retry::Page(return_to),
            Display::Page | Display::Popup => Retry::Login {
                return_to,
                remembered: Some(begun.remembered),
                step_up: None,
                display: begun.display,
            },
        };
        (pending, retry)
    }

    async fn finish(
        &self,
        parameters: Parameters<'_>,
        begun: Option<(PendingLogin, Arc<RelyingParty>)>,
        parts: &RequestParts,
        mut asked: RefusedRequest,
    ) -> Result<Response<Bytes>, Error> {
        let Some((mut pending, party)) = begun else {
            return self.no_pending_login(parts, &asked.retry).await;
        };
        // Every provider has a redirect URI of its own (RFC 9700 §4.4.2.2).
        if parts.provider.as_deref().unwrap_or_default() != party.registration().name {
            return Err(AuthorizationError::OtherProvider.into());
        }
        let beginning = self.sessions().beginning()?;
        let posted = party.registration().response_mode.is_posted();
        let visitor = self.visitor_at_login(pending.visitor.take(), parts.cookie_fields(), posted);
        let (remembered, replaces) = (pending.remembered, pending.replaces.take());
        let display = pending.display;
        let return_to = asked.retry.return_to().clone();
        let response = party.authorization_response(parameters, pending).await;
        let (code, expected) = response?;
        let brought = RequestSession::brought(Arc::clone(&self.0.context));
        let opening = brought.open(&parts.cookies());
        let login = Login {
            party,
            expected,
            beginning,
            remembered,
            replaces,
            visitor,
            brought,
            person: OnceLock::new(),
        };
        let marker = self.marked_as_signed_in(&login.party.registration().name);
        let gate = self.clone();
        let place = login.party.place_for_login().await;
        // A login that is refused is logged, whether or not the browser still waits.
        let signing_in = async move {
            let _place = place;
            // In a box: it is large, and everything around it would be moved about with it.
            match Box::pin(gate.finish_login(code, &login, opening)).await {
                Ok(cookies) => {
                    let counted_as = login.party.registration().counted_as();
                    telemetry::login_ended(counted_as, "signed_in", None);
                    let mut answer = match display {
                        Display::Page | Display::Nowhere => redirect(return_to.as_str()),
                        Display::Popup => popup::signed_in(&return_to),
                    };
                    for cookie in cookies.into_iter().chain(marker) {
                        answer.headers_mut().append(header::SET_COOKIE, cookie);
                    }
                    answer
                }
                Err(error) => {
                    count_refused(Some(&login.party), &error, &asked);
                    asked.person = login.person.into_inner().map(Box::new);
                    gate.refuse(&error, &asked)
                }
            }
        };
        let answered = self.0.background.run(Room::Logins, signing_in).await;
        answered.ok_or(Error::Interrupted)
    }

    /// A response that belongs to no pending login. Somebody who is signed in went back in the browser's history or
    /// reloaded: they are sent to the start page, and nothing changes. Anyone else is refused.
    async fn no_pending_login(
        &self,
        parts: &RequestParts,
        retry: &Retry,
    ) -> Result<Response<Bytes>, Error> {
        let brought = RequestSession::brought(Arc::clone(&self.0.context));
        match brought.open(&parts.cookies()).await? {
            Some(_) => Ok(match retry {
                // It has waited in a pop-up for too long, and they have signed in elsewhere meanwhile.
                Retry::Login {
                    return_to,
                    display: Display::Popup,
                    ..
                } => popup::signed_in(return_to),
                _ => redirect(self.return_to("").as_str()),
            }),
            None => Err(AuthorizationError::NoPendingLogin.into()),
        }
    }

    /// Opens the login cookie of this response. If there are several values under its name, somebody planted one, and
    /// only one can be genuine.
    fn pending_login(
        &self,
        suffix: &str,
        parts: &RequestParts,
        open: impl Fn(&str, &[u8]) -> Option<PendingLogin>,
    ) -> Option<PendingLogin> {
        let name = format!("{}{suffix}", self.0.login_cookie.name());
        let values = parts
            .cookie_fields()
            .flat_map(pairs)
            .filter(|(found, _)| *found == name.as_bytes());
        values.take(4).find_map(|(_, value)| open(&name, value))
    }

    /// Exchanges the code and stores the session. Once the provider has issued tokens, they are stored or revoked,
    /// whether or not the browser still waits.
    async fn finish_login(
        &self,
        code: VerifiedCode,
        login: &Login,
        brought: impl Future<Output = Result<Option<LoadedSession>, Error>> + Send,
    ) -> Result<Vec<HeaderValue>, Error> {
        let tokens = login.party.exchange(code).await?;
        let signed_in = async {
            let session = self.new_session(&tokens, login).await?;
            self.replace_session(session, brought.await?, login).await
        };
        let signed_in = signed_in.await;
        if let (Err(_), Some(refresh_token)) = (&signed_in, tokens.refresh_token) {
            login.party.revoke(refresh_token);
        }
        signed_in
    }

    /// The session that the tokens start, if the application accepts it. It begins when the response arrived: a logout
    /// since then ends it.
    async fn new_session(&self, tokens: &TokenResponse, login: &Login) -> Result<Session, Error> {
        let beginning = &login.beginning;
        let session = login
            .party
            .begin_session(tokens, &login.expected, beginning.start);
        let session = session.await?;
        let _ = login
            .person
            .set((session.issuer.to_string(), session.subject.to_string()));
        let mut session = self.sessions().admit(session, beginning).await?;
        session.extras.remembered = login.remembered;
        self.run_login_hook(session, &login.visitor).await
    }

    /// The application's data for a visitor who signs in, if the hook takes it.
    pub(super) fn visitor_at_login<'f>(
        &self,
        at_start: Option<VisitorAtStart>,
        cookie_fields: impl Iterator<Item = &'f [u8]>,
        posted: bool,
    ) -> Visitor {
        let visitors = &self.0.visitors;
        let hook = self.0.context.hooks.login.as_ref();
        match hook.is_some_and(LoginHook::takes_visitor) {
            true => visitors.at_login(at_start, cookie_fields, posted),
            false => visitors.unseen(),
        }
    }

    /// Asks the application for its value in a new session. If it rejects the login, there is no session.
    pub(super) async fn run_login_hook(
        &self,
        session: Session,
        visitor: &Visitor,
    ) -> Result<Session, Error> {
        let context = &self.0.context;
        let Some(hook) = &context.hooks.login else {
            return Ok(session);
        };
        let session = Arc::new(session);
        let data = hook.call(context.user(&session), visitor).await?;
        Ok(session.with_data(data))
    }

    /// Stores a new session and ends the one that it replaces: the one of this request, or of the request that began
    /// the login.
    async fn replace_session(
        &self,
        session: Session,
        brought: Option<LoadedSession>,
        login: &Login,
    ) -> Result<Vec<HeaderValue>, Error> {
        let sessions = self.sessions();
        let present = login.brought.present();
        let (session, mut cookies) = sessions.begin(session, &login.beginning, present).await?;
        cookies.extend(login.visitor.cookie());
        tracing::info!(
            event = "login",
            issuer = &*session.issuer,
            subject = &*session.subject,
            "signed in"
        );
        if let Some(brought) = &brought {
            sessions.end(brought, SessionEnd::SignedOut).await;
            self.revoke_replaced(&brought.session, &session);
        }
        let brought = brought.map(|brought| brought.session.id);
        match &login.replaces {
            Some(ReplacedSession::Stored(ticket)) => {
                let (gate, by) = (self.clone(), Arc::clone(&session));
                let after = move |ended: &SignedOut| gate.revoke_replaced(&ended.session, &by);
                let cookie = SessionCookie::Ticket(Ticket::from_bytes(*ticket));
                sessions.sign_out(cookie, Arc::new(after)).await;
            }
            Some(ReplacedSession::Sealed { id, until }) if brought != Some(*id) => {
                let replaced = EndedSession {
                    id: *id,
                    until: *until,
                };
                sessions.end_by_id(replaced).await;
            }
            _ => {}
        }
        Ok(cookies)
    }

    /// Revokes the refresh token of a session that another one has replaced, when somebody else has signed in. The
    /// application is not told, for nobody has signed out.
    ///
    /// For the same person it is not: some providers, Keycloak before 26.1 among them, then revoke all tokens of this client for
    /// that person, the new session's included.
    pub(super) fn revoke_replaced(&self, replaced: &Session, by: &Session) {
        let same_person = replaced.authority() == by.authority()
            && replaced.issuer == by.issuer
            && replaced.subject == by.subject;
        if !same_person {
            self.0.context.revoke_tokens_of(replaced);
        }
    }
}

/// Counts a login that was refused. One that belongs to no provider may be anybody's invention.
fn count_refused(party: Option<&RelyingParty>, error: &Error, asked: &RefusedRequest) {
    let provider = party.map_or("unknown", |party| party.registration().counted_as());
    let outcome = match asked.retry {
        Retry::Silently(_) => "silently_declined",
        Retry::Page(_) | Retry::Login { .. } => "refused",
    };
    telemetry::login_ended(provider, outcome, Some(error.code()));
}
