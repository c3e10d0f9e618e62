//! What an operator should know of a server: whether it writes, what a crash loses, and whether the tables are those of this
//! version.

use latchgate::{Finding, FindingCode};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::error::PostgresError;
use crate::schema::Schema;
use crate::server::Server;

/// What the server says.
struct Settings {
    synchronous_commit: String,
    fsync: String,
    is_replica: bool,
    has_migrations: bool,
}

impl Settings {
    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            synchronous_commit: row.try_get(0)?,
            fsync: row.try_get(1)?,
            is_replica: row.try_get(2)?,
            has_migrations: row.try_get(3)?,
        })
    }
}

/// Asks the server and judges what it says.
pub(crate) async fn diagnose(
    server: &Server,
    schema: &Schema,
) -> Result<Vec<Finding>, PostgresError> {
    let migrations = format!("{}.migrations", schema.quoted());
    let ask = |_| {
        sqlx::query(
            "SELECT current_setting('synchronous_commit'), current_setting('fsync'), \
             pg_is_in_recovery(), to_regclass($1) IS NOT NULL",
        )
        .bind(&migrations)
    };
    let rows = server.rows(ask).await?;
    let settings = rows.first().map(Settings::read).transpose();
    let settings = settings.map_err(|error| server.error(error))?;
    let Some(settings) = settings else {
        return Ok(Vec::new());
    };
    let taken = match settings.has_migrations {
        true => Some(last_migration(server, &migrations).await?),
        false => None,
    };
    let mut findings = vec![durability(&settings), self::schema(taken)];
    findings.extend(replica(&settings));
    Ok(findings)
}

async fn last_migration(server: &Server, migrations: &str) -> Result<i64, PostgresError> {
    let text = format!("SELECT coalesce(max(step), 0) FROM {migrations}");
    let rows = server.rows(|_| sqlx::query(&text)).await?;
    let last = rows.first().map(|row| row.try_get(0)).transpose();
    Ok(last.map_err(|error| server.error(error))?.unwrap_or(0))
}

fn durability(settings: &Settings) -> Finding {
    let code = FindingCode::StoreDurability;
    match (settings.fsync.as_str(), settings.synchronous_commit.as_str()) {
        ("off", _) => code.mistake(
            "`fsync` is `off`: a crash of the server's machine can destroy the database",
            "Set `fsync = on`",
        ),
        (_, "off") => code.warning(
            "`synchronous_commit` is `off`: a crash loses what was written last, such as a refresh token that the provider will not accept again, or a logout",
            "Set `synchronous_commit = on` for this role: `ALTER ROLE … SET synchronous_commit = on`",
        ),
        (_, commit) => code.ok(
            format!("`fsync` is `on` and `synchronous_commit` is `{commit}`: a crash loses nothing"),
        ),
    }
}

fn replica(settings: &Settings) -> Option<Finding> {
    settings.is_replica.then(|| {
        FindingCode::StoreWrites.mistake(
            "The server is a standby, which accepts no writes",
            "Connect to the primary: name its host, or an address that follows it",
        )
    })
}

/// The last migration that was taken, if any was.
fn schema(taken: Option<i64>) -> Finding {
    let code = FindingCode::StoreSchema;
    let ours = i64::try_from(Schema::STEPS.len()).unwrap_or(i64::MAX);
    match taken {
        Some(taken) if taken == ours => {
            code.ok("The tables are those of this version")
        }
        Some(taken) if taken > ours => code.hint(
            format!("The tables are those of a later version ({taken} migrations instead of {ours}), which this one works with"),
            "Bring all nodes to the later version",
        ),
        Some(taken) => code.mistake(
            format!("The tables are those of an earlier version (migrations: {taken} of {ours})"),
            "Run `PostgresStore::migrate`, as a role that may",
        ),
        None => code.mistake(
            "The tables are missing",
            "Run `PostgresStore::migrate`, as a role that may create them; the README of latchgate-postgres lists the privileges",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchgate::Severity;

    fn settings(fsync: &str, commit: &str, is_replica: bool) -> Settings {
        Settings {
            synchronous_commit: commit.to_owned(),
            fsync: fsync.to_owned(),
            is_replica,
            has_migrations: true,
        }
    }

    #[test]
    fn a_server_that_loses_writes_is_found() {
        for (fsync, commit, severity) in [
            ("on", "on", Severity::Ok),
            ("on", "local", Severity::Ok),
            ("on", "off", Severity::Warning),
            ("off", "on", Severity::Mistake),
        ] {
            let finding = durability(&settings(fsync, commit, false));
            assert_eq!(finding.severity(), severity, "{finding}");
            assert_eq!(finding.cure().is_some(), severity > Severity::Ok);
        }
        assert_eq!(replica(&settings("on", "on", false)), None);
        let standby = replica(&settings("on", "on", true)).unwrap();
        assert_eq!(standby.severity(), Severity::Mistake);
    }

    #[test]
    fn tables_of_another_version_are_found() {
        let ours = Schema::STEPS.len() as i64;
        for (taken, severity) in [
            (Some(ours), Severity::Ok),
            (Some(ours + 1), Severity::Hint),
            (Some(ours - 1), Severity::Mistake),
            (None, Severity::Mistake),
        ] {
            let finding = schema(taken);
            assert_eq!(finding.severity(), severity, "{finding}");
            assert_eq!(finding.cure().is_some(), severity > Severity::Ok);
        }
    }
}
