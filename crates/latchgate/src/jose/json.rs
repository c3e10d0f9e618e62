//! Strict JSON: [RFC 8259](https://www.rfc-editor.org/rfc/rfc8259) objects in which every name
//! occurs once.
//!
//! [RFC 7515 §4](https://www.rfc-editor.org/rfc/rfc7515#section-4) and
//! [RFC 7519 §4](https://www.rfc-editor.org/rfc/rfc7519#section-4) let a reader refuse duplicate
//! names or take the last. We refuse, at every depth: two readers of one token that take different
//! ones are an attack.

use memchr::memchr2;
use serde::Deserialize;
use serde_json::{Map, Value};

/// How many objects and arrays may lie within each other.
const MAX_DEPTH: usize = 32;

/// Reads one JSON object, refusing duplicate names, deep nesting and anything that follows it.
pub(crate) fn strict_object(bytes: &[u8]) -> Result<Map<String, Value>, JsonError> {
    // `Value` keeps the last of duplicate names in silence. So the text is asked how many members it has, and the value
    // must have as many.
    let written = members_written(bytes)?;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Value::deserialize(&mut reader).map_err(|error| JsonError::syntax(&error))?;
    reader.end().map_err(|_| JsonError::Trailing)?;
    if members(&value) != written {
        return Err(JsonError::DuplicateName);
    }
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(JsonError::NotObject),
    }
}

/// How many members the objects of a text have, in all of its depth, if it is JSON: each has a colon of its own outside of
/// strings.
fn members_written(text: &[u8]) -> Result<usize, JsonError> {
    let (mut members, mut depth) = (0, 0_usize);
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'"' => rest = after_string(after),
            b':' => members += 1,
            b'{' | b'[' if depth == MAX_DEPTH => return Err(JsonError::TooDeep),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(members)
}

/// What follows a string that has just begun.
fn after_string(mut text: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', text) {
        let is_escape = text[at] == b'\\';
        text = text
            .get(at + 1 + usize::from(is_escape)..)
            .unwrap_or_default();
        if !is_escape {
            return text;
        }
    }
    &[]
}

/// How many members the objects of a value have.
fn members(value: &Value) -> usize {
    match value {
        Value::Object(object) => object.len() + object.values().map(members).sum::<usize>(),
        Value::Array(elements) => elements.iter().map(members).sum(),
        _ => 0,
    }
}

/// Why bytes are not the JSON object we want; shows nothing of them.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// They are not JSON in UTF-8.
    #[error("not JSON, from line {line} column {column} on")]
    Syntax {
        /// The line of the fault, from 1.
        line: usize,
        /// The column of the fault, from 1.
        column: usize,
    },
    /// They are JSON, but no object.
    #[error("not a JSON object")]
    NotObject,
    /// A name occurs twice in one object.
    #[error("a member name occurs twice, where names must be unique")]
    DuplicateName,
    /// Objects and arrays are nested more than 32 deep.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Something follows the object.
    #[error("something follows the JSON object, which must end the text")]
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

debug_with_causes!(JsonError);

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
            r#"{"a\"":1,"b:\\\\":2,"a\"":3}"#,
            r#"{"a":{"x":1},"a":{"x":1,"y":2}}"#,
        ] {
            assert_eq!(error(text), JsonError::DuplicateName, "{text}");
        }
        for text in [
            r#"{"a":{"a":{"a":1}},"A":1}"#,
            r#"{"a":":","b:":"\":\\","{":"[","\\\"":["}",{":":1}]}"#,
        ] {
            assert!(strict_object(text.as_bytes()).is_ok(), "{text}");
        }
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
