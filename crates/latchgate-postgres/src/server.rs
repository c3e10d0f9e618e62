//! The way to the server: connections, how long we wait, and a second try when a connection turns out to be dead.

use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{Connection as _, Executor as _, PgPool, Postgres};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::address::describe;
use crate::error::PostgresError;
use crate::schema::{Schema, Steps};

/// A statement with its arguments.
pub(crate) type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// What comes back.
type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<PgRow>, sqlx::Error>> + Send + 'a>>;

/// A call takes no longer, whatever happens. The contract of stores says five seconds.
const CALL: Duration = Duration::from_millis(4500);

/// A connection is there within this time: from the pool, or a new one.
const CONNECT: Duration = Duration::from_secs(3);

/// A server that is there answers within this time. Every statement of ours is about one row, or a few.
const ANSWER: Duration = Duration::from_secs(2);

/// The server itself ends statements after this time, so that none waits on for a lock when we have left. In milliseconds.
const STATEMENT_TIMEOUT: &str = "1500";

/// PostgreSQL's code for what a pooler says to a parameter that it does not know.
const PROTOCOL_VIOLATION: &str = "08P01";

/// Connections of a pool that we make. A statement takes a fraction of a millisecond.
const CONNECTIONS: u32 = 10;

/// Which try it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Try {
    First,
    /// Nobody knows what became of the first.
    Second,
}

/// A PostgreSQL server and our connections to it.
#[derive(Debug)]
pub(crate) struct Server {
    /// Host, port and database, as errors name them.
    pub(crate) name: String,
    connections: Connections,
}

enum Connections {
    /// The application's own.
    Given(PgPool),
    /// Made by the first call: a pool needs a runtime, and whoever opens a store may have none yet.
    Ours {
        options: Box<PgConnectOptions>,
        pool: OnceLock<PgPool>,
    },
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Given(_) => "Given",
            Self::Ours { .. } => "Ours",
        })
    }
}

/// What a failure of a statement tells about its connection.
enum Verdict {
    /// The connection is no good any more.
    Dead,
    /// Two statements met at one row, and the server wants this one again.
    Again,
    /// The server's last word.
    Final,
}

impl Server {
    /// A server to which we make connections when they are needed.
    pub(crate) fn at(options: PgConnectOptions) -> Self {
        // We have no floats, and poolers do not like to hear of them.
        let options = options.extra_float_digits(None);
        Self {
            name: describe(&options),
            connections: Connections::Ours {
                options: Box::new(options),
                pool: OnceLock::new(),
            },
        }
    }

    /// A server to which the application has connections.
    pub(crate) fn of(pool: PgPool) -> Self {
        Self {
            name: describe(&pool.connect_options()),
            connections: Connections::Given(pool),
        }
    }

    fn pool(&self) -> &PgPool {
        match &self.connections {
            Connections::Given(pool) => pool,
            Connections::Ours { options, pool } => pool.get_or_init(|| {
                PgPoolOptions::new()
                    .max_connections(CONNECTIONS)
                    .acquire_timeout(CONNECT)
                    // It would cost each call a round trip. A dead connection costs one call a second try.
                    .test_before_acquire(false)
                    .connect_lazy_with(
                        (**options)
                            .clone()
                            .options([("statement_timeout", STATEMENT_TIMEOUT)]),
                    )
            }),
        }
    }

    async fn acquire(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        match self.pool().acquire().await {
            Err(error) if self.ask_for_less(&error) => self.pool().acquire().await,
            acquired => acquired,
        }
    }

    /// Asks for connections without a statement timeout from now on, if ours are refused because of it: poolers such as
    /// PgBouncer do not know that parameter.
    fn ask_for_less(&self, error: &sqlx::Error) -> bool {
        let (sqlx::Error::Database(report), Connections::Ours { options, .. }) =
            (error, &self.connections)
        else {
            return false;
        };
        let refused = report.code().as_deref() == Some(PROTOCOL_VIOLATION);
        if refused {
            tracing::warn!(
                event = "statement_timeout_refused",
                server = self.name,
                "PostgreSQL refuses connections with a statement_timeout: set one for the role"
            );
            self.pool().set_connect_options((**options).clone());
        }
        refused
    }

