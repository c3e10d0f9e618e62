//! What goes wrong between us and the server.

use std::error::Error;
use std::fmt;

/// Why a call of the store failed. It names the server and its database, and neither a key nor what
/// lies under it: of PostgreSQL's own reports only code and headline are kept, whose details may quote rows.
#[non_exhaustive]
pub enum PostgresError {
    /// No connection was to be had in time: the server is down, or all connections are taken.
    NoConnection {
        /// Host, port and database.
        server: String,
    },
    /// The connection could not be made, or broke.
    Connection {
        /// Host, port and database.
        server: String,
        /// What the network or TLS says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server took too long.
    NoAnswer {
        /// Host, port and database.
        server: String,
    },
    /// The server refused.
    Refused {
        /// Host, port and database.
        server: String,
        /// [PostgreSQL's code](https://www.postgresql.org/docs/current/errcodes-appendix.html).
        code: String,
        /// PostgreSQL's headline.
        message: String,
    },
    /// The table is not the one this version made.
    Table {
        /// Host, port and database.
        server: String,
    },
}

impl PostgresError {
    /// What sqlx reports, without what might quote a row.
    pub(crate) fn new(server: &str, error: sqlx::Error) -> Self {
        let server = server.to_owned();
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::NoConnection { server },
            sqlx::Error::Database(report) => Self::Refused {
                server,
                code: report.code().unwrap_or_default().into_owned(),
                message: report.message().to_owned(),
            },
            sqlx::Error::Io(source) => Self::Connection {
                server,
                source: source.into(),
            },
            sqlx::Error::Tls(source) | sqlx::Error::Configuration(source) => {
                Self::Connection { server, source }
            }
            sqlx::Error::Protocol(what) => Self::Connection {
                server,
                source: what.into(),
            },
            _ => Self::Table { server },
        }
    }

    /// What can be done about a refusal.
    fn cure(code: &str) -> &'static str {
        match code {
            // A schema, a table, a column that is not there.
            "3F000" | "42P01" | "42703" => "; the tables are made by `PostgresStore::migrate`",
            "42501" => "; the README of latchgate-postgres lists the rights a role needs",
            "25006" => "; this server is a standby: connect to the primary",
            // A prepared statement that is not there, or is there twice.
            "26000" | "42P05" => {
                "; a pooler in transaction mode has to know prepared statements: PgBouncer 1.21 with max_prepared_statements"
            }
            _ => "",
        }
    }
}

impl fmt::Display for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConnection { server } => write!(
                f,
                "no connection to PostgreSQL at {server} in time: it is down, or all connections are taken"
            ),
            Self::Connection { server, .. } => {
                write!(f, "the connection to PostgreSQL at {server} failed")
            }
            Self::NoAnswer { server } => {
                write!(f, "PostgreSQL at {server} did not answer in time")
            }
            Self::Refused {
                server,
                code,
                message,
            } => write!(
                f,
                "PostgreSQL at {server} refused: {message} ({code}){}",
                Self::cure(code)
            ),
            Self::Table { server } => write!(
                f,
                "the table of sessions in PostgreSQL at {server} is not the one that `PostgresStore::migrate` makes"
            ),
        }
    }
}

impl Error for PostgresError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Connection { source, .. } => Some(source.as_ref()),
            _ => None,
        }
    }
}

impl fmt::Debug for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        latchgate::store::write_with_causes(self, f)
    }
}
