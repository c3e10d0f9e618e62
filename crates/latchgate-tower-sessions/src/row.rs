//! A record of latchgate as a record of tower-sessions.

use base64_simd::STANDARD_NO_PAD as BASE64;
use latchgate::store::{StoreKey, StoredNames, StoredRecord};
use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime, Time};
use tower_sessions_core::session::{Id, Record};

/// The member of the record's data.
const MEMBER: &str = "latchgate";

/// The content of that member. Bytes are base64.
#[derive(Serialize, Deserialize)]
struct Row {
    /// The whole key: an id has room for half of it.
    key: String,
    sealed: String,
    generation: u32,
    expires_at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    names: Option<Names>,
}

#[derive(Serialize, Deserialize)]
struct Names {
    sid: String,
    sub: String,
}

/// The id for a key. Keys are hashes, and half of one is as good as random.
pub(crate) fn id(key: &StoreKey) -> Id {
    let mut half = [0; 16];
    half.copy_from_slice(&key[..16]);
    Id(i128::from_le_bytes(half))
}

/// The record to save for a key. `None` when JSON cannot express it.
pub(crate) fn written(key: &StoreKey, record: &StoredRecord) -> Option<Record> {
    let row = Row {
        key: BASE64.encode_to_string(key),
        sealed: BASE64.encode_to_string(&record.sealed),
        generation: record.generation,
        expires_at: record.expires_at,
        names: record.names.map(|names| Names {
            sid: BASE64.encode_to_string(names.sid),
            sub: BASE64.encode_to_string(names.sub),
        }),
    };
    let row = serde_json::to_value(row).ok()?;
    Some(Record {
        id: id(key),
        data: [(MEMBER.to_owned(), row)].into(),
        expiry_date: date(record.expires_at),
    })
}

/// The record that was saved for a key. `None` when it belongs to another key or another application.
pub(crate) fn read(key: &StoreKey, mut record: Record) -> Option<StoredRecord> {
    let row: Row = serde_json::from_value(record.data.remove(MEMBER)?).ok()?;
    if bytes(&row.key)? != *key {
        return None;
    }
    let sealed = BASE64.decode_to_vec(row.sealed).ok()?;
    let record = StoredRecord::new(sealed, row.generation, row.expires_at);
    Some(match row.names {
        None => record,
        Some(names) => record.with_names(StoredNames::new(bytes(&names.sid)?, bytes(&names.sub)?)),
    })
}

fn bytes(text: &str) -> Option<StoreKey> {
    BASE64.decode_to_vec(text).ok()?.try_into().ok()
}

/// A time of tower-sessions, whose last year is 9999.
fn date(seconds: u64) -> OffsetDateTime {
    let date = i64::try_from(seconds).ok();
    date.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .unwrap_or(OffsetDateTime::new_utc(Date::MAX, Time::MIDNIGHT))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: StoreKey = [3; 32];

    fn record(expires_at: u64) -> StoredRecord {
        let names = StoredNames::new([1; 32], [2; 32]);
        StoredRecord::new(vec![0, 0xff, 7], u32::MAX, expires_at).with_names(names)
    }

    #[test]
    fn records_come_back_whatever_their_expiry() {
        for expires_at in [0, 1, 1_900_000_000, u64::MAX] {
            let written = written(&KEY, &record(expires_at)).unwrap();
            assert_eq!(read(&KEY, written), Some(record(expires_at)));
        }
        assert_eq!(date(1_900_000_000).unix_timestamp(), 1_900_000_000);
        assert_eq!(date(u64::MAX).year(), 9_999);
    }

    #[test]
    fn a_record_under_half_a_key_is_somebody_elses() {
        let mut other = KEY;
        other[31] = 4;
        assert_eq!(id(&other), id(&KEY));
        let theirs = written(&other, &record(9)).unwrap();
        assert_eq!(read(&KEY, theirs), None);
        let visitors = Record {
            id: id(&KEY),
            data: [("counter".to_owned(), 7.into())].into(),
            expiry_date: date(9),
        };
        assert_eq!(read(&KEY, visitors), None);
    }
}
