//! The application's own value in a session: JSON of limited size.

use std::any::type_name;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::extras::Extras;
use super::session::Session;

/// Why the application's value in a session cannot be read or stored.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The session has no value.
    #[error("the session has no data of the application")]
    Missing,
    /// It is not of the requested type. The error does not contain the value, because errors may be logged.
    #[error("the session's data is not a `{wanted}`: it does not match at byte {column}")]
    Mismatch {
        /// The requested type.
        wanted: &'static str,
        /// The position in the JSON where it does not match, in bytes.
        column: usize,
    },
    /// The value cannot be written as JSON.
    #[error("the application's data cannot be written as JSON")]
    NotJson(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The value is too large to be stored.
    #[error(
        "the application's data has {bytes} bytes as JSON, and a session holds at most {limit}; store it in a database and its key in the session"
    )]
    TooLarge {
        /// Its size as JSON, in bytes.
        bytes: usize,
        /// The largest permitted size, in bytes.
        limit: usize,
    },
}

/// The largest size of the application's value as JSON: 64 KiB.
const LIMIT: usize = 64 * 1024;

/// The JSON text of a value.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<String, DataError> {
    let text = serde_json::to_string(value).map_err(|error| DataError::NotJson(error.into()))?;
    match text.len() {
        bytes if bytes > LIMIT => Err(DataError::TooLarge {
            bytes,
            limit: LIMIT,
        }),
        _ => Ok(text),
    }
}

impl Session {
    /// The application's own value. `None` when there is none.
    pub(crate) fn data<T: DeserializeOwned>(&self) -> Result<Option<T>, DataError> {
        decode(&self.extras.data)
    }

    /// This session with another value of the application.
    pub(crate) fn with_data(&self, data: String) -> Self {
        Self {
            extras: Extras {
                data,
                ..self.extras.clone()
            },
            ..self.clone()
        }
    }
}

/// The value in a text that [`encode`] returned. `None` for an empty text.
fn decode<T: DeserializeOwned>(text: &str) -> Result<Option<T>, DataError> {
    if text.is_empty() {
        return Ok(None);
    }
    match serde_json::from_str(text) {
        Ok(value) => Ok(Some(value)),
        Err(error) => Err(DataError::Mismatch {
            wanted: type_name::<T>(),
            column: error.column(),
        }),
    }
}

debug_with_causes!(DataError);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::error::Error;

    #[test]
    fn a_value_comes_back_and_an_empty_text_has_none() {
        let value = vec![Some("a \"word\"".to_owned()), None];
        let text = encode(&value).unwrap();
        assert_eq!(decode::<Vec<Option<String>>>(&text).unwrap(), Some(value));
        assert_eq!(decode::<u8>("").unwrap(), None);
        // Nothing, as a value, is something.
        assert_eq!(
            decode::<Option<u8>>(&encode(&()).unwrap()).unwrap(),
            Some(None)
        );
    }

    #[test]
    fn a_mismatch_names_the_type_and_the_place_but_not_the_value() {
        let text = encode(&("first", "hunter2")).unwrap();
        let error = decode::<(String, u32)>(&text).unwrap_err();
        let shown = error.to_string();
        assert!(shown.contains("(alloc::string::String, u32)"), "{shown}");
        assert!(shown.contains("at byte 18"), "{shown}");
        let shown = format!("{shown} {error:?}");
        assert!(
            !shown.contains("hunter2") && error.source().is_none(),
            "{shown}"
        );
    }

    #[test]
    fn what_is_longer_than_64_kib_is_refused() {
        let longest = "x".repeat(LIMIT - 2);
        assert_eq!(encode(&longest).unwrap().len(), 65_536);
        let error = encode(&format!("{longest}x")).unwrap_err();
        assert!(matches!(
            error,
            DataError::TooLarge {
                bytes: 65_537,
                limit: 65_536
            }
        ));
        assert!(error.to_string().contains("at most 65536"));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let error = encode(&BTreeMap::from([((1, 2), 3)])).unwrap_err();
        assert!(matches!(error, DataError::NotJson(_)));
        assert!(error.source().unwrap().to_string().contains("key"));
    }
}
