//! Strict JSON: [RFC 8259](https://www.rfc-editor.org/rfc/rfc8259) objects in which every name
//! occurs once.
//!
//! [RFC 7515 §4](https://www.rfc-editor.org/rfc/rfc7515#section-4) and
//! [RFC 7519 §4](https://www.rfc-editor.org/rfc/rfc7519#section-4) let a reader refuse duplicate
//! names or take the last. We refuse, at every depth: two readers of one token that take different
//! ones are an attack.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::{borrow::Cow, cell::Cell, error::Error, fmt};

/// How many objects and arrays may lie within each other.
const MAX_DEPTH: usize = 32;

/// Reads one JSON object, refusing duplicate names, deep nesting and anything that follows it.
pub(crate) fn strict_object(bytes: &[u8]) -> Result<Map<String, Value>, JsonError> {
    // `Value` keeps the last of duplicate names in silence, so they are looked for in a pass of
    // their own. Building the value in that pass would tie us to how serde_json hands over numbers,
    // which its features change.
    check(bytes)?;
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(JsonError::NotObject),
        Err(error) => Err(JsonError::syntax(&error)),
    }
}

fn check(bytes: &[u8]) -> Result<(), JsonError> {
    let fault = Cell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Checked {
        depth: 0,
        fault: &fault,
    }
    .deserialize(&mut reader)
    .map_err(|error| fault.take().unwrap_or_else(|| JsonError::syntax(&error)))?;
    reader.end().map_err(|_| JsonError::Trailing)
}

/// Why bytes are not the JSON object we want; shows nothing of them.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    /// They are not JSON in UTF-8.
    Syntax {
        /// The line of the fault, from 1.
        line: usize,
        /// The column of the fault, from 1.
        column: usize,
    },
    /// They are JSON, but no object.
    NotObject,
    /// A name occurs twice in one object.
    DuplicateName,
    /// Objects and arrays are nested more than 32 deep.
    TooDeep,
    /// Something follows the object.
    Trailing,
}

impl JsonError {
    fn syntax(error: &serde_json::Error) -> Self {
        Self::Syntax {
            line: error.line(),
            column: error.column(),
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, column } => {
                write!(f, "not JSON, from line {line} column {column} on")
            }
            Self::NotObject => f.write_str("not a JSON object"),
            Self::DuplicateName => {
                f.write_str("a member name occurs twice, where names must be unique")
            }
            Self::TooDeep => write!(f, "nested deeper than {MAX_DEPTH} levels"),
            Self::Trailing => {
                f.write_str("something follows the JSON object, which must end the text")
            }
        }
    }
}

impl Error for JsonError {}

debug_with_causes!(JsonError);

/// Walks through a value and keeps nothing of it but what is wrong.
#[derive(Clone, Copy)]
struct Checked<'f> {
    depth: usize,
    fault: &'f Cell<Option<JsonError>>,
}

impl Checked<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth < MAX_DEPTH {
            true => Ok(Self {
                depth: self.depth + 1,
                ..self
            }),
            false => Err(self.refuse(JsonError::TooDeep)),
        }
    }

    fn refuse<E: serde::de::Error>(self, fault: JsonError) -> E {
        self.fault.set(Some(fault));
        E::custom(fault)
    }
}

/// The name of a member, borrowed unless it is written with escapes.
struct MemberName;

impl<'de> DeserializeSeed<'de> for MemberName {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for MemberName {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

impl<'de> DeserializeSeed<'de> for Checked<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Checked<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON with unique member names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let within = self.deeper()?;
        let mut names = Vec::with_capacity(16);
        while let Some(name) = members.next_key_seed(MemberName)? {
            names.push(name);
            members.next_value_seed(within)?;
        }
        // Sorted, so that many names take no longer than they should, whoever has chosen them.
        names.sort_unstable();
        match names.windows(2).any(|pair| pair[0] == pair[1]) {
            true => Err(self.refuse(JsonError::DuplicateName)),
            false => Ok(()),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let within = self.deeper()?;
        while elements.next_element_seed(within)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(text: &str) -> JsonError {
        strict_object(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn objects_are_read_whole() {
        let text = r#" {"a":1,"b":[-1,1.5,1e3,true,null,"x",{"a":{}}],"c":{"a":2},"d":18446744073709551615} "#;
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(
            Value::Object(strict_object(text.as_bytes()).unwrap()),
            expected
        );
        assert!(strict_object(b"{}").unwrap().is_empty());
    }

    #[test]
    fn duplicate_names_are_refused_at_every_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"b":2,"a":3}"#,
            r#"{"alg":"RS256","\u0061lg":"none"}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[1,[{"b":1,"b":2}]]}"#,
            r#"{"":1,"":2}"#,
        ] {
            assert_eq!(error(text), JsonError::DuplicateName, "{text}");
        }
        assert!(strict_object(br#"{"a":{"a":{"a":1}},"A":1}"#).is_ok());
    }

    #[test]
    fn nesting_is_limited() {
        let nested = |depth: usize| {
            format!(
                r#"{{"a":{}{}}}"#,
                "[".repeat(depth - 1),
                "]".repeat(depth - 1)
            )
        };
        assert!(strict_object(nested(32).as_bytes()).is_ok());
        assert_eq!(error(&nested(33)), JsonError::TooDeep);
        assert_eq!(error(&nested(100_000)), JsonError::TooDeep);
        assert_eq!(
            error(&format!("{}1", r#"{"a":"#.repeat(100_000))),
            JsonError::TooDeep
        );
    }

    #[test]
    fn only_one_object_is_accepted() {
        for text in ["[]", "1", "null", "\"{}\"", "[{}]"] {
            assert_eq!(error(text), JsonError::NotObject, "{text}");
        }
        for text in ["{}{}", "{} x", "{},", "{}\0", "{\"a\":1}}"] {
            assert_eq!(error(text), JsonError::Trailing, "{text:?}");
        }
        for text in [
            "",
            "{",
            "{a:1}",
            "{'a':1}",
            "{\"a\":1,}",
            "{\"a\":NaN}",
            "{\"a\":1e999}",
            "\u{feff}{}",
            "{\"a\":\"\\ud800\"}",
        ] {
            assert!(matches!(error(text), JsonError::Syntax { .. }), "{text}");
        }
        assert!(matches!(
            strict_object(b"{\"a\":\"\xff\"}"),
            Err(JsonError::Syntax { .. })
        ));
    }

    #[test]
    fn errors_show_nothing_of_the_text() {
        for text in [
            "{\"hunter2\":}",
            "{\"hunter2\":1,\"hunter2\":1}",
            "\"hunter2\"",
            "{} hunter2",
        ] {
            let error = error(text);
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_agrees_with_serde_json(text in "[\\[\\]{}:,\"ab01 ]{0,40}") {
            if let Ok(object) = strict_object(text.as_bytes()) {
                prop_assert_eq!(Value::Object(object), serde_json::from_str::<Value>(&text).unwrap());
            }
        }

        #[test]
        fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = strict_object(&bytes);
        }
    }
}
