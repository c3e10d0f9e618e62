//! The session of one application request, opened once on first use: its user, its access token, the application's
//! value, and the headers it adds to the response.

mod access_token;
mod api_tokens;
mod caches;
mod csrf;
mod data;
mod kept_head;
mod refresher;
mod response_head;
mod tenant;

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use http::{HeaderValue, header};

use crate::background::Background;
use crate::cookie::{Pieces, PresentPieces};
use crate::error::Error;
use crate::head::RequestHead;
use crate::hook::Hooks;
use crate::relying_party::{RelyingParties, RelyingParty};
use crate::session::{SessionEnd, User};
use crate::sessions::{LoadedSession, Lookup, RefreshOutcome, Sessions, Ticket};
use crate::telemetry;

pub use api_tokens::ApiTokens;
pub(crate) use caches::{NOT_FOR_CACHES, is_targeted_cache_control, keep_out_of_caches};
pub(crate) use csrf::Csrf;
pub(crate) use data::FoundData;
pub use data::SessionData;
pub use response_head::ResponseHead;
use tenant::Accepts;

/// What a request's session needs: all sessions, their providers, and the application's hooks.
pub(crate) struct Context {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) relying_parties: RelyingParties,
    pub(crate) hooks: Hooks,
    pub(crate) background: Arc<Background>,
    /// Scheme, host and port of the application, as browsers write them in `Origin`.
    pub(crate) origin: String,
    pub(crate) stripped_path: String,
    pub(crate) csrf: Csrf,
}

/// The session of one request, on its way through the application. Cheap to clone.
///
/// Nothing is decrypted and no store is read until a handler, an extractor or a guard asks; then it happens once,
/// however many ask.
#[derive(Clone)]
pub struct RequestSession(Arc<Opening>);

struct Opening {
    context: Arc<Context>,
    /// Which tenants' sessions count.
    accepts: Accepts,
    /// The relying party of a tenant's session, once it was found.
    tenant_party: OnceLock<Arc<RelyingParty>>,
    /// Locked by the caller that asks a store, so that it is asked once.
    asking: tokio::sync::Mutex<()>,
    state: Mutex<RequestState>,
    /// For handlers that may fail later.
    head: OnceLock<Option<Box<http::Request<()>>>>,
}

/// Asks a store, other nodes, or the application about a tenant, and records the answer. Boxed, so that requests that need
/// none of this do not move a large future.
type Asking = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// What is known of a request's session, and what the response will change in the browser.
#[derive(Debug, Default)]
struct RequestState {
    opened: bool,
    /// Who was signed in when it was opened.
    user: Option<User>,
    /// The pieces of the session's cookie in the request.
    present: PresentPieces,
    /// The session as it is now, after refreshes.
    loaded: Option<LoadedSession>,
    /// The session that the request brought, if it has ended, and why.
    ended: Option<(SessionEnd, Option<LoadedSession>)>,
    /// The cookies have to be written again, or, without a session, removed.
    write: bool,
    asked: bool,
}

impl RequestSession {
    /// The session of a request to the application, at a page of this tenant if it is at one's.
    pub(crate) fn new(context: Arc<Context>, tenant: Option<Box<str>>) -> Self {
        let accepts = match tenant {
            Some(tenant) => Accepts::OfTenant(tenant),
            None => Accepts::OfAnyTenant,
        };
        Self::accepting(context, accepts)
    }

    /// The session that a request to one of the gate's own routes brings, to be ended or replaced.
    pub(crate) fn brought(context: Arc<Context>) -> Self {
        Self::accepting(context, Accepts::All)
    }

    fn accepting(context: Arc<Context>, accepts: Accepts) -> Self {
        Self(Arc::new(Opening {
            context,
            accepts,
            tenant_party: OnceLock::new(),
            asking: tokio::sync::Mutex::default(),
            state: Mutex::default(),
            head: OnceLock::new(),
        }))
    }

