//! Connections to the server, time limits, and a second try when a connection turns out to be dead.

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

/// The rows of a statement.
type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<PgRow>, sqlx::Error>> + Send + 'a>>;

/// The time limit of a call. The contract of stores says five seconds.
const CALL: Duration = Duration::from_millis(4500);

/// The time limit for a connection, from the pool or new.
pub(crate) const CONNECT: Duration = Duration::from_secs(3);

/// The time limit of an answer. A statement concerns one row, or a few.
pub(crate) const ANSWER: Duration = Duration::from_secs(2);

/// The time after which the server cancels a statement, in milliseconds, so that none waits for a lock after its caller has gone.
const STATEMENT_TIMEOUT: &str = "1500";

/// The code with which a pooler refuses an unknown parameter.
const PROTOCOL_VIOLATION: &str = "08P01";

/// The connections of our own pool. A statement takes a fraction of a millisecond.
const CONNECTIONS: u32 = 10;

/// Which try it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Try {
    First,
    /// The first try had no answer: nobody knows whether the server ran it.
    Second,
}

/// A PostgreSQL server and our connections to it.
#[derive(Debug)]
pub(crate) struct Server {
    /// Host, port and database, for errors.
    pub(crate) name: String,
    connections: Connections,
}

enum Connections {
    /// The application's pool.
    Given(PgPool),
    /// Our own pool, made at the first call: a pool needs a runtime, and there may be none when a store is opened.
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

/// What an error of a statement says about its connection.
enum Verdict {
    /// The connection is dead.
    Dead,
    /// Two statements collided at one row, and this one must be repeated.
    Again,
    /// A second try would fail as well.
    Final,
}

impl Server {
    /// A server to which the store connects when needed.
    pub(crate) fn at(options: PgConnectOptions) -> Self {
        // There are no floats here, and poolers refuse this parameter.
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
                    // The test would cost each call a round trip. A dead connection costs one call a second try.
                    .test_before_acquire(false)
                    .connect_lazy_with(
                        (**options)
                            .clone()
                            .options([("statement_timeout", STATEMENT_TIMEOUT)]),
                    )
            }),
        }
    }

    /// A pool for one connection that is kept, so that calls can use all the others.
    pub(crate) fn connection_of_its_own(&self) -> PgPool {
        let options = match &self.connections {
            Connections::Given(pool) => (*pool.connect_options()).clone(),
            Connections::Ours { options, .. } => (**options).clone(),
        };
        PgPoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options)
    }

    async fn acquire(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        match self.pool().acquire().await {
            Err(error) if self.ask_for_less(&error) => self.pool().acquire().await,
            acquired => acquired,
        }
    }

    /// When connections are refused because of the statement timeout, connects without it from now on: poolers such as
    /// PgBouncer do not know the parameter.
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
                "the server refuses connections with a statement_timeout: set it for the role"
            );
            self.pool().set_connect_options((**options).clone());
        }
        refused
    }

    /// The rows of a statement. When its connection breaks, the statement runs once more on a new one.
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
        // The pool has already tried for long enough.
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

    /// Drops a connection and all idle ones of the pool: what broke one has probably broken them all, and the second try
    /// should not get a broken one.
    fn discard(&self, mut dead: Borrowed) {
        if let Some(connection) = dead.0.take() {
            drop(connection.detach());
        }
        while let Some(idle) = self.pool().try_acquire() {
            drop(idle.detach());
        }
    }

    /// Makes the tables. The caller sets the time limit.
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

    /// Applies the time limit of a call.
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

/// A connection in use. When its caller has gone in the middle of a statement, it returns to the pool only if the server
/// still answers: otherwise it would stay there until TCP gives up.
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
            // A broken connection, a server that shuts down, a primary that has become a standby, a pooler that has
            // lost the prepared statements.
            code if code.starts_with("08") || code.starts_with("57P") => Verdict::Dead,
            "25006" | "26000" => Verdict::Dead,
            // Serialization failure and deadlock, where a role's transactions are stricter than the default.
            "40001" | "40P01" => Verdict::Again,
            _ => Verdict::Final,
        },
        _ => Verdict::Final,
    }
}
