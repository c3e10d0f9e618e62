//! A login that never took place, as a test describes it, and the session that it would have started.

use std::fmt;
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::lifetime::{Lifetimes, SessionEnd};
use super::session::{Session, SessionStart};
use super::tokens::Tokens;
use crate::authorization::CookiePersistence;
use crate::client::{Registration, SenderConstraint};
use crate::jose::ProofKey;
use crate::token::{IdToken, IdTokenError, TokenResponse};

/// A login that never took place, for [`Gate::test_login`](crate::Gate::test_login).
///
/// [`TestLogin::new`] is an ordinary login that has just happened; tests change what matters to them.
#[derive(Clone)]
#[non_exhaustive]
pub struct TestLogin {
    /// The provider, by its name ([`Provider::name`](crate::Provider::name)). `None`: the first.
    pub provider: Option<String>,
    /// The person's identifier (`sub`), 1 to 255 characters.
    pub subject: String,
    /// Further claims of the ID token. They replace what a login would bring (`iss`, `aud`, `iat`, `exp`, `auth_time`), but
    /// not `sub`.
    pub claims: Map<String, Value>,
    /// Roles, put into the first claim in which the gate looks for them.
    pub roles: Vec<String>,
    /// Permissions, likewise.
    pub permissions: Vec<String>,
    /// The access token.
    pub access_token: String,
    /// The granted scope. `None`: the requested one.
    pub scope: Option<String>,
    /// The refresh token. `None`: the provider granted none.
    pub refresh_token: Option<String>,
    /// How long ago the access token was issued.
    pub access_token_age: Duration,
    /// The lifetime of the access token, from when it was issued. `None`: the provider did not say.
    pub expires_in: Option<Duration>,
    /// How long ago the person signed in at the provider (`auth_time`), and the session began.
    pub age: Duration,
    /// Whether the session outlives the browser.
    pub remembered: CookiePersistence,
    /// The application's own value. `None`: the [`on_login`](crate::GateBuilder::on_login) hook is asked, as at any login.
    pub data: Option<Value>,
    /// Why the session has ended, if it has.
    pub ended: Option<SessionEnd>,
}

impl TestLogin {
    /// Somebody with this identifier has signed in at the first provider, just now. The access token is `test-access-token`
    /// and lasts an hour; there is no refresh token.
    #[must_use]
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            provider: None,
            subject: subject.into(),
            claims: Map::new(),
            roles: Vec::new(),
            permissions: Vec::new(),
            access_token: "test-access-token".to_owned(),
            scope: None,
            refresh_token: None,
            access_token_age: Duration::ZERO,
            expires_in: Some(Duration::from_secs(3_600)),
            age: Duration::ZERO,
            remembered: CookiePersistence::default(),
            data: None,
            ended: None,
        }
    }

    /// The session that the login starts, with tokens that nobody has issued.
    ///
    /// # Errors
    ///
    /// If the subject is empty or too long.
    pub(crate) fn session(
        &self,
        registration: &Registration,
        start: SessionStart,
    ) -> Result<Session, IdTokenError> {
        let now = start.at;
        let response = TokenResponse {
            access_token: self.access_token.clone(),
            expires_in: self.expires_in.map(|lifetime| lifetime.as_secs()),
            refresh_token: self.refresh_token.clone(),
            scope: self.scope.clone(),
            id_token: None,
            authorization_details: None,
        };
        let requested = registration.scopes.join(" ");
        let issued_at = now.saturating_sub(self.access_token_age.as_secs());
        let begun = SessionStart {
            at: now.saturating_sub(self.age.as_secs()),
            ..start
        };
        let claims = self.id_token_claims(registration, begun.at);
        let id_token = IdToken::of_test(&raw(registration, &claims), claims)?;
        let mut session = if registration.plain_oauth2.is_some() {
            let tokens = Tokens::plain(&response, &requested, issued_at);
            Session::begin_plain(registration, tokens, &id_token.claims, begun)
        } else {
            let tokens = Tokens::new(&response, &id_token, &requested, issued_at);
            Session::begin(registration, &id_token, tokens, None, begun)
        };
        session.times.extend_idle(now, start.lifetimes);
        if registration.binding == SenderConstraint::Dpop {
            // Any key will do, but it has to be one.
            session.dpop_key = ProofKey::of([7; 32]);
        }
        session.extras.remembered = self.remembered;
        Ok(session)
    }

    fn id_token_claims(&self, registration: &Registration, at: u64) -> Map<String, Value> {
        let mut claims = Map::new();
        for (name, value) in [
            ("iss", json!(registration.issuer.as_str())),
            ("aud", json!(registration.client_id)),
            ("iat", json!(at)),
            ("exp", json!(at.saturating_add(3_600))),
            ("auth_time", json!(at)),
        ] {
            claims.insert(name.to_owned(), value);
        }
        if registration.plain_oauth2.is_some() {
            claims.clear();
        }
        claims.extend(self.claims.clone());
        claims.insert("sub".to_owned(), json!(self.subject));
        let paths = &registration.claim_paths;
        paths.add_roles(&mut claims, &self.roles);
        paths.add_permissions(&mut claims, &self.permissions);
        claims
    }
}

