//! People in a TOML file, for whoever starts the provider without writing Rust.

use std::fmt;

use serde_json::{Number, Value};
use toml::{Table, Value as Toml};

use super::{EmailVerification, Person};
use crate::jws::JsonObject;

/// What can be said of a person, and of what kind it is.
const KEYS: [(&str, &str); 9] = [
    ("name", TEXT),
    ("given_name", TEXT),
    ("family_name", TEXT),
    ("picture", TEXT),
    ("email", TEXT),
    ("email_verified", "true or false"),
    ("roles", LIST),
    ("permissions", LIST),
    ("claims", "a table of claims"),
];
const TEXT: &str = "a text in quotes";
const LIST: &str = "a list of texts in quotes, such as [\"admin\"]";

/// The claims that the provider sets itself, in each token anew.
const PROTOCOL: [&str; 15] = [
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "auth_time",
    "at_hash",
    "sid",
    "acr",
    "amr",
    "cnf",
];

/// The longest subject identifier ([OpenID Connect Core §2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken)).
const LONGEST_SUBJECT: usize = 255;

/// Everything that is wrong with a file of people: `Display` and `Debug` have a sentence for each mistake.
#[derive(Clone, PartialEq, Eq)]
pub struct PeopleError(Vec<Mistake>);

/// One mistake, and whom it is about.
#[derive(Clone, PartialEq, Eq)]
struct Mistake {
    person: String,
    key: String,
    problem: Problem,
}

#[derive(Clone, PartialEq, Eq)]
enum Problem {
    /// The text is not TOML.
    Toml {
        line: Option<usize>,
        message: String,
    },
    /// There is nobody in it.
    Nobody,
    /// Something stands outside of the tables.
    Stray,
    /// The table's name cannot be a subject identifier.
    Subject,
    Unknown {
        nearest: Option<&'static str>,
    },
    Kind {
        expected: &'static str,
    },
    /// `email_verified` of no address.
    NoEmail,
    /// A claim that the provider sets.
    Protocol,
    /// A value that JSON does not have: a date, an infinite number.
    NotJson,
}

impl Person {
    /// Reads people from TOML: a table for each, named by the subject identifier.
    ///
    /// | key | kind | meaning |
    /// |---|---|---|
    /// | `name` | text | `name`; `given_name` and `family_name` are made from its words unless they are there as well |
    /// | `given_name`, `family_name`, `picture` | text | the claims of these names, released by the scope `profile` |
    /// | `email` | text | `email`, released by the scope `email` |
    /// | `email_verified` | boolean | whether the address is verified; `true` if it is left out |
    /// | `roles`, `permissions` | list of texts | as [`roles`](Self::roles) and [`permissions`](Self::permissions) |
    /// | `claims` | table | further claims of any JSON type, released whatever the scope; none of the protocol's own, such as `exp` |
    ///
    /// ```
    /// use latchgate_dev_provider::Person;
    ///
    /// let people = Person::read_toml(
    ///     r#"
    ///     [alice]
    ///     name = "Alice Adams"
    ///     email = "alice@example.com"
    ///     roles = ["admin"]
    ///     claims.department = "sales"
    ///
    ///     ["auth0|5f7c8ec7"]
    ///     name = "Bob Brown"
    ///     "#,
    /// )?;
    /// assert_eq!(people[1].sub, "auth0|5f7c8ec7");
    ///
    /// let wrong = Person::read_toml("[alice]\nemial = \"alice@example.com\"").unwrap_err();
    /// assert_eq!(
    ///     wrong.to_string(),
    ///     "alice: `emial` is not a key; did you mean `email`?"
    /// );
    /// # Ok::<(), latchgate_dev_provider::PeopleError>(())
    /// ```
    ///
    /// # Errors
    /// Every mistake in the text, each with the person and the key.
    pub fn read_toml(text: &str) -> Result<Vec<Self>, PeopleError> {
        let table: Table = toml::from_str(text).map_err(|error| {
            let line = error.span().and_then(|span| text.get(..span.start));
            PeopleError::of(Problem::Toml {
                line: line.map(|before| before.matches('\n').count() + 1),
                message: error.message().to_owned(),
            })
        })?;
        let mut reading = Reading::default();
        let people: Vec<Self> = table
            .into_iter()
            .filter_map(|(sub, value)| reading.person(sub, value))
            .collect();
        match reading.mistakes {
            mistakes if !mistakes.is_empty() => Err(PeopleError(mistakes)),
            _ if people.is_empty() => Err(PeopleError::of(Problem::Nobody)),
            _ => Ok(people),
        }
    }
}

/// The mistakes so far, and whom the next ones are about.
#[derive(Default)]
struct Reading {
    mistakes: Vec<Mistake>,
    person: String,
}

