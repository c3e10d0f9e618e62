//! The session: who signed in at which provider, until when, and the tokens.

use std::sync::OnceLock;

use bytestring::ByteString;
use serde_json::{Map, Value};

use super::access_token::AccessToken;
use super::ceiling::Ceiling;
use super::extras::{Extras, UserinfoAge};
use super::lifetime::{Lifetimes, SessionEnd, Times};
use super::tokens::Tokens;
use crate::client::Registration;
use crate::jose::ProofKey;
use crate::token::{IdToken, TokenResponse};

/// A session, as it is sealed. A person's identity is (`issuer`, `subject`).
#[derive(Clone)]
pub(crate) struct Session {
    /// Identifies the session as long as it lasts. New at every login.
    pub(crate) id: [u8; 16],
    /// Counts the changes, so that a late response never brings an older state back.
    pub(crate) generation: u32,
    /// The registration that it came from.
    pub(crate) registration: ByteString,
    pub(crate) issuer: ByteString,
    pub(crate) subject: ByteString,
    /// The provider's own session, for back-channel logout.
    pub(crate) sid: Option<ByteString>,
    pub(crate) auth_time: Option<u64>,
    pub(crate) times: Times,
    pub(crate) tokens: Tokens,
    /// Claims of the userinfo endpoint, as JSON. Empty when it was not called.
    pub(crate) userinfo: ByteString,
    pub(crate) extras: Extras,
    /// What the login's ID token said about the authentication and a refreshed one leaves out, as JSON. Usually empty.
    pub(crate) authentication: ByteString,
    /// The key that the tokens are bound to, if they are.
    pub(crate) dpop_key: Option<ProofKey>,
    /// The granted `authorization_details` as JSON, or empty.
    pub(crate) authorization_details: ByteString,
    pub(super) parsed: ParsedClaims,
}

/// The claims of a session, parsed on first use. A shared session no longer changes; a copy may, and so starts without
/// them.
#[derive(Default)]
pub(crate) struct ParsedClaims {
    pub(super) claims: OnceLock<Map<String, Value>>,
    pub(super) access_token: OnceLock<Map<String, Value>>,
}

impl Clone for ParsedClaims {
    fn clone(&self) -> Self {
        Self::default()
    }
}

debug_fields!(Session {
    issuer,
    subject,
    generation
});

/// What a new session needs, besides the person.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionStart {
    /// A new random id.
    pub(crate) id: [u8; 16],
    /// In seconds since the epoch.
    pub(crate) at: u64,
    pub(crate) lifetimes: Lifetimes,
}

/// What must be known of a session to end it, even when the session itself is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndedSession {
    pub(crate) id: [u8; 16],
    /// Its absolute deadline.
    pub(crate) until: u64,
}

impl EndedSession {
    pub(crate) fn of(session: &Session) -> Self {
        Self {
            id: session.id,
            until: session.times.absolute_deadline,
        }
    }
}

impl Session {
    /// Begins a session.
    pub(crate) fn begin(
        registration: &Registration,
        id_token: &IdToken,
        tokens: Tokens,
        userinfo: Option<&Map<String, Value>>,
        start: SessionStart,
    ) -> Self {
        Self {
            id: start.id,
            generation: 0,
            registration: registration.id.as_str().into(),
            issuer: id_token.issuer.as_str().into(),
            subject: id_token.subject.as_str().into(),
            sid: id_token.sid.as_deref().map(ByteString::from),
            auth_time: id_token.auth_time,
            times: Times::begin(start.at, start.lifetimes),
            tokens,
            userinfo: userinfo.map(json).unwrap_or_default(),
            extras: Extras {
                ceiling: Ceiling::begin(id_token, start.lifetimes.ceiling),
                ..Extras::default()
            },
            authentication: ByteString::new(),
            dpop_key: None,
            authorization_details: ByteString::new(),
            parsed: ParsedClaims::default(),
        }
    }

    /// Begins a session of somebody whose provider has no ID tokens. `claims` has their `sub`.
    pub(crate) fn begin_plain(
        registration: &Registration,
        tokens: Tokens,
        claims: &Map<String, Value>,
        start: SessionStart,
    ) -> Self {
        let subject = claims.get("sub").and_then(Value::as_str);
        Self {
            id: start.id,
            generation: 0,
            registration: registration.id.as_str().into(),
            issuer: registration.issuer.as_str().into(),
            subject: subject.unwrap_or_default().into(),
            sid: None,
            auth_time: None,
            times: Times::begin(start.at, start.lifetimes),
            tokens,
            userinfo: json(claims),
            dpop_key: None,
            authentication: ByteString::new(),
            authorization_details: ByteString::new(),
            extras: Extras::default(),
            parsed: ParsedClaims::default(),
        }
    }

