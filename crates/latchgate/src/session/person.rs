//! Somebody whom the application signs in itself, without a provider.

use std::fmt;

use serde_json::{Map, Value, json};

use super::user::User;
use crate::authorization::CookiePersistence;

/// Somebody for whom the application starts a session itself, by [`Gate::sign_in`](crate::Gate::sign_in): because it has
/// checked their password, or lets one of its staff act as them.
///
/// ```
/// use latchgate::Person;
///
/// # fn people(admin: &latchgate::User) {
/// let by_password = Person::new("42").claim("name", "Jane Doe").claim("roles", vec!["editor"]);
/// let impersonated = Person::new("42").impersonated_by(admin);
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Person {
    pub(crate) issuer: Option<String>,
    pub(crate) subject: String,
    pub(crate) remembered: Option<CookiePersistence>,
    claims: Map<String, Value>,
    actor: Option<Value>,
}

impl Person {
    /// Somebody with this subject identifier, of 1 to 255 characters. The issuer is the application itself, by its base URL.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            issuer: None,
            subject: subject.into(),
            remembered: None,
            claims: Map::new(),
            actor: None,
        }
    }

    /// Sets the issuer, for a person of the provider: then `(issuer, subject)` is the same as after a login there, and a
    /// logout by the provider ends this session, too.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Adds a claim, as an ID token has it: `name`, `email` and `email_verified`, or whatever contains roles.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    /// Whether the session outlives the browser, if [the person decides that](crate::GateBuilder::remember_me).
    pub fn remember(mut self, persistence: CookiePersistence) -> Self {
        self.remembered = Some(persistence);
        self
    }

    /// Records that somebody else acts as this person, in the claim `act` of
    /// [RFC 8693 §4.1](https://www.rfc-editor.org/rfc/rfc8693#section-4.1), as long as the session lasts
    /// ([`User::impersonator`]). It does not count as an authentication of the person, so a guard with a `max_age` does not
    /// admit it.
    pub fn impersonated_by(mut self, actor: &User) -> Self {
        self.actor = Some(json!({ "iss": actor.issuer(), "sub": actor.subject() }));
        self
    }

    /// Whether the person has authenticated, and not somebody else.
    pub(super) fn is_themselves(&self) -> bool {
        self.actor.is_none()
    }

    /// All claims of the session. What it is about cannot be overridden.
    pub(super) fn into_claims(self, issuer: &str, auth_time: Option<u64>) -> Map<String, Value> {
        let mut claims = self.claims;
        let own = [
            ("iss", Some(json!(issuer))),
            ("sub", Some(json!(self.subject))),
            ("auth_time", auth_time.map(|time| json!(time))),
            ("act", self.actor),
            ("sid", None),
        ];
        for (name, value) in own {
            match value {
                Some(value) => drop(claims.insert(name.to_owned(), value)),
                None => drop(claims.remove(name)),
            }
        }
        claims
    }
}

impl fmt::Debug for Person {
    /// The claims are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person")
            .field("issuer", &self.issuer)
            .field("subject", &self.subject)
            .field("actor", &self.actor)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_it_is_cannot_be_overridden() {
        let admin = User::example(&json!({ "sub": "248289761001" }));
        let person = Person::new("42")
            .claim("sub", "1")
            .claim("iss", "https://evil.example")
            .claim("sid", "theirs")
            .claim("act", json!({ "sub": "nobody" }))
            .claim("name", "Jane");
        let honest = person.clone().into_claims("https://app.example", Some(7));
        let expected =
            json!({ "iss": "https://app.example", "sub": "42", "auth_time": 7, "name": "Jane" });
        assert_eq!(Value::Object(honest), expected);
        let acted = person
            .impersonated_by(&admin)
            .into_claims("https://app.example", None);
        assert_eq!(
            acted["act"],
            json!({ "iss": "https://op.example", "sub": "248289761001" })
        );
        assert!(!acted.contains_key("auth_time"));
    }
}
