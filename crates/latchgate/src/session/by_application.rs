//! Sessions that the application starts itself: they belong to no registration, and have claims but no tokens.

use base64_simd::URL_SAFE_NO_PAD;
use bytestring::ByteString;
use serde_json::Value;

use super::compact::CompactToken;
use super::extras::Extras;
use super::lifetime::Times;
use super::person::Person;
use super::session::{ParsedClaims, Session, SessionStart};
use super::tokens::Tokens;

/// In place of a registration's id, which is shorter.
pub(crate) const APPLICATION: &str = "application";

impl Session {
    /// Begins a session of somebody whom the application vouches for.
    pub(crate) fn by_application(person: Person, own_issuer: &str, start: SessionStart) -> Self {
        let issuer = person.issuer.clone();
        let issuer = issuer.unwrap_or_else(|| own_issuer.to_owned());
        let auth_time = person.is_themselves().then_some(start.at);
        let subject = person.subject.clone();
        let claims = Value::Object(person.into_claims(&issuer, auth_time)).to_string();
        // As an ID token has them, but unsigned and never sent to anybody.
        let claims = format!("e30.{}.", URL_SAFE_NO_PAD.encode_to_string(claims));
        Self {
            id: start.id,
            generation: 0,
            registration: APPLICATION.into(),
            issuer: issuer.into(),
            subject: subject.into(),
            sid: None,
            auth_time,
            times: Times::begin(start.at, start.lifetimes),
            tokens: Tokens {
                id_token: CompactToken::pack(&claims),
                access_token: CompactToken::pack(""),
                access_validity: None,
                refresh_token: None,
                scope: ByteString::new(),
            },
            userinfo: ByteString::new(),
            extras: Extras::default(),
            authentication: ByteString::new(),
            dpop_key: None,
            authorization_details: ByteString::new(),
            parsed: ParsedClaims::default(),
        }
    }

    /// Whether the application has started it, so that no provider has issued tokens for it.
    pub(crate) fn is_by_application(&self) -> bool {
        self.registration == APPLICATION
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Lifetimes;

    fn start() -> SessionStart {
        SessionStart {
            id: [1; 16],
            at: 1_000,
            lifetimes: Lifetimes {
                idle: 600,
                absolute: 6_000,
                ..Lifetimes::default()
            },
        }
    }

    #[test]
    fn it_has_claims_and_no_tokens_and_keeps_both() {
        let person = Person::new("42").claim("name", "Jane");
        let session = Session::by_application(person, "https://app.example", start());
        let session = Session::decode(session.encode().unwrap()).unwrap();
        assert!(session.is_by_application());
        assert_eq!(
            (&*session.issuer, &*session.subject),
            ("https://app.example", "42")
        );
        assert_eq!(session.claims()["name"], "Jane");
        assert_eq!(
            (session.auth_time, session.deadline()),
            (Some(1_000), 1_600)
        );
        assert!(session.tokens.refresh_token.is_none() && !session.refresh_due(u64::MAX));
        assert!(!Session::example().is_by_application());
    }
}