impl Session {
    /// This session as it would be if it had reached this limit at `now`. Unchanged if the reason is not a time limit.
    pub(crate) fn timed_out(&self, why: SessionEnd, now: u64, lifetimes: Lifetimes) -> Self {
        let mut session = self.clone();
        let times = &mut session.times;
        match why {
            SessionEnd::Idle => {
                times.used_at = now.saturating_sub(lifetimes.idle);
                times.begun_at = times.begun_at.min(times.used_at);
                times.idle_deadline = now;
            }
            SessionEnd::Absolute => {
                times.begun_at = now.saturating_sub(lifetimes.absolute);
                (times.absolute_deadline, times.idle_deadline) = (now, now);
            }
            SessionEnd::ClockWentBack => times.used_at = now.saturating_add(3_600),
            SessionEnd::Ceiling => session.extras.ceiling.session_expiry = Some(now),
            _ => {}
        }
        session
    }
}

/// The ID token as it would have been sent, without a signature.
fn raw(registration: &Registration, claims: &Map<String, Value>) -> String {
    let header = json!({ "alg": registration.id_token_alg.as_str(), "typ": "JWT" }).to_string();
    let claims = serde_json::to_string(claims).unwrap_or_default();
    let parts = [header.as_bytes(), claims.as_bytes(), b"made by a test"];
    parts
        .map(|part| URL_SAFE_NO_PAD.encode_to_string(part))
        .join(".")
}

impl fmt::Debug for TestLogin {
    /// Without claims and tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestLogin")
            .field("provider", &self.provider)
            .field("subject", &self.subject)
            .field("roles", &self.roles)
            .field("permissions", &self.permissions)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{ClaimPaths, ProviderPreset};
    use std::sync::Arc;

    const START: SessionStart = SessionStart {
        id: [1; 16],
        at: 100_000,
        lifetimes: Lifetimes {
            idle: 600,
            absolute: 6_000,
            ceiling: crate::session::SessionCeiling::SessionExpiry,
        },
    };

    #[test]
    fn it_is_a_session_of_the_registration() {
        let registration = Registration::example();
        let mut login = TestLogin::new("alice");
        login.claims.insert("sub".to_owned(), json!("mallory"));
        login
            .claims
            .insert("sid".to_owned(), json!("their session"));
        login.age = Duration::from_secs(60);
        let session = login.session(&registration, START).unwrap();
        assert_eq!(session.registration, registration.id);
        assert_eq!(
            (&*session.issuer, &*session.subject, session.sid.as_deref()),
            ("https://op.example", "alice", Some("their session"))
        );
        assert_eq!(session.auth_time, Some(99_940));
        assert_eq!(
            (session.times.begun_at, session.deadline()),
            (99_940, 100_600)
        );
        assert_eq!(session.claims()["aud"], "my-app");
        assert_eq!(&*session.tokens.scope, "openid email");
        assert!(session.id_token().unwrap().starts_with("ey"));
        assert!(!session.is_by_application());
        assert!(TestLogin::new("").session(&registration, START).is_err());
    }

    #[test]
    fn roles_are_where_the_gate_looks_for_them() {
        for preset in [
            ProviderPreset::Plain,
            ProviderPreset::Keycloak,
            ProviderPreset::EntraId,
        ] {
            let paths = Arc::new(ClaimPaths::of(preset));
            let registration = Registration {
                claim_paths: Arc::clone(&paths),
                ..Registration::example()
            };
            let mut login = TestLogin::new("alice");
            login.roles = vec!["admin".to_owned(), "user".to_owned()];
            login.permissions = vec!["orders:read".to_owned()];
            let session = login.session(&registration, START).unwrap();
            let user = crate::session::User::new(Arc::new(session), paths);
            assert_eq!(user.roles(), ["admin", "user"], "{preset:?}");
            assert_eq!(user.permissions(), ["orders:read"], "{preset:?}");
        }
    }

    #[test]
    fn it_has_ended_for_the_reason_that_the_test_gives() {
        let session = TestLogin::new("alice")
            .session(&Registration::example(), START)
            .unwrap();
        assert_eq!(session.ended(100_000), None);
        for why in [
            SessionEnd::Idle,
            SessionEnd::Absolute,
            SessionEnd::ClockWentBack,
            SessionEnd::Ceiling,
        ] {
            let over = session.timed_out(why, 100_000, START.lifetimes);
            assert_eq!(over.ended(100_000), Some(why));
        }
    }
}
