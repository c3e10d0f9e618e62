//! The `authorization_details` parameter, Rich Authorization Requests: [RFC 9396 §2](https://www.rfc-editor.org/rfc/rfc9396#section-2).

use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;

use crate::jose::{JsonError, strict_object};

/// What a login asks permission for, in more words than a scope has, and what was granted: a list of objects, each with a
/// `type` that the provider defines. They are passed on as they are.
///
/// ```
/// use latchgate::AuthorizationDetails;
///
/// let details: AuthorizationDetails = r#"[
///     { "type": "account_information", "actions": ["list_accounts"] }
/// ]"#.parse()?;
/// # Ok::<(), latchgate::AuthorizationDetailsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationDetails(Value);

/// The longest list that a provider may grant, in bytes of JSON: it is kept with the session.
const LONGEST: usize = 16 * 1_024;

/// What every error recommends.
const RIGHT: &str = "write it like `[{\"type\": \"account_information\"}]`";

/// Why something is not a list of [`AuthorizationDetails`].
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationDetailsError {
    /// It is not JSON.
    #[error("is {0}; {RIGHT}")]
    Json(JsonError),
    /// It cannot be written as JSON.
    #[error("cannot be written as JSON; {RIGHT}")]
    Unserializable,
    /// It is not a list.
    #[error("is not a list, or is empty; {RIGHT}")]
    NotAList,
    /// It is longer than 16 KiB.
    #[error("is longer than {LONGEST} bytes; {RIGHT}")]
    TooLong,
    /// One of the list, counted from 1, is not an object with a `type`.
    #[error("has an element at position {0} that is not an object with a `type`; {RIGHT}")]
    NoType(usize),
}

debug_with_causes!(AuthorizationDetailsError);

impl AuthorizationDetails {
    /// The details in values of the application's own, such as a `Vec` of its own type.
    ///
    /// # Errors
    ///
    /// They do not serialise to a list of objects that each have a `type`.
    pub fn of(details: &impl Serialize) -> Result<Self, AuthorizationDetailsError> {
        let details = serde_json::to_value(details);
        Self::check(details.map_err(|_| AuthorizationDetailsError::Unserializable)?)
    }

    /// Those that a provider has granted ([RFC 9396 §7](https://www.rfc-editor.org/rfc/rfc9396#section-7)); `None` for an
    /// empty list.
    pub(crate) fn granted(details: &Value) -> Result<Option<Self>, AuthorizationDetailsError> {
        if details.as_array().is_some_and(Vec::is_empty) {
            return Ok(None);
        }
        let granted = Self::check(details.clone())?;
        match granted.text().len() > LONGEST {
            true => Err(AuthorizationDetailsError::TooLong),
            false => Ok(Some(granted)),
        }
    }

    /// The list: objects that each have a `type`.
    #[must_use]
    pub fn list(&self) -> &[Value] {
        self.0.as_array().map_or(&[], Vec::as_slice)
    }

    fn check(details: Value) -> Result<Self, AuthorizationDetailsError> {
        let list = details.as_array().filter(|list| !list.is_empty());
        let list = list.ok_or(AuthorizationDetailsError::NotAList)?;
        let is_typed = |detail: &Value| detail.get("type").is_some_and(Value::is_string);
        match list.iter().position(|detail| !is_typed(detail)) {
            Some(place) => Err(AuthorizationDetailsError::NoType(place + 1)),
            None => Ok(Self(details)),
        }
    }

    /// The parameter's value, which is also how a session keeps them.
    pub(crate) fn text(&self) -> String {
        self.0.to_string()
    }
}

impl FromStr for AuthorizationDetails {
    type Err = AuthorizationDetailsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Names that occur twice are looked for in objects only.
        let list: Vec<Value> = match serde_json::from_str(text) {
            Ok(list) => list,
            Err(error) if error.is_data() => return Err(AuthorizationDetailsError::NotAList),
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                let syntax = JsonError::Syntax { line, column };
                return Err(AuthorizationDetailsError::Json(syntax));
            }
        };
        let whole = format!("{{\"list\":{text}}}");
        strict_object(whole.as_bytes()).map_err(AuthorizationDetailsError::Json)?;
        Self::check(Value::Array(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_of_typed_objects_is_passed_on() {
        let text = r#" [{"type":"payment","amount":{"value":"1.50"}}, {"type":"a"}] "#;
        let read: AuthorizationDetails = text.parse().unwrap();
        assert_eq!(
            read.text(),
            r#"[{"amount":{"value":"1.50"},"type":"payment"},{"type":"a"}]"#
        );
        let own = [
            json!({ "type": "payment", "amount": { "value": "1.50" } }),
            json!({ "type": "a" }),
        ];
        assert_eq!(AuthorizationDetails::of(&own), Ok(read));
    }

    #[test]
    fn a_grant_may_be_empty_and_not_endless() {
        let granted = |value: Value| AuthorizationDetails::granted(&value);
        assert_eq!(granted(json!([])), Ok(None));
        let one = json!([{ "type": "a", "more": [1] }]);
        assert_eq!(
            granted(one.clone()).unwrap().unwrap().list(),
            [one[0].clone()]
        );
        for (value, error) in [
            (json!({}), AuthorizationDetailsError::NotAList),
            (json!("[]"), AuthorizationDetailsError::NotAList),
            (json!([{}]), AuthorizationDetailsError::NoType(1)),
            (
                json!([{ "type": "a", "more": "x".repeat(LONGEST) }]),
                AuthorizationDetailsError::TooLong,
            ),
        ] {
            assert_eq!(granted(value), Err(error));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for (text, said) in [
            ("", "not JSON"),
            ("[", "not JSON"),
            ("{}", "is not a list"),
            ("[]", "or is empty"),
            (r#"[{"type":"a"},{"typ":"a"}]"#, "position 2"),
            (r#"[{"type":7}]"#, "position 1"),
            (r#"["type"]"#, "position 1"),
            (r#"[{"type":"a","type":"b"}]"#, "occurs twice"),
        ] {
            let error = text
                .parse::<AuthorizationDetails>()
                .unwrap_err()
                .to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
        assert!(AuthorizationDetails::of(&7).is_err());
        assert!(AuthorizationDetails::of(&[json!({})]).is_err());
    }
}