    /// Who is signed in, if anyone.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the session's store is unavailable.
    pub fn user<'s>(
        &'s self,
        head: &dyn RequestHead,
    ) -> impl Future<Output = Result<Option<User>, Error>> + Send + use<'s> {
        self.look(head, |state| state.user.clone())
    }

    /// Why the session that the request brought has ended. `None` when it has not, and for a cookie that does not open
    /// or whose session is not in the store: stores do not keep ended sessions.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the session's store is unavailable.
    pub fn ended<'s>(
        &'s self,
        head: &dyn RequestHead,
    ) -> impl Future<Output = Result<Option<SessionEnd>, Error>> + Send + use<'s> {
        self.look(head, RequestState::known_end)
    }

    /// Adds the session's headers to the application's response, whatever its status.
    pub(crate) fn apply_to(&self, response: &mut dyn ResponseHead) {
        let mut state = self.state();
        if state.asked {
            response.append(header::VARY, HeaderValue::from_static("cookie"));
            if !response.contains(&header::CACHE_CONTROL) {
                response.replace(header::CACHE_CONTROL, NOT_FOR_CACHES);
            }
        }
        // The application has started another session for this response.
        if !state.write || self.is_replaced_in(response) {
            return;
        }
        // The session may have changed while the handler ran: the newest state counts.
        match state
            .brought()
            .and_then(|brought| self.sessions().since(brought))
        {
            // Its cookies were removed or replaced then. Those in the browser may be a newer session's.
            Some(RefreshOutcome::Ended(SessionEnd::SignedOut)) => return,
            Some(RefreshOutcome::Ended(_)) => state.loaded = None,
            Some(RefreshOutcome::Refreshed(session)) => {
                let newest = |loaded| LoadedSession { session, ..loaded };
                state.loaded = state.loaded.take().map(newest);
            }
            _ => {}
        }
        let cookies = match &state.loaded {
            Some(loaded) => self.sessions().cookies(loaded, state.present),
            None => Ok(self.sessions().clear_cookies(state.present)),
        };
        match cookies {
            Ok(cookies) => {
                for cookie in cookies {
                    response.append(header::SET_COOKIE, cookie);
                }
                keep_out_of_caches(response);
            }
            Err(error) => {
                tracing::error!(event = "session_not_written", code = error.code(), cause = ?error, "the session's cookies could not be written");
            }
        }
    }

    /// Whether the application has asked who is there.
    pub(crate) fn was_asked(&self) -> bool {
        self.state().asked
    }

    /// Why the session has ended, if it was opened and has.
    pub(crate) fn known_end(&self) -> Option<SessionEnd> {
        self.state().known_end()
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.0.context
    }

    /// The pieces of the session's cookie in the request.
    pub(crate) fn present(&self) -> PresentPieces {
        self.state().present
    }

    /// The session, opened for one of the gate's own routes. The future does not borrow the request.
    pub(crate) fn open(
        &self,
        cookie_fields: &[&[u8]],
    ) -> impl Future<Output = Result<Option<LoadedSession>, Error>> + Send + use<> {
        let pieces = self.sessions().pieces(cookie_fields.iter().copied());
        let asking = self.open_into(&mut self.state(), &pieces);
        let this = self.clone();
        async move {
            if let Some(asking) = asking {
                asking.await?;
            }
            Ok(this.loaded())
        }
    }

    /// The session as it is now, if it was opened.
    pub(crate) fn loaded(&self) -> Option<LoadedSession> {
        self.state().loaded()
    }

    /// The session, opened because the application asks.
    fn load<'s>(
        &'s self,
        head: &dyn RequestHead,
    ) -> impl Future<Output = Result<Option<LoadedSession>, Error>> + Send + use<'s> {
        self.look(head, RequestState::loaded)
    }

    /// Opens the session because the application asks for a part of it: at once, if nothing else has to be asked.
    fn look<'s, T: Send + 's>(
        &'s self,
        head: &dyn RequestHead,
        part: fn(&RequestState) -> T,
    ) -> impl Future<Output = Result<T, Error>> + Send + use<'s, T> {
        let mut pieces = self.sessions().no_pieces();
        head.header("cookie", &mut |field| pieces.add(field));
        let mut state = self.state();
        state.asked = true;
        let at_once = match self.open_into(&mut state, &pieces) {
            None => Ok(part(&state)),
            Some(asking) => Err(asking),
        };
        drop(state);
        async move {
            match at_once {
                Ok(found) => Ok(found),
                Err(asking) => {
                    asking.await?;
                    Ok(part(&self.state()))
                }
            }
        }
    }

    /// Records that the session has ended.
    fn set_ended(&self, why: SessionEnd) {
        let mut state = self.state();
        let loaded = state.loaded.take();
        state.set_ended(why, loaded);
    }

    /// Records a changed session; the response will carry it.
    fn set_loaded(&self, changed: LoadedSession) {
        let mut state = self.state();
        state.loaded = Some(changed);
        state.write = true;
    }

    /// Opens a sealed session at once, if possible. Otherwise returns what has to be asked.
    fn open_into(&self, state: &mut RequestState, pieces: &Pieces<'_>) -> Option<Asking> {
        if state.opened {
            return None;
        }
        state.present = pieces.present();
        match self.sessions().find_here(self.sessions().open(pieces)) {
            Ok(found) if self.must_find_tenant(&found) => {
                let this = self.clone();
                Some(Box::pin(async move {
                    this.settle_with(this.accepted(found)).await
                }))
            }
            Ok(found) => {
                self.settle(state, found);
                None
            }
            Err(cookie) => {
                let this = self.clone();
                Some(Box::pin(async move {
                    let lookup = async { this.accepted(this.sessions().find(cookie).await?).await };
                    this.settle_with(lookup).await
                }))
            }
        }
    }

    /// Records what a lookup finds, unless another caller has. It finds `None` if the session does not count here, where
    /// it stays as it is.
    async fn settle_with(
        &self,
        lookup: impl Future<Output = Result<Option<Lookup>, Error>>,
    ) -> Result<(), Error> {
        let _asking = self.0.asking.lock().await;
        if self.state().opened {
            return Ok(());
        }
        let found = lookup.await;
        let found = found.inspect_err(|_| telemetry::session_opened("failed"))?;
        let mut state = self.state();
        match found {
            Some(found) => self.settle(&mut state, found),
            None => state.opened = true,
        }
        Ok(())
    }

    /// Records what was found.
    fn settle(&self, state: &mut RequestState, found: Lookup) {
        state.opened = true;
        match found {
            Lookup::Active {
                loaded, write_due, ..
            } => {
                telemetry::session_opened("active");
                let loaded = match write_due {
                    true => self.sessions().extended(&loaded),
                    false => loaded,
                };
                let user = self.0.context.user(&loaded.session);
                let user = user.stored_under(loaded.ticket.as_ref().map(Ticket::key));
                state.user = Some(user);
                state.loaded = Some(loaded);
                state.write = write_due;
            }
            Lookup::Ended { why, loaded } => {
                tracing::debug!(event = "session_over", code = why.code(), %why, "the session has ended");
                telemetry::session_opened(why.code());
                state.set_ended(why, Some(loaded));
            }
            // A session that began meanwhile has a cookie of the same name: a late response must not remove it.
            Lookup::NotFound => telemetry::session_opened("not_found"),
            Lookup::Invalid => {
                // A login or logout looks even where there is no cookie.
                if !state.present.is_empty() {
                    telemetry::session_opened("unreadable");
                }
                state.write = true;
            }
        }
    }

    fn sessions(&self) -> &Arc<Sessions> {
        &self.0.context.sessions
    }

    fn state(&self) -> MutexGuard<'_, RequestState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RequestState {
    fn loaded(&self) -> Option<LoadedSession> {
        self.loaded.clone()
    }

    fn known_end(&self) -> Option<SessionEnd> {
        self.ended.as_ref().map(|(why, _)| *why)
    }

    /// The session that the request brought, active or not.
    fn brought(&self) -> Option<&LoadedSession> {
        let ended = || self.ended.as_ref().and_then(|(_, ended)| ended.as_ref());
        self.loaded.as_ref().or_else(ended)
    }

    fn set_ended(&mut self, why: SessionEnd, session: Option<LoadedSession>) {
        self.ended = Some((why, session));
        // A sign-out has removed the cookies already; there may be those of a newer session by now.
        self.write = why != SessionEnd::SignedOut;
    }
}

