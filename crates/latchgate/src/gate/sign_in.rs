//! Sessions that the application starts itself, with the cookies, lifetimes and logouts of any other.

use std::sync::Arc;

use http::{HeaderValue, header};

use super::Gate;
use crate::authorization::VisitorAtStart;
use crate::background::Room;
use crate::error::Error;
use crate::head::RequestHead;
use crate::request_session::{RequestSession, ResponseHead, keep_out_of_caches};
use crate::session::{Person, Session, SessionEnd};
use crate::sessions::LoadedSession;
use crate::telemetry;
use crate::visitor::Visitor;

/// The session that the application has started: the response to the request that it was started by must carry it.
#[derive(Debug)]
#[must_use = "the response has to carry the session's cookies"]
pub struct SignedIn {
    pub(super) cookies: Vec<HeaderValue>,
}

impl SignedIn {
    /// Adds the session's cookies to the response. Adapters have shorter ways.
    pub fn apply_to(&self, response: &mut dyn ResponseHead) {
        for cookie in &self.cookies {
            response.append(header::SET_COOKIE, cookie.clone());
        }
        keep_out_of_caches(response);
    }
}

impl Gate {
    /// Starts a session for somebody whom the application has identified itself: alongside the login at the provider for people with
    /// a password of its own, or for impersonation. `head` is the request's; a session that it brings ends.
    ///
    /// The session has the cookies, the lifetimes and the store of any other, and ends by the same logouts: at
    /// [`logout_path`](Self::logout_path), by [`end_sessions_of`](Self::end_sessions_of), and, if the person is one of the
    /// provider's ([`Person::issuer`]), by a back-channel logout. The [`on_login`](crate::GateBuilder::on_login) hook
    /// runs, and may reject it. Roles and permissions are read from the same claims as the first provider's.
    ///
    /// It has nothing that comes from a provider: there are no tokens, so nothing is refreshed, and handlers cannot get an
    /// `AccessToken` ([`Error::NoAccessToken`]). A logout ends the session here and goes nowhere else. A guard that needs
    /// another authentication sends the person to the provider's login.
    ///
    /// Call it only for a form that was sent from a page of the application: anyone who can make a browser send the form can
    /// sign that browser in as somebody else.
    ///
    /// # Errors
    ///
    /// [`Error::NoSubject`] when the subject is empty or longer than 255 characters; [`Error::Hook`] when the hook rejects
    /// or fails; [`Error::SessionTooLarge`] when the claims do not fit into cookies; [`Error::Store`] when a store fails.
    pub fn sign_in(
        &self,
        person: Person,
        head: &dyn RequestHead,
    ) -> impl Future<Output = Result<SignedIn, Error>> + Send + use<> {
        let brought = RequestSession::brought(Arc::clone(&self.0.context));
        let opening = brought.open(&head.cookie_fields());
        // The application has said that the form came from a page of its own. What the handler has set counts.
        let visitor = self.visitor_at_login(
            Some(VisitorAtStart::InCookie),
            head.cookie_fields().into_iter(),
            false,
        );
        let gate = self.clone();
        async move {
            let starting = gate.clone();
            let started = async move {
                starting
                    .start_session(person, visitor, brought, opening)
                    .await
            };
            let started = gate.0.background.run(Room::Logins, started).await;
            started.unwrap_or(Err(Error::Interrupted))
        }
    }

    async fn start_session(
        &self,
        person: Person,
        visitor: Visitor,
        brought: RequestSession,
        opening: impl Future<Output = Result<Option<LoadedSession>, Error>> + Send,
    ) -> Result<SignedIn, Error> {
        if person.subject.is_empty() || person.subject.chars().count() > 255 {
            return Err(Error::NoSubject);
        }
        let sessions = self.sessions();
        let beginning = sessions.beginning()?;
        let own_issuer = format!("{}{}", self.0.base.origin, self.0.base.path);
        let remembered = self.0.remember_me.decide(person.remembered);
        // Somebody who has signed out is left alone by silent logins until now.
        let party = person.issuer.as_deref();
        let party = party.and_then(|issuer| self.relying_parties().at(issuer));
        let party = party.map_or("", |party| &party.registration().name);
        let marker = self.marked_as_signed_in(party);
        let session = Session::by_application(person, &own_issuer, beginning.start);
        let mut session = sessions.admit(session, &beginning).await?;
        session.extras.remembered = remembered;
        let session = self.run_login_hook(session, &visitor).await?;
        let replaced = opening.await?;
        let begun = sessions.begin(session, &beginning, brought.present());
        let (session, mut cookies) = begun.await?;
        cookies.extend(visitor.cookie().into_iter().chain(marker));
        telemetry::login_ended("application", "signed_in", None);
        let actor = session.claims().get("act").cloned();
        tracing::info!(
            event = "signed_in_by_application",
            issuer = &*session.issuer,
            subject = &*session.subject,
            actor = actor.map(|actor| actor.to_string()),
            "the application has started a session"
        );
        if let Some(replaced) = &replaced {
            sessions.end(replaced, SessionEnd::SignedOut).await;
            self.revoke_replaced(&replaced.session, &session);
        }
        Ok(SignedIn { cookies })
    }
}