    /// The rows that a statement gives. When its connection breaks on the way it is said once more, by a new connection.
    pub(crate) async fn rows<'q>(
        &self,
        statement: impl Fn(Try) -> Statement<'q> + Send,
    ) -> Result<Vec<PgRow>, PostgresError> {
        let tries = async {
            match self.once(statement(Try::First)).await {
                Err((Verdict::Dead | Verdict::Again, _)) => self.once(statement(Try::Second)).await,
                answer => answer,
            }
        };
        match timeout(CALL, tries).await {
            Ok(answer) => answer.map_err(|(_, error)| error),
            Err(_) => Err(self.silent()),
        }
    }

    async fn once(&self, statement: Statement<'_>) -> Result<Vec<PgRow>, (Verdict, PostgresError)> {
        // The pool has tried for long enough itself.
        let acquired = self.acquire().await;
        let connection = acquired.map_err(|error| (Verdict::Final, self.error(error)))?;
        let mut borrowed = Borrowed(Some(connection));
        match timeout(ANSWER, borrowed.say(statement)).await {
            Ok(Ok(rows)) => {
                borrowed.give_back();
                Ok(rows)
            }
            Ok(Err(error)) => {
                let verdict = verdict(&error);
                match verdict {
                    Verdict::Dead => self.discard(borrowed),
                    Verdict::Again | Verdict::Final => borrowed.give_back(),
                }
                Err((verdict, self.error(error)))
            }
            Err(_) => {
                self.discard(borrowed);
                Err((Verdict::Dead, self.silent()))
            }
        }
    }

    /// Drops a connection, and all that wait in the pool: what broke one has probably broken them all, and the second
    /// try shall not find the next of them.
    fn discard(&self, mut dead: Borrowed) {
        if let Some(connection) = dead.0.take() {
            drop(connection.detach());
        }
        while let Some(idle) = self.pool().try_acquire() {
            drop(idle.detach());
        }
    }

    /// Makes the tables. For how long is the caller's business.
    pub(crate) async fn migrate(&self, schema: &Schema) -> Result<(), PostgresError> {
        let acquired = timeout(CALL, self.acquire()).await;
        let connection = acquired
            .map_err(|_| self.silent())?
            .map_err(|error| self.error(error))?;
        let mut borrowed = Borrowed(Some(connection));
        let taken = borrowed.take_steps(schema).await;
        taken.map_err(|error| self.error(error))?;
        borrowed.give_back();
        Ok(())
    }

    /// Within the time of a call.
    pub(crate) async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<T, PostgresError>>,
    ) -> Result<T, PostgresError> {
        timeout(CALL, call)
            .await
            .unwrap_or_else(|_| Err(self.silent()))
    }

    pub(crate) fn error(&self, error: sqlx::Error) -> PostgresError {
        PostgresError::new(&self.name, error)
    }

    fn silent(&self) -> PostgresError {
        PostgresError::NoAnswer {
            server: self.name.clone(),
        }
    }
}

/// A connection in use. One that is left in the middle of a statement, because nobody waits for the answer any more,
/// goes back to the pool only if the server still answers: else it would keep its place there until TCP gives up.
struct Borrowed(Option<PoolConnection<Postgres>>);

impl Borrowed {
    fn say<'a, 'q: 'a>(&'a mut self, statement: Statement<'q>) -> Answer<'a> {
        match &mut self.0 {
            Some(connection) => connection.fetch_all(statement),
            None => Box::pin(async { Err(sqlx::Error::PoolClosed) }),
        }
    }

    fn take_steps<'a>(&'a mut self, schema: &'a Schema) -> Steps<'a> {
        match &mut self.0 {
            Some(connection) => schema.migrate(connection),
            None => Box::pin(async { Err(sqlx::Error::PoolClosed) }),
        }
    }

    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let Some(mut connection) = self.0.take() else {
            return;
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                if !matches!(timeout(ANSWER, connection.ping()).await, Ok(Ok(()))) {
                    drop(connection.detach());
                }
            })),
            Err(_) => drop(connection.detach()),
        }
    }
}

fn verdict(error: &sqlx::Error) -> Verdict {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => Verdict::Dead,
        sqlx::Error::Database(report) => match report.code().as_deref().unwrap_or_default() {
            // Connections that break, servers that shut down; a primary that has become a standby, a pooler that has
            // lost our prepared statements.
            code if code.starts_with("08") || code.starts_with("57P") => Verdict::Dead,
            "25006" | "26000" => Verdict::Dead,
            // Serialization failure and deadlock, where a role's transactions are stricter than the default.
            "40001" | "40P01" => Verdict::Again,
            _ => Verdict::Final,
        },
        _ => Verdict::Final,
    }
}