impl Reading {
    fn person(&mut self, sub: String, value: Toml) -> Option<Person> {
        self.person.clone_from(&sub);
        let Toml::Table(table) = value else {
            self.wrong("", Problem::Stray);
            return None;
        };
        if sub.is_empty() || sub.len() > LONGEST_SUBJECT || !sub.is_ascii() {
            self.wrong("", Problem::Subject);
        }
        let mut person = Person::new(sub);
        let mut verification = None;
        let mut address = None;
        let mut parts = Vec::new();
        for (key, value) in table {
            match (key.as_str(), value) {
                ("name", Toml::String(name)) => person = person.name(name),
                ("given_name" | "family_name" | "picture", Toml::String(text)) => {
                    parts.push((key, text));
                }
                ("email", Toml::String(email)) => address = Some(email),
                ("email_verified", Toml::Boolean(verified)) => verification = Some(verified),
                ("roles", Toml::Array(items)) => person.roles = self.texts("roles", items),
                ("permissions", Toml::Array(items)) => {
                    person.permissions = self.texts("permissions", items);
                }
                ("claims", Toml::Table(claims)) => person.extra = self.claims(claims),
                (key, _) => self.unreadable(key),
            }
        }
        // After `name`, which makes guesses at them.
        for (key, text) in parts {
            match key.as_str() {
                "given_name" => person.given_name = Some(text),
                "family_name" => person.family_name = Some(text),
                _ => person.picture = Some(text),
            }
        }
        person.email = match (address, verification) {
            (Some(email), Some(false)) => Some((email, EmailVerification::Unverified)),
            (Some(email), _) => Some((email, EmailVerification::Verified)),
            (None, None) => None,
            (None, Some(_)) => {
                self.wrong("email_verified", Problem::NoEmail);
                None
            }
        };
        Some(person)
    }

    /// A key that does not exist, or has a value of another kind.
    fn unreadable(&mut self, key: &str) {
        let problem = match KEYS.iter().find(|(known, _)| *known == key) {
            Some((_, expected)) => Problem::Kind { expected },
            None => Problem::Unknown {
                nearest: nearest(key),
            },
        };
        self.wrong(key, problem);
    }

    fn texts(&mut self, key: &'static str, items: Vec<Toml>) -> Vec<String> {
        let texts: Option<Vec<String>> = items
            .into_iter()
            .map(|item| match item {
                Toml::String(text) => Some(text),
                _ => None,
            })
            .collect();
        texts.unwrap_or_else(|| {
            self.wrong(key, Problem::Kind { expected: LIST });
            Vec::new()
        })
    }

    fn claims(&mut self, claims: Table) -> JsonObject {
        let mut extra = JsonObject::new();
        for (claim, value) in claims {
            if PROTOCOL.contains(&claim.as_str()) {
                self.wrong(&format!("claims.{claim}"), Problem::Protocol);
                continue;
            }
            match json(value) {
                Some(value) => drop(extra.insert(claim, value)),
                None => self.wrong(&format!("claims.{claim}"), Problem::NotJson),
            }
        }
        extra
    }

    fn wrong(&mut self, key: &str, problem: Problem) {
        self.mistakes.push(Mistake {
            person: self.person.clone(),
            key: key.to_owned(),
            problem,
        });
    }
}

/// The key that may have been meant.
fn nearest(key: &str) -> Option<&'static str> {
    let near = KEYS.iter().filter_map(|(known, _)| {
        let distance = strsim::damerau_levenshtein(key, known);
        (distance <= known.len().div_ceil(3)).then_some((distance, *known))
    });
    near.min().map(|(_, known)| known)
}

/// The value as JSON, if JSON has its like.
fn json(value: Toml) -> Option<Value> {
    Some(match value {
        Toml::String(text) => Value::String(text),
        Toml::Integer(number) => Value::from(number),
        Toml::Float(number) => Value::Number(Number::from_f64(number)?),
        Toml::Boolean(on) => Value::Bool(on),
        Toml::Datetime(_) => return None,
        Toml::Array(items) => Value::Array(items.into_iter().map(json).collect::<Option<_>>()?),
        Toml::Table(members) => {
            let members = members.into_iter();
            let members = members.map(|(name, value)| Some((name, json(value)?)));
            Value::Object(members.collect::<Option<_>>()?)
        }
    })
}

