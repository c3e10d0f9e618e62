//! The people who can sign in, and which of their claims a scope releases ([OpenID Connect Core
//! §5.4](https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims)).

mod people_file;

use serde_json::{Value, json};

use crate::jws::JsonObject;
use crate::scope::Scope;

pub use self::people_file::PeopleError;

/// Somebody who can sign in. Nobody has a password here.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Person {
    /// The subject identifier, and the value the picker's button submits.
    pub sub: String,
    /// `name`, released by the scope `profile`.
    pub name: Option<String>,
    /// `given_name`, released by the scope `profile`.
    pub given_name: Option<String>,
    /// `family_name`, released by the scope `profile`.
    pub family_name: Option<String>,
    /// `picture`, released by the scope `profile`.
    pub picture: Option<String>,
    /// `email` and whether it is verified, released by the scope `email`.
    pub email: Option<(String, EmailVerification)>,
    /// Shown to clients as `roles`, `https://latchgate.dev/roles` and `realm_access.roles`.
    pub roles: Vec<String>,
    /// `permissions`.
    pub permissions: Vec<String>,
    /// Claims released whatever the scope. They may replace any of the above, but no claim of the protocol.
    pub extra: JsonObject,
}

/// The `email_verified` claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailVerification {
    /// `email_verified: true`
    Verified,
    /// `email_verified: false`
    Unverified,
}

impl Person {
    /// Somebody of whom nothing but the subject identifier is known.
    pub fn new(sub: impl Into<String>) -> Self {
        Self {
            sub: sub.into(),
            name: None,
            given_name: None,
            family_name: None,
            picture: None,
            email: None,
            roles: Vec::new(),
            permissions: Vec::new(),
            extra: JsonObject::new(),
        }
    }

    /// Somebody typed on the picker page. The subject identifier is the name in lower-case ASCII letters and digits with
    /// hyphens between; a name outside ASCII gets a digest of it instead. It is the same each time the name is typed.
    pub fn free_form(name: &str) -> Self {
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let slug = name
            .split(|character: char| !character.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join("-")
            .to_ascii_lowercase();
        let sub = if name.is_ascii() && !slug.is_empty() && slug.len() <= 64 {
            slug
        } else {
            format!(
                "person-{}",
                crate::jws::at_hash(&aws_lc_rs::digest::SHA256, &name)
            )
        };
        Self {
            name: Some(name),
            ..Self::new(sub)
        }
    }

    /// Sets the name, and the given and family names from its first and last words.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        if let Some((given, family)) = name.rsplit_once(' ') {
            self.given_name = Some(given.to_owned());
            self.family_name = Some(family.to_owned());
        }
        self.name = Some(name);
        self
    }

    /// Sets the e-mail address.
    #[must_use]
    pub fn email(mut self, email: impl Into<String>, verification: EmailVerification) -> Self {
        self.email = Some((email.into(), verification));
        self
    }

    /// Sets the roles.
    #[must_use]
    pub fn roles<R: Into<String>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the permissions.
    #[must_use]
    pub fn permissions<P: Into<String>>(
        mut self,
        permissions: impl IntoIterator<Item = P>,
    ) -> Self {
        self.permissions = permissions.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a claim that is released whatever the scope.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(name.into(), value.into());
        self
    }

    /// What to call the person on a page.
    pub(crate) fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.sub)
    }

    /// Whether a login hint means this person.
    pub(crate) fn answers_to(&self, hint: &str) -> bool {
        self.sub == hint || self.email.as_ref().is_some_and(|(email, _)| email == hint)
    }

    /// The claims this scope releases, `sub` not among them.
    pub(crate) fn claims(&self, scope: &Scope) -> JsonObject {
        let mut claims = JsonObject::new();
        if scope.contains("profile") {
            for (claim, value) in [
                ("name", &self.name),
                ("given_name", &self.given_name),
                ("family_name", &self.family_name),
                ("picture", &self.picture),
            ] {
                if let Some(value) = value {
                    claims.insert(claim.to_owned(), json!(value));
                }
            }
        }
        if let Some((email, verification)) = &self.email
            && scope.contains("email")
        {
            claims.insert("email".to_owned(), json!(email));
            claims.insert(
                "email_verified".to_owned(),
                json!(*verification == EmailVerification::Verified),
            );
        }
        claims.extend(self.authorizations());
        claims.insert("https://latchgate.dev/roles".to_owned(), json!(self.roles));
        claims.insert("realm_access".to_owned(), json!({"roles": self.roles}));
        claims.extend(self.extra.clone());
        claims
    }

    /// What an API is told of the person ([RFC 9068 §2.2.3.1](https://www.rfc-editor.org/rfc/rfc9068#section-2.2.3.1)).
    pub(crate) fn authorizations(&self) -> JsonObject {
        let mut claims = JsonObject::new();
        claims.insert("roles".to_owned(), json!(self.roles));
        claims.insert("permissions".to_owned(), json!(self.permissions));
        claims
    }
}

/// The people every provider starts with.
pub(crate) fn default_people() -> Vec<Person> {
    vec![
        Person::new("alice")
            .name("Alice Adams")
            .email("alice@example.com", EmailVerification::Verified)
            .roles(["admin", "user"])
            .permissions(["read:invoices", "write:invoices"])
            .claim("https://foo.com/myclaim", "alice's"),
        Person::new("bob")
            .name("Bob Brown")
            .email("bob@example.com", EmailVerification::Unverified)
            .roles(["user"])
            .permissions(["read:invoices"])
            .claim("https://foo.com/myclaim", "bob's"),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Person, default_people};
    use crate::scope::Scope;

    #[test]
    fn scopes_release_claims() {
        let people = default_people();
        let bare = people[0].claims(&Scope::parse("openid"));
        assert!(!bare.contains_key("name") && !bare.contains_key("email"));
        assert_eq!(bare["realm_access"]["roles"][0], "admin");
        assert_eq!(bare["https://latchgate.dev/roles"][1], "user");

        let full = people[1].claims(&Scope::parse("openid profile email"));
        assert_eq!(full["given_name"], "Bob");
        assert_eq!(full["email_verified"], false);
    }

    #[test]
    fn a_typed_name_always_gives_the_same_ascii_subject() {
        assert_eq!(
            Person::free_form("  Carol  O'Neil ").sub,
            "carol-o-neil".to_owned()
        );
        let zoe = Person::free_form("Zoë");
        assert!(zoe.sub.is_ascii() && zoe.sub.starts_with("person-"));
        assert_eq!(zoe.sub, Person::free_form("Zoë").sub);
        assert_ne!(zoe.sub, Person::free_form("Zoé").sub);
    }
}
