//! Ending sessions from the application, and shutting down.

use super::Gate;
use crate::background::Room;
use crate::error::Error;
use crate::hook::Logout;
use crate::logout::LogoutTarget;
use crate::session::{SessionEnd, User};
use crate::telemetry;

impl Gate {
    /// Ends every session that a person has begun so far, wherever they are signed in: for "log out everywhere", or
    /// when an account is closed. The person is identified by the `iss` and `sub` of the ID token ([OpenID Connect Core
    /// 1.0 §5.7](https://openid.net/specs/openid-connect-core-1_0.html#ClaimStability)), which are
    /// [`User::issuer`](crate::User::issuer) and [`User::subject`](crate::User::subject).
    ///
    /// For a person of a tenant, call [`Gate::end_sessions_of_tenant`]: this method ends none of their sessions.
    ///
    /// Requests in flight may still be answered, but leave no session behind; the cookie of the calling session is
    /// removed with the next request. The provider is not told, and the person can sign in again. In an
    /// [`on_login`](crate::GateBuilder::on_login) hook it also ends the session that is just beginning: in a hook, call
    /// [`Gate::end_other_sessions_of`].
    ///
    /// Sessions in a store end on every node that shares it, as long as the store has an index; all others end on this
    /// node, and on every node where nodes share revocations
    /// ([`GateBuilder::revocations_in`](crate::GateBuilder::revocations_in)). Once begun, it runs to completion even if
    /// the future is dropped.
    ///
    /// ```
    /// # use latchgate::{Error, Gate, User};
    /// async fn log_out_everywhere(gate: Gate, user: User) -> Result<(), Error> {
    ///     gate.end_sessions_of(user.issuer(), user.subject()).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when a store fails: some sessions may not have ended. Call it again.
    pub async fn end_sessions_of(&self, issuer: &str, subject: &str) -> Result<(), Error> {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        self.run_to_end(|gate| async move {
            let target = LogoutTarget::Person(subject);
            gate.sessions().end_named(&issuer, &target).await?;
            gate.notify_all_ended(&issuer, None, &target);
            Ok(())
        })
        .await
    }

    /// Ends every session that a person has begun so far, except the one that `user` comes from: for "sign out my other
    /// devices", or for an [`on_login`](crate::GateBuilder::on_login) hook that allows each person one session.
    /// Otherwise as [`Gate::end_sessions_of`].
    ///
    /// ```
    /// # use latchgate::{Gate, LoginRejection, User};
    /// async fn one_session_each(gate: Gate, user: User) -> Result<(), LoginRejection> {
    ///     Ok(gate.end_other_sessions_of(&user).await?)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when a store fails: some sessions may not have ended. Call it again. [`Error::SessionEnded`]
    /// when the session of `user` has itself ended.
    pub async fn end_other_sessions_of(&self, user: &User) -> Result<(), Error> {
        if user.session().is_none() {
            // It is made with an access token, so all of them are others.
            return self.end_sessions_of(user.issuer(), user.subject()).await;
        }
        let user = user.clone();
        self.run_to_end(|gate| async move {
            gate.sessions().end_others(&user).await?;
            let target = LogoutTarget::Person(user.subject().to_owned());
            gate.notify_all_ended(user.issuer(), user.tenant(), &target);
            Ok(())
        })
        .await
    }

    pub(super) fn notify_all_ended(
        &self,
        issuer: &str,
        tenant: Option<&str>,
        target: &LogoutTarget,
    ) {
        let end = Logout::by_name(issuer, target, SessionEnd::SignedOut).at_tenant(tenant);
        self.0.context.notify_logout(end);
        telemetry::logged_out("by_application");
        tracing::info!(
            event = "sessions_ended",
            issuer,
            tenant,
            ?target,
            "the application ended the sessions of a person"
        );
    }

    /// Waits for all background work: token refreshes, logouts that a store has yet to record, token revocations,
    /// hooks. Call it on shutdown, once the server answers no more requests; work that starts after `drain` is not
    /// waited for.
    ///
    /// With a store that is down this can take a little over a minute, so give it a time limit:
    ///
    /// ```
    /// # use std::time::Duration;
    /// # async fn stop(gate: latchgate::Gate) {
    /// if tokio::time::timeout(Duration::from_secs(10), gate.drain()).await.is_err() {
    ///     eprintln!("stopped before everything was done");
    /// }
    /// # }
    /// ```
    pub async fn drain(&self) {
        self.0.background.drain().await;
    }

    /// Runs work that ends sessions to completion, even if the client hangs up.
    pub(super) async fn run_to_end<T, F>(&self, work: impl FnOnce(Self) -> F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let ended = self.0.background.run(Room::Ends, work(self.clone())).await;
        ended.unwrap_or(Err(Error::Interrupted))
    }
}