    /// The ID token as the provider sent it, if there is one.
    pub(crate) fn id_token(&self) -> Option<String> {
        let id_token = &self.tokens.id_token;
        id_token.payload().map(|_| id_token.text())
    }

    /// This session with new tokens, in the next generation.
    pub(crate) fn refreshed(&self, tokens: Tokens, id_token: Option<&IdToken>) -> Self {
        let mut extras = self.extras.clone();
        if let Some(fresh) = id_token {
            extras.ceiling = extras.ceiling.moved(fresh);
            if !self.userinfo.is_empty() {
                extras.userinfo_age = UserinfoAge::OlderThanIdToken;
            }
        }
        Self {
            generation: self.generation.saturating_add(1),
            sid: id_token
                .and_then(|fresh| fresh.sid.as_deref())
                .map(ByteString::from)
                .or_else(|| self.sid.clone()),
            authentication: match id_token {
                Some(fresh) => self.authentication_beside(fresh),
                None => self.authentication.clone(),
            },
            tokens,
            extras,
            ..self.clone()
        }
    }

    /// Replaces what was granted beyond the scope, if a token response says so (RFC 9396 §7).
    pub(crate) fn set_authorization_details(&mut self, response: &TokenResponse) {
        if let Some(granted) = &response.authorization_details {
            self.authorization_details = granted.as_str().into();
        }
    }

    /// Replaces the claims of the userinfo endpoint.
    pub(crate) fn set_userinfo(&mut self, claims: &Map<String, Value>) {
        self.userinfo = json(claims);
        self.extras.userinfo_age = UserinfoAge::default();
    }

    /// Replaces the roles and permissions with those of the current access token.
    pub(crate) fn set_access_token_claims(&mut self, claims: &Map<String, Value>) {
        self.extras.access_token_claims = match claims.is_empty() {
            true => String::new(),
            false => serde_json::to_string(claims).unwrap_or_default(),
        };
    }

    /// This session, in the next generation, with the tokens of `fresh` and the claims that came with them.
    pub(crate) fn with_tokens_of(&self, fresh: &Self) -> Self {
        Self {
            generation: self.generation.saturating_add(1),
            sid: fresh.sid.clone(),
            tokens: fresh.tokens.clone(),
            authentication: fresh.authentication.clone(),
            userinfo: fresh.userinfo.clone(),
            authorization_details: fresh.authorization_details.clone(),
            extras: Extras {
                ceiling: fresh.extras.ceiling,
                userinfo_age: fresh.extras.userinfo_age,
                access_token_claims: fresh.extras.access_token_claims.clone(),
                ..self.extras.clone()
            },
            ..self.clone()
        }
    }

    /// The access token, as handlers see it.
    pub(crate) fn access_token(&self, now: u64) -> AccessToken {
        let tokens = &self.tokens;
        AccessToken::new(
            tokens.access_token.text(),
            tokens.expires_in(now),
            tokens.scope.to_string(),
        )
    }

    /// Whether the access token should be refreshed before it is used. Sessions that began at the same time differ a
    /// little, so that they do not all call the provider at once.
    pub(crate) fn refresh_due(&self, now: u64) -> bool {
        self.tokens.refresh_due(now, self.id[0])
    }

    /// Why the session has ended at `now`, if it has, apart from what only a store knows.
    pub(crate) fn ended(&self, now: u64) -> Option<SessionEnd> {
        self.times.ended(self.extras.ceiling.at(), now)
    }

    /// When the session ends unless it is used or refreshed, in seconds since the epoch. Its cookie and its record last no
    /// longer.
    pub(crate) fn deadline(&self) -> u64 {
        let ceiling = self.extras.ceiling.at();
        ceiling.map_or(self.times.idle_deadline, |ceiling| {
            ceiling.min(self.times.idle_deadline)
        })
    }

    /// When the session ends however much it is used, as far as is known, in seconds since the epoch.
    pub(crate) fn latest_deadline(&self) -> u64 {
        let latest = self.times.absolute_deadline;
        let ceiling = self.extras.ceiling.at();
        ceiling.map_or(latest, |ceiling| ceiling.min(latest))
    }
}

/// Claims as the session keeps them.
fn json(claims: &Map<String, Value>) -> ByteString {
    serde_json::to_string(claims).unwrap_or_default().into()
}

#[cfg(test)]
impl Session {
    /// A session that tests start from: begun at 1000, its access token good for an hour.
    pub(crate) fn example() -> Self {
        Self::example_of(&serde_json::json!({
            "iss": "https://op.example",
            "sub": "248289761001",
            "sid": "their session",
            "auth_time": 990,
            "email": "jane@example.com",
        }))
    }

