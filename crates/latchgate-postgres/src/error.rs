//! Why a call to PostgreSQL failed.

use std::error::Error;
use std::fmt;

/// Why a call of the store failed. It names the server and its database, and contains no key and no content: of
/// PostgreSQL's own message it keeps the code and the headline, because the details may quote rows.
#[non_exhaustive]
pub enum PostgresError {
    /// No connection in time: the server is down, or all connections are in use.
    NoConnection {
        /// Host, port and database.
        server: String,
    },
    /// The connection failed.
    Connection {
        /// Host, port and database.
        server: String,
        /// The error of the network or of TLS.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server did not answer in time.
    NoAnswer {
        /// Host, port and database.
        server: String,
    },
    /// The server refused the statement.
    Refused {
        /// Host, port and database.
        server: String,
        /// [PostgreSQL's code](https://www.postgresql.org/docs/current/errcodes-appendix.html).
        code: String,
        /// PostgreSQL's headline.
        message: String,
    },
    /// The table is not the one that this version makes.
    Table {
        /// Host, port and database.
        server: String,
    },
}

impl PostgresError {
    /// The error of sqlx, without what might quote a row.
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

    /// What to do, for codes that have one cause.
    fn cure(code: &str) -> &'static str {
        match code {
            // A schema, a table or a column is missing.
            "3F000" | "42P01" | "42703" => "; run `PostgresStore::migrate`",
            "42501" => "; the README of latchgate-postgres lists the privileges that a role needs",
            "25006" => "; the server is a standby: connect to the primary",
            // A prepared statement is missing, or there twice.
            "26000" | "42P05" => {
                "; a pooler in transaction mode must support prepared statements: PgBouncer 1.21 with max_prepared_statements"
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
                "no connection to PostgreSQL at {server} in time: it is down, or all connections are in use"
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
                "PostgreSQL at {server} refused the statement: {message} ({code}){}",
                Self::cure(code)
            ),
            Self::Table { server } => write!(
                f,
                "the table `sessions` in PostgreSQL at {server} is not the one that `PostgresStore::migrate` makes"
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
