//! A record in Redis: the names of keys and fields, and how an answer becomes a record.

use base64_simd::URL_SAFE_NO_PAD;
use latchgate::store::{LoadedRecord, StoreKey, StoredName};

/// The fields of a record that are loaded. `lease.lua` loads the same.
pub(crate) const FIELDS: [&str; 3] = ["sealed", "generation", "expires_at"];

/// The fields as Redis answers them. All are missing when there is no record.
pub(crate) type Fields = (Option<Vec<u8>>, Option<u32>, Option<u64>);

/// What is under the key is not a record of this store.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Foreign;

/// A key as it is written in Redis: base64url, 43 characters.
pub(crate) fn written(key: &StoreKey) -> String {
    URL_SAFE_NO_PAD.encode_to_string(key)
}

/// The key that [`written`] wrote.
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

/// The index of a name, which is also the name's field in a record, and the name itself. `None` when
/// there is no index for it.
pub(crate) fn index(name: &StoredName) -> Option<(&'static str, String)> {
    match name {
        StoredName::Sid(sid) => Some(("sid", written(sid))),
        StoredName::Sub(sub) => Some(("sub", written(sub))),
        _ => None,
    }
}

/// The record that these fields make, if there is one.
pub(crate) fn record(fields: Fields) -> Result<Option<LoadedRecord>, Foreign> {
    match fields {
        (None, None, None) => Ok(None),
        (Some(sealed), Some(generation), Some(expires_at)) => {
            Ok(Some(LoadedRecord::new(sealed, generation, expires_at)))
        }
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
        assert_eq!(record((None, None, None)), Ok(None));
        let sealed = || Some(vec![1]);
        assert!(record((sealed(), Some(1), Some(2))).is_ok_and(|r| r.is_some()));
        assert_eq!(record((sealed(), None, Some(2))), Err(Foreign));
        assert_eq!(record((None, Some(1), Some(2))), Err(Foreign));
    }

    #[test]
    fn a_lease_loads_the_same_fields() {
        let quoted = FIELDS.map(|field| format!("'{field}'")).join(", ");
        let load = format!("redis.call('HMGET', record, {quoted})\n");
        assert!(include_str!("scripts/lease.lua").contains(&load), "{load}");
    }
}