impl fmt::Debug for RequestSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestSession")
            .field("opened", &self.state().opened)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::client::Registration;
    use crate::io::SystemRandom;
    use crate::io::scripted::{ScriptedHttp, StoppedClock};
    use crate::relying_party::{RelyingParty, RelyingPartyConfig};
    use crate::session::Session;
    use crate::sessions::SessionCookie;
    use crate::sessions::example::{config, sessions};

    impl RequestSession {
        /// A request at 1001 of somebody who has this session, sealed.
        pub(super) fn example(session: &Arc<Session>) -> Self {
            let this = Self::example_among(sessions(None, 1_001));
            this.set_loaded(LoadedSession {
                session: Arc::clone(session),
                ticket: None,
            });
            this
        }

        /// A request whose session, if it has one, is one of these.
        pub(crate) fn example_among(sessions: Arc<Sessions>) -> Self {
            let background = config(StoppedClock(1_001)).background;
            let relying_party = RelyingParty::new(RelyingPartyConfig {
                registration: Registration::example(),
                login_options: crate::authorization::LoginOptions::new(),
                http: Arc::new(ScriptedHttp::default()),
                leeway: 0,
                background: Arc::clone(&background),
                clock: Arc::new(StoppedClock(1_001)),
                random: Arc::new(SystemRandom::default()),
            });
            let context = Context {
                sessions,
                relying_parties: RelyingParties::new([relying_party], 0),
                hooks: Hooks::default(),
                background,
                origin: "https://app.example.com".to_owned(),
                stripped_path: String::new(),
                csrf: Csrf::Unchecked,
            };
            Self::new(Arc::new(context), None)
        }
    }

    /// A request that has something to write, one cookie of its own, and its session.
    fn request_session() -> (RequestSession, Arc<Session>) {
        let session = Arc::new(Session::example());
        let this = RequestSession::example(&session);
        let field = format!("{}=x", this.sessions().cookie_name());
        let pieces = this.sessions().pieces([field.as_bytes()].into_iter());
        this.state().present = pieces.present();
        (this, session)
    }

    /// What the response does with the session cookie: its values, `""` where it is removed.
    fn left(this: &RequestSession) -> Vec<String> {
        let mut response = HeaderMap::new();
        this.apply_to(&mut response);
        let lines = response.get_all(header::SET_COOKIE).into_iter();
        let value = |line: &HeaderValue| {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            let (found, value) = pair.split_once('=').unwrap();
            assert_eq!(found, this.sessions().cookie_name());
            value.to_owned()
        };
        lines.map(value).collect()
    }

    #[test]
    fn a_response_writes_no_session_that_has_ended_meanwhile() {
        for why in [
            SessionEnd::EndedByProvider,
            SessionEnd::Revoked,
            SessionEnd::Ceiling,
        ] {
            let (this, session) = request_session();
            this.sessions().refreshes().end(&session, why, 1_001);
            assert_eq!(left(&this), [""], "{why:?}");
        }
        // Who signed out had it removed then. The cookie there by now may be a newer session's.
        let (this, session) = request_session();
        let refreshes = this.sessions().refreshes();
        refreshes.end(&session, SessionEnd::SignedOut, 1_001);
        assert_eq!(left(&this), [""; 0]);
    }

    #[test]
    fn a_late_refusal_leaves_the_cookie_of_the_session_that_followed() {
        for remembered in [true, false] {
            let (this, session) = request_session();
            let refreshes = this.sessions().refreshes();
            if remembered {
                refreshes.end(&session, SessionEnd::Revoked, 1_001);
            }
            this.set_ended(SessionEnd::Revoked);
            assert_eq!(left(&this), [""], "{remembered}");
            // The browser has signed in once more, while this request was under way.
            refreshes.end(&session, SessionEnd::SignedOut, 1_001);
            assert_eq!(left(&this), [""; 0], "{remembered}");
        }
    }

    #[test]
    fn a_response_writes_the_newest_generation() {
        let (this, session) = request_session();
        let mut newer = (*session).clone();
        newer.generation = 7;
        let refreshes = this.sessions().refreshes();
        assert!(refreshes.advance(&Arc::new(newer), 1_001));
        let cookies = left(&this);
        let sessions = this.sessions();
        let field = format!("{}={}", sessions.cookie_name(), cookies[0]);
        let pieces = sessions.pieces([field.as_bytes()].into_iter());
        let SessionCookie::Sealed(Lookup::Active {
            found_generation, ..
        }) = sessions.open(&pieces)
        else {
            panic!("no session in {cookies:?}")
        };
        assert_eq!((cookies.len(), found_generation), (1, 7));
    }
}