    /// The same for other claims of the ID token.
    pub(crate) fn example_of(claims: &Value) -> Self {
        let id_token = IdToken::example(claims);
        let response = crate::token::TokenResponse {
            access_token: "an opaque~token".to_owned(),
            expires_in: Some(3_600),
            refresh_token: Some("a refresh token".to_owned()),
            scope: None,
            id_token: None,
            authorization_details: None,
        };
        Self::begin(
            &Registration::example(),
            &id_token,
            Tokens::new(&response, &id_token, "openid email", 1_000),
            None,
            SessionStart {
                id: [1; 16],
                at: 1_000,
                lifetimes: Lifetimes {
                    idle: 600,
                    absolute: 6_000,
                    ..Lifetimes::default()
                },
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn rich() -> Session {
        let mut session = Session::example();
        session.generation = 300;
        session.userinfo = r#"{"sub":"248289761001","name":"Jane"}"#.into();
        session
    }

    fn answer(change: impl FnOnce(&mut TokenResponse)) -> TokenResponse {
        let mut response = TokenResponse {
            access_token: "newer".to_owned(),
            expires_in: None,
            refresh_token: None,
            scope: None,
            id_token: None,
            authorization_details: None,
        };
        change(&mut response);
        response
    }

    #[test]
    fn a_session_begins_with_what_the_provider_said() {
        let session = Session::example();
        assert_eq!((session.id, session.generation), ([1; 16], 0));
        assert_eq!(
            (&*session.issuer, &*session.subject, session.auth_time),
            ("https://op.example", "248289761001", Some(990))
        );
        assert_eq!(session.sid.as_deref(), Some("their session"));
        assert_eq!(session.tokens.scope, "openid email");
        assert_eq!(session.ended(1_599), None);
        assert_eq!(session.ended(1_600), Some(SessionEnd::Idle));
    }

    /// RFC 6749 §5.1.
    #[test]
    fn a_missing_scope_is_the_requested_one_and_an_empty_one_is_none() {
        let id_token = IdToken::example(&json!({ "sub": "1" }));
        for (granted, scope) in [
            (None, "openid a"),
            (Some("openid"), "openid"),
            (Some(""), ""),
        ] {
            let response = answer(|response| response.scope = granted.map(str::to_owned));
            assert_eq!(
                Tokens::new(&response, &id_token, "openid a", 0).scope,
                scope
            );
        }
    }

    #[test]
    fn a_ceiling_bounds_the_deadline_until_a_refresh_moves_it() {
        let claims = |expiry: u64| json!({ "sub": "1", "session_expiry": expiry });
        let session = Session::example_of(&claims(1_300));
        assert_eq!(session.deadline(), 1_300);
        assert_eq!(session.ended(1_300), Some(SessionEnd::Ceiling));
        let fresh = IdToken::example(&claims(9_999));
        let moved = session.refreshed(session.tokens.clone(), Some(&fresh));
        assert_eq!(moved.deadline(), 1_600, "idle");
        assert_eq!(moved.ended(6_999), Some(SessionEnd::Idle));
        assert_eq!(moved.ended(7_000), Some(SessionEnd::Absolute));
        let silent = session.refreshed(session.tokens.clone(), None);
        assert_eq!(silent.deadline(), 1_300);
        let mut changed = session.clone();
        changed.extras.data = "7".to_owned();
        let merged = changed.with_tokens_of(&moved);
        assert_eq!(
            (merged.deadline(), merged.extras.data.as_str()),
            (1_600, "7")
        );
    }

    /// RFC 6749 §6.
    #[test]
    fn what_a_refresh_leaves_out_stays() {
        let before = rich();
        let silent = before.tokens.refreshed(&answer(|_| {}), None, 2_000);
        let after = before.refreshed(silent, None);
        assert_eq!((after.id, after.generation), (before.id, 301));
        assert_eq!(after.tokens.access_token.text(), "newer");
        assert_eq!(after.tokens.expires_in(2_000), None);
        assert_eq!(
            after.tokens.refresh_token.unwrap().text(),
            "a refresh token"
        );
        assert_eq!(after.tokens.scope, "openid email");
        assert!(after.tokens.id_token == before.tokens.id_token);
        assert_eq!(
            (after.sid, after.userinfo),
            (before.sid.clone(), before.userinfo.clone())
        );
        assert_eq!(after.times, before.times);
    }

    #[test]
    fn what_a_refresh_brings_replaces_what_was_there() {
        let before = rich();
        let id_token = IdToken::example(&json!({ "sub": "248289761001", "sid": "new" }));
        let response = answer(|response| {
            response.expires_in = Some(60);
            response.refresh_token = Some("rotated".to_owned());
            response.scope = Some("openid".to_owned());
        });
        let tokens = before.tokens.refreshed(&response, Some(&id_token), 2_000);
        let after = before.refreshed(tokens, Some(&id_token));
        assert_eq!(after.sid.as_deref(), Some("new"));
        assert_eq!(after.tokens.id_token.text(), id_token.raw);
        assert_eq!(after.tokens.refresh_token.unwrap().text(), "rotated");
        assert_eq!(after.tokens.access_validity, Some((2_000, 2_060)));
        assert_eq!(after.tokens.scope, "openid");
        assert_eq!(
            (after.subject, after.auth_time),
            (before.subject, before.auth_time)
        );
        let mut last = Session::example();
        last.generation = u32::MAX;
        assert_eq!(
            last.refreshed(last.tokens.clone(), None).generation,
            u32::MAX
        );
    }

    #[test]
    fn renewal_is_due_a_minute_or_a_tenth_before_the_end() {
        let due_by = |chance: u8, lifetime: Option<u64>, now: u64| {
            let response = answer(|response| response.expires_in = lifetime);
            let id_token = IdToken::example(&json!({ "sub": "1" }));
            Tokens::new(&response, &id_token, "", 1_000).refresh_due(now, chance)
        };
        let due = |lifetime, now| due_by(0, lifetime, now);
        assert!(!due(Some(3_600), 4_539) && due(Some(3_600), 4_540));
        assert!(!due(Some(100), 1_089) && due(Some(100), 1_090));
        assert!(!due(Some(1), 1_000) && due(Some(1), 1_001));
        assert!(!due(None, u64::MAX));
        assert!(due(Some(u64::MAX), u64::MAX));
        assert!(!due_by(255, Some(3_600), 4_553) && due_by(255, Some(3_600), 4_554));
    }

    #[test]
    fn the_newer_of_two_sources_counts_claim_by_claim() {
        let claims = |value: Value| value.as_object().unwrap().clone();
        let id_token = |value: Value| IdToken::example(&value);
        let mut session =
            Session::example_of(&json!({ "sub": "1", "email": "a", "roles": ["admin"] }));
        session.set_userinfo(&claims(
            json!({ "sub": "1", "roles": ["user"], "nickname": "Ada" }),
        ));
        assert_eq!(session.claims()["roles"], json!(["user"]));
        // A refresh without an ID token changes neither source.
        let silent = session.refreshed(session.tokens.clone(), None);
        assert_eq!(silent.claims(), session.claims());
        let fresh = id_token(json!({ "sub": "1", "roles": ["guest"] }));
        let response = answer(|_| {});
        let tokens = session.tokens.refreshed(&response, Some(&fresh), 2_000);
        let mut newer = session.refreshed(tokens, Some(&fresh));
        assert_eq!(newer.claims()["roles"], json!(["guest"]));
        assert_eq!(newer.claims()["nickname"], "Ada");
        assert_eq!(newer.claims().get("email"), None);
        let decoded = Session::decode(newer.encode().unwrap()).unwrap();
        assert_eq!(decoded.claims(), newer.claims());
        newer.set_userinfo(&claims(json!({ "sub": "1", "roles": ["owner"] })));
        assert_eq!(newer.claims()["roles"], json!(["owner"]));
        assert_eq!(newer.claims().get("nickname"), None);
        newer.set_access_token_claims(&claims(json!({ "roles": ["a"] })));
        // What somebody else has changed meanwhile does not bring the old claims back.
        let merged = session.with_data("7".to_owned()).with_tokens_of(&newer);
        assert_eq!(merged.claims(), newer.claims());
        assert_eq!(merged.access_token_claims(), newer.access_token_claims());
        newer.set_access_token_claims(&Map::new());
        assert!(newer.access_token_claims().is_empty());
    }

    #[test]
    fn without_userinfo_a_refresh_leaves_no_extras_behind() {
        let fresh = IdToken::example(&json!({ "sub": "1" }));
        let session = Session::example();
        let after = session.refreshed(session.tokens.clone(), Some(&fresh));
        assert_eq!(after.extras, Extras::default());
    }

    #[test]
    fn debug_shows_no_token() {
        let shown = format!("{:?}", rich());
        for secret in ["opaque", "refresh token", "eyJ", "AAAA"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_session_never_panics(place in any::<prop::sample::Index>(), with in any::<u8>()) {
            let mut encoded = rich().encode().unwrap();
            let place = place.index(encoded.len());
            encoded[place] = with;
            if let Some(session) = Session::decode(encoded.clone()) {
                let _ = (session.claims(), session.tokens.access_token.text());
            }
        }
    }
}
