//! A record as the columns of a row, and numbers as PostgreSQL stores them.

use std::time::Duration;

use latchgate::store::{LoadedRecord, StoreKey, StoredRecord};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::server::Statement;

/// A statement whose first arguments are a record.
pub(crate) fn written<'q>(
    text: &'q str,
    key: &'q StoreKey,
    record: &'q StoredRecord,
    now: u64,
) -> Statement<'q> {
    let names = record.names.as_ref();
    sqlx::query(text)
        .bind(key.as_slice())
        .bind(record.sealed.as_slice())
        .bind(i64::from(record.generation))
        .bind(signed(record.expires_at))
        .bind(names.map(|names| names.sid.as_slice()))
        .bind(names.map(|names| names.sub.as_slice()))
        .bind(signed(now))
}

/// A record from the first columns of a row: sealed, generation and expires_at.
pub(crate) fn record(row: &PgRow) -> Result<LoadedRecord, sqlx::Error> {
    let generation: i64 = row.try_get(1)?;
    let generation =
        u32::try_from(generation).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    let expires_at = unsigned(row.try_get(2)?);
    Ok(LoadedRecord::new(row.try_get(0)?, generation, expires_at))
}

/// Seconds and fences as PostgreSQL stores them. Larger numbers become the largest it has.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// Up to seven weeks.
pub(crate) fn milliseconds(duration: Duration) -> i64 {
    u32::try_from(duration.as_millis()).map_or(i64::from(u32::MAX), i64::from)
}