impl PeopleError {
    fn of(problem: Problem) -> Self {
        Self(vec![Mistake {
            person: String::new(),
            key: String::new(),
            problem,
        }])
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            person,
            key,
            problem,
        } = self;
        match problem {
            Problem::Toml {
                line: Some(line),
                message,
            } => write!(f, "line {line} is not TOML: {message}"),
            Problem::Toml { message, .. } => write!(f, "this is not TOML: {message}"),
            Problem::Nobody => f.write_str(
                "there is nobody in it; write a table for each person, such as `[alice]`, and below it `name = \"Alice Adams\"`",
            ),
            Problem::Stray => write!(
                f,
                "`{person}` stands outside of the people's tables; put it below a line such as `[alice]`"
            ),
            Problem::Subject => write!(
                f,
                "{person:?} cannot be a subject identifier, which has 1 to {LONGEST_SUBJECT} ASCII characters"
            ),
            Problem::Unknown {
                nearest: Some(nearest),
            } => write!(f, "{person}: `{key}` is not a key; did you mean `{nearest}`?"),
            Problem::Unknown { nearest: None } => write!(
                f,
                "{person}: `{key}` is not a key; a claim of this name goes below `[{}.claims]`",
                quoted(person)
            ),
            Problem::Kind { expected } => write!(f, "{person}: `{key}` must be {expected}"),
            Problem::NoEmail => write!(f, "{person}: `{key}` says nothing without `email`"),
            Problem::Protocol => write!(
                f,
                "{person}: `{key}` is a claim of the protocol, which the provider sets itself; leave it out"
            ),
            Problem::NotJson => write!(
                f,
                "{person}: `{key}` has a value that JSON lacks; write a date as a text, or as seconds since 1970"
            ),
        }
    }
}

/// A name as a TOML key.
fn quoted(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match name.chars().all(bare) {
        true => name.to_owned(),
        false => format!("{name:?}"),
    }
}

impl fmt::Display for PeopleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            [only] => only.fmt(f),
            mistakes => {
                write!(f, "{} mistakes:", mistakes.len())?;
                mistakes
                    .iter()
                    .try_for_each(|mistake| write!(f, "\n- {mistake}"))
            }
        }
    }
}

impl fmt::Debug for PeopleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for PeopleError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_all_that_can_be_said_of_a_person() {
        let people = Person::read_toml(
            r#"
            ["auth0|1"]
            given_name = "Al"
            name = "Alice Adams"
            picture = "https://example.com/alice.png"
            email = "alice@example.com"
            email_verified = false
            roles = ["admin", "user"]
            permissions = ["read:invoices"]
            [zoe]
            email = "zoe@example.com"
            [zoe.claims]
            floor = 3
            half = 0.5
            groups = ["sales", { name = "tea" }]
            "#,
        )
        .unwrap();
        let expected = [
            Person {
                given_name: Some("Al".to_owned()),
                picture: Some("https://example.com/alice.png".to_owned()),
                ..Person::new("auth0|1")
                    .name("Alice Adams")
                    .email("alice@example.com", EmailVerification::Unverified)
                    .roles(["admin", "user"])
                    .permissions(["read:invoices"])
            },
            Person::new("zoe")
                .email("zoe@example.com", EmailVerification::Verified)
                .claim("floor", 3)
                .claim("half", 0.5)
                .claim("groups", serde_json::json!(["sales", { "name": "tea" }])),
        ];
        assert_eq!(people, expected);
    }

    #[test]
    fn every_mistake_is_named() {
        for (text, expected) in [
            ("[alice", "line 1 is not TOML: "),
            ("[alice]\n[bob]\nname = Bob", "line 3 is not TOML: "),
            ("", "there is nobody in it; write a table for each person"),
            (
                "name = \"Alice\"",
                "`name` stands outside of the people's tables",
            ),
            ("[\"\"]", "\"\" cannot be a subject identifier"),
            ("[\"zoë\"]", "\"zoë\" cannot be a subject identifier"),
            (
                "[a]\nrole = []",
                "a: `role` is not a key; did you mean `roles`?",
            ),
            (
                "[\"a|b\"]\ndepartment = 1",
                "a|b: `department` is not a key; a claim of this name goes below `[\"a|b\".claims]`",
            ),
            ("[a]\nname = 7", "a: `name` must be a text in quotes"),
            (
                "[a]\nroles = \"admin\"",
                "a: `roles` must be a list of texts",
            ),
            (
                "[a]\npermissions = [1]",
                "a: `permissions` must be a list of texts",
            ),
            (
                "[a]\nemail = \"a@b\"\nemail_verified = \"no\"",
                "a: `email_verified` must be true or false",
            ),
            (
                "[a]\nemail_verified = true",
                "a: `email_verified` says nothing without `email`",
            ),
            ("[a]\nclaims = 1", "a: `claims` must be a table of claims"),
            (
                "[a.claims]\nexp = 1",
                "a: `claims.exp` is a claim of the protocol",
            ),
            (
                "[a.claims]\nborn = 1999-01-02",
                "a: `claims.born` has a value that JSON lacks",
            ),
            (
                "[a.claims]\nx = [nan]",
                "a: `claims.x` has a value that JSON lacks",
            ),
            (
                "[a]\nrole = []\n[b]\nname = 1",
                "2 mistakes:\n- a: `role` is not a key; did you mean `roles`?\n- b: `name` must be",
            ),
        ] {
            let said = Person::read_toml(text).unwrap_err().to_string();
            assert!(said.starts_with(expected), "{text}: {said}");
        }
    }
}
