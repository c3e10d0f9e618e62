//! A login that a third party starts, such as a portal or the provider's list of applications: [OpenID Connect Core 1.0
//! §4](https://openid.net/specs/openid-connect-core-1_0.html#ThirdPartyInitiatedLogin).
//!
//! Anybody can send such a request. It says which provider to use and where to go afterwards, and nothing else: the login
//! that follows is an ordinary one, bound to this browser by its own cookie.

use std::borrow::Cow;

use super::response::printable;

/// The longest `login_hint` that is passed on, in bytes.
const LONGEST_HINT: usize = 1_024;

/// The parameters of a request to start a login, each at most once.
#[derive(Debug)]
pub(crate) struct Initiation<'a> {
    /// The issuer at which to sign in. Not compared yet.
    pub(crate) iss: Cow<'a, str>,
    /// Who is to sign in: up to 1,024 printable bytes.
    pub(crate) login_hint: Option<Cow<'a, str>>,
    /// Where to go afterwards. Not checked yet.
    pub(crate) target_link_uri: Option<Cow<'a, str>>,
}

/// Why a login that a third party wants to start was refused.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InitiateLoginError {
    /// A parameter occurs twice.
    #[error("the parameter `{0}` occurs twice")]
    Duplicate(&'static str),
    /// No `iss`.
    #[error("the request to start a login has no `iss`, which names the provider to sign in at")]
    IssMissing,
    /// `iss` is the issuer of no provider of this gate.
    #[error(
        "the request to start a login names the issuer `{iss}`, which no provider of this gate has; spell it as in the setting `issuer`"
    )]
    UnknownIss {
        /// At most 128 visible ASCII characters of it.
        iss: String,
    },
}

impl InitiateLoginError {
    pub(crate) fn unknown(iss: &str) -> Self {
        Self::UnknownIss {
            iss: printable(iss, 128),
        }
    }
}

debug_with_causes!(InitiateLoginError);

impl<'a> Initiation<'a> {
    /// Parses a query string or a form body. Unknown parameters are ignored.
    pub(crate) fn parse(encoded: &'a [u8]) -> Result<Self, InitiateLoginError> {
        let [mut iss, mut login_hint, mut target_link_uri] = [const { None }; 3];
        for (name, value) in url::form_urlencoded::parse(encoded) {
            let (slot, name) = match name.as_ref() {
                "iss" => (&mut iss, "iss"),
                "login_hint" => (&mut login_hint, "login_hint"),
                "target_link_uri" => (&mut target_link_uri, "target_link_uri"),
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(InitiateLoginError::Duplicate(name));
            }
        }
        let is_hint = |hint: &Cow<'_, str>| {
            (1..=LONGEST_HINT).contains(&hint.len()) && !hint.chars().any(char::is_control)
        };
        Ok(Self {
            iss: iss
                .filter(|iss| !iss.is_empty())
                .ok_or(InitiateLoginError::IssMissing)?,
            login_hint: login_hint.filter(is_hint),
            target_link_uri,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_the_issuer_and_may_say_who_and_where() {
        let encoded = b"iss=https%3A%2F%2Fop.example&login_hint=a%40b.example&target_link_uri=%2Fme&lti_deployment_id=7";
        let initiation = Initiation::parse(encoded).unwrap();
        assert_eq!(initiation.iss, "https://op.example");
        assert_eq!(initiation.login_hint.as_deref(), Some("a@b.example"));
        assert_eq!(initiation.target_link_uri.as_deref(), Some("/me"));
        let shortest = Initiation::parse(b"iss=x").unwrap();
        assert!(shortest.login_hint.is_none() && shortest.target_link_uri.is_none());
    }

    #[test]
    fn what_is_missing_or_twice_is_named() {
        use InitiateLoginError::{Duplicate, IssMissing};
        for (encoded, expected) in [
            ("", IssMissing),
            ("iss=", IssMissing),
            ("login_hint=x", IssMissing),
            ("iss=a&iss=a", Duplicate("iss")),
            ("iss=a&login_hint=&login_hint=", Duplicate("login_hint")),
            (
                "target_link_uri=/&iss=a&target_link_uri=/",
                Duplicate("target_link_uri"),
            ),
        ] {
            let found = Initiation::parse(encoded.as_bytes()).unwrap_err();
            assert_eq!(found, expected, "{encoded}");
        }
    }

    #[test]
    fn a_hint_is_bounded_and_printable() {
        let hint = |hint: &str| {
            let encoded = format!("iss=a&login_hint={hint}");
            let initiation = Initiation::parse(encoded.as_bytes()).unwrap();
            initiation.login_hint.map(Cow::into_owned)
        };
        let longest = "x".repeat(LONGEST_HINT);
        assert_eq!(hint(&longest), Some(longest.clone()));
        for refused in ["", "%0d%0aSet-Cookie:x", "%00", &format!("{longest}x")] {
            assert_eq!(hint(refused), None, "{refused}");
        }
    }

    #[test]
    fn an_unknown_issuer_is_quoted_in_the_log_but_not_at_any_length() {
        let error =
            InitiateLoginError::unknown(&format!("https://evil.example/\n{}", "x".repeat(999)));
        let said = error.to_string();
        assert!(said.contains("`https://evil.example/"), "{said}");
        assert!(said.len() < 400 && !said.contains('\n'), "{said}");
    }
}
