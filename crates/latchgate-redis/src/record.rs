//! How a record lies in Redis: the names of keys and fields, and how an answer becomes a record.

use base64_simd::URL_SAFE_NO_PAD;
use latchgate::store::{StoreKey, StoredName, StoredNames, StoredRecord};

/// The fields of a record, in the order in which they are read; the scripts name them, too.
pub(crate) const FIELDS: [&str; 5] = ["sealed", "generation", "expires_at", "sid", "sub"];

/// The fields as Redis answers them; all are missing where there is no record.
pub(crate) type Fields = (
    Option<Vec<u8>>,
    Option<u32>,
    Option<u64>,
    Option<String>,
    Option<String>,
);

/// What is under the key is none of our records.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Foreign;

/// A key as it stands in Redis: base64url, 43 characters.
pub(crate) fn written(key: &StoreKey) -> String {
    URL_SAFE_NO_PAD.encode_to_string(key)
}

/// A key that [`written`] wrote.
pub(crate) fn read(written: &str) -> Result<StoreKey, Foreign> {
    let bytes = URL_SAFE_NO_PAD
        .decode_to_vec(written)
        .map_err(|_| Foreign)?;
    bytes.try_into().map_err(|_| Foreign)
}

/// The key of a record's hash.
pub(crate) fn record_key(prefix: &str, key: &StoreKey) -> String {
    format!("{prefix}s:{}", written(key))
}

/// The index that a name is looked up in, its field in a record, and the name itself.
pub(crate) fn index(name: &StoredName) -> (&'static str, String) {
    match name {
        StoredName::Sid(sid) => ("sid", written(sid)),
        StoredName::Sub(sub) => ("sub", written(sub)),
    }
}

/// The record that these fields make, if there is one.
pub(crate) fn record(fields: Fields) -> Result<Option<StoredRecord>, Foreign> {
    let names = |sid: Option<String>, sub: Option<String>| match (sid, sub) {
        (None, None) => Ok(None),
        (Some(sid), Some(sub)) => Ok(Some(StoredNames {
            sid: read(&sid)?,
            sub: read(&sub)?,
        })),
        _ => Err(Foreign),
    };
    match fields {
        (None, None, None, None, None) => Ok(None),
        (Some(sealed), Some(generation), Some(expires_at), sid, sub) => Ok(Some(StoredRecord {
            sealed,
            generation,
            expires_at,
            names: names(sid, sub)?,
        })),
        _ => Err(Foreign),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_were_written() {
        let key: StoreKey = std::array::from_fn(|place| place as u8 * 8);
        assert_eq!(read(&written(&key)), Ok(key));
        assert_eq!(written(&key).len(), 43);
        for foreign in ["", "AAAA", "not base64!", &"A".repeat(44)] {
            assert_eq!(read(foreign), Err(Foreign), "{foreign}");
        }
    }

    #[test]
    fn half_a_record_is_none_of_ours() {
        assert_eq!(record((None, None, None, None, None)), Ok(None));
        let sealed = || Some(vec![1]);
        assert!(record((sealed(), Some(1), Some(2), None, None)).is_ok_and(|r| r.is_some()));
        assert_eq!(record((sealed(), None, Some(2), None, None)), Err(Foreign));
        let sid = Some(written(&[1; 32]));
        assert_eq!(
            record((sealed(), Some(1), Some(2), sid, None)),
            Err(Foreign)
        );
    }
}
