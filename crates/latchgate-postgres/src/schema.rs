//! The schema of the tables, and the migrations that make them.

use std::fmt;
use std::pin::Pin;

use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

/// Nodes that start at the same time wait for each other at this lock. "latchgat" in ASCII.
const LOCK: i64 = 0x6c61_7463_6867_6174;

/// PostgreSQL truncates longer names.
const LONGEST: usize = 63;

/// Running migrations.
pub(crate) type Steps<'a> = Pin<Box<dyn Future<Output = Result<(), sqlx::Error>> + Send + 'a>>;

/// The name of a schema.
#[derive(Clone, Debug)]
pub(crate) struct Schema(String);

/// The name of a schema is invalid.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaError;

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the name of the schema must have 1 to {LONGEST} lowercase ASCII letters, digits and `_`, and begin with a letter but not with `pg_`"
        )
    }
}

impl std::error::Error for SchemaError {}

impl fmt::Debug for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        latchgate::store::write_with_causes(self, f)
    }
}

impl Default for Schema {
    fn default() -> Self {
        Self("latchgate".to_owned())
    }
}

impl Schema {
    /// Every migration, in order. A published one never changes, and each can run while nodes of the
    /// previous version are still running.
    pub(crate) const STEPS: &[&str] = &[include_str!("../migrations/1_sessions.sql")];

    /// A name that needs no escaping.
    pub(crate) fn named(name: &str) -> Result<Self, SchemaError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let fits = (1..=LONGEST).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(plain)
            && !name.starts_with("pg_");
        if fits {
            Ok(Self(name.to_owned()))
        } else {
            Err(SchemaError)
        }
    }

    /// The name in quotes, for statements: it may be a keyword of SQL.
    pub(crate) fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }

    /// Runs the missing migrations, all or none. When none is missing, it needs no privilege to create
    /// anything.
    pub(crate) fn migrate<'a>(&'a self, connection: &'a mut PgConnection) -> Steps<'a> {
        Box::pin(self.take(connection))
    }

    async fn take(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let schema = self.quoted();
        let mut steps = connection.begin().await?;
        // The lock ends with the transaction, so it works through a pooler.
        let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK);
        steps.execute(lock).await?;
        let found =
            sqlx::query("SELECT to_regnamespace($1) IS NOT NULL, to_regclass($2) IS NOT NULL")
                .bind(&schema)
                .bind(format!("{schema}.migrations"));
        let found = steps.fetch_one(found).await?;
        if !found.try_get::<bool, _>(0)? {
            steps.execute(&*format!("CREATE SCHEMA {schema}")).await?;
        }
        if !found.try_get::<bool, _>(1)? {
            let table = format!(
                "CREATE TABLE {schema}.migrations (step bigint PRIMARY KEY, taken_at timestamptz NOT NULL DEFAULT now())"
            );
            steps.execute(&*table).await?;
        }
        let last = format!("SELECT coalesce(max(step), 0) FROM {schema}.migrations");
        let last: i64 = steps.fetch_one(&*last).await?.try_get(0)?;
        for (number, step) in (1..)
            .zip(Self::STEPS)
            .skip_while(|(number, _)| *number <= last)
        {
            steps.execute(&*step.replace("{schema}", &schema)).await?;
            let taken = format!("INSERT INTO {schema}.migrations (step) VALUES ({number})");
            steps.execute(&*taken).await?;
        }
        steps.commit().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_names() {
        for name in ["latchgate", "select", "a1_b"] {
            assert_eq!(Schema::named(name).unwrap().quoted(), format!("\"{name}\""));
        }
        let long = "a".repeat(64);
        for name in [
            "", "1a", "_a", "A", "a b", "a\"b", "a.b", "ä", "pg_x", &long,
        ] {
            assert_eq!(Schema::named(name).unwrap_err(), SchemaError, "{name}");
        }
    }

    #[test]
    fn every_step_is_for_whatever_schema() {
        for step in Schema::STEPS {
            assert!(step.contains("{schema}.") && !step.contains("latchgate"));
        }
    }
}
