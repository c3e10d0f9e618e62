//! The store itself.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use latchgate::store::{
    Lease, LoadedRecord, SessionStore, StoreError, StoreFuture, StoreKey, StoredName, StoredRecord,
};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row as _};
use tokio::sync::OnceCell;

use crate::address;
use crate::error::PostgresError;
use crate::row::{milliseconds, record, signed, unsigned, written};
use crate::schema::Schema;
use crate::server::{Server, Statement, Try};
use crate::statements::Statements;

/// Rows that are swept by one statement at most: it holds their locks for milliseconds.
const BATCH: i64 = 1000;

/// A [`SessionStore`] in a PostgreSQL database, 13 or later, that any number of nodes share.
///
/// # Connections
///
/// None is made before the first call. Each call is one prepared statement, and fails when it has no
/// answer after 4.5 seconds. When a call finds its connection broken, as after a restart of the
/// server, it makes a new one and says its statement once more.
///
/// # The table
///
/// The first call makes it, in a schema of its own, unless it is there. See
/// [`PostgresStore::migrate`] when the application's role may not.
///
/// # Expired sessions
///
/// Nobody sees them, and once every [`PostgresStore::SWEEP_SECONDS`] a node that begins a session
/// deletes those in the background that expired [`PostgresStore::GRACE_SECONDS`] ago. A node that only reads never does: see [`PostgresStore::sweep`].
pub struct PostgresStore {
    server: Arc<Server>,
    schema: Schema,
    statements: Arc<Statements>,
    migrations: Migrations,
    swept_at: AtomicU64,
}

/// Who makes the tables.
enum Migrations {
    /// We do. Set when it is done.
    Ours(OnceCell<()>),
    /// Somebody else has.
    Done,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("server", &self.server.name)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// How often a node sweeps expired sessions, in seconds, by the `now` of its calls.
    pub const SWEEP_SECONDS: u64 = 60;

    /// How long an expired session lies there, in seconds: a node whose clock is ahead deletes nothing that
    /// lives for the others.
    pub const GRACE_SECONDS: u64 = 3_600;

    /// A store at `postgres://user:password@host:5432/database`. It connects when it is first used.
    ///
    /// The URL is PostgreSQL's; it may end in `?sslmode=verify-full&sslrootcert=/path/to/ca.pem` and have the
    /// parameters `application_name`, `dbname`, `host` (a socket's folder, too), `hostaddr`, `options`, `password`,
    /// `port`, `sslcert`, `sslkey` and `user`. Where it says nothing, the environment does: `PGHOST`, `PGPASSWORD`
    /// and so on. At most ten connections are made, each of which ends statements after 1.5 seconds.
    ///
    /// # Errors
    ///
    /// [`StoreError::Url`] with an [`AddressError`](crate::AddressError) that says what is wrong and what would be right.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let options = address::parse(url).map_err(|error| StoreError::Url(Box::new(error)))?;
        Ok(Self::on(Server::at(options)))
    }

    /// A store on connections that the application has already.
    ///
    /// The pool should have `test_before_acquire(false)`, or every call costs two round trips, and connections with
    /// a `statement_timeout` of less than two seconds. When a call finds its connection broken, it drops
    /// all idle connections of the pool.
    #[must_use]
    pub fn from_pool(pool: PgPool) -> Self {
        Self::on(Server::of(pool))
    }

    fn on(server: Server) -> Self {
        let schema = Schema::default();
        Self {
            server: Arc::new(server),
            statements: Arc::new(Statements::new(&schema)),
            schema,
            migrations: Migrations::Ours(OnceCell::new()),
            swept_at: AtomicU64::new(0),
        }
    }

    /// Keeps the tables in this schema instead of `latchgate`: for several applications in one database.
    ///
    /// # Errors
    ///
    /// [`StoreError::Url`] with a [`SchemaError`](crate::SchemaError) unless the name is of 1 to 63 small ASCII
    /// letters, digits and `_`, and begins with a letter; not with `pg_`.
    pub fn in_schema(self, name: &str) -> Result<Self, StoreError> {
        let schema = Schema::named(name).map_err(|error| StoreError::Url(Box::new(error)))?;
        Ok(Self {
            statements: Arc::new(Statements::new(&schema)),
            schema,
            ..self
        })
    }

    /// Leaves the tables to [`PostgresStore::migrate`], called by somebody else: where nodes shall not look
    /// for them when they start.
    #[must_use]
    pub fn without_migrations(self) -> Self {
        Self {
            migrations: Migrations::Done,
            ..self
        }
    }

    /// Makes the schema and its tables, or brings them to this version; all of it, or nothing. Where they are as
    /// they should be it changes nothing, and needs no right to create anything.
    ///
    /// Any number of nodes may do this at once: they wait for each other. Nodes of the version before go on
    /// working. Other migrations in the same database are not touched.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] with a [`PostgresError`] when the server cannot be reached, or the role
    /// may not do this.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.server.migrate(&self.schema).await.map_err(unavailable)
    }

    /// Deletes every session that has expired at `now`, in seconds since the epoch, a thousand at a time, and tells
    /// how many there were. Sessions that somebody is at are left for the next time, which is a minute later at this
    /// node unless you sweep before.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] with a [`PostgresError`]. What was deleted until then is.
    pub async fn sweep(&self, now: u64) -> Result<u64, StoreError> {
        self.swept_at.fetch_max(now, Ordering::Relaxed);
        self.ready().await.map_err(unavailable)?;
        sweep(&self.server, &self.statements, now)
            .await
            .map_err(unavailable)
    }

    /// Sweeps in the background when it is time.
    fn sweep_sometimes(&self, now: u64) {
        let last = self.swept_at.load(Ordering::Relaxed);
        let due = now >= last.saturating_add(Self::SWEEP_SECONDS);
        let ours = due
            && self
                .swept_at
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if ours {
            let (server, statements) = (Arc::clone(&self.server), Arc::clone(&self.statements));
            let before = now.saturating_sub(Self::GRACE_SECONDS);
            tokio::spawn(async move {
                if let Err(error) = sweep(&server, &statements, before).await {
                    tracing::warn!(
                        event = "sweep_failed",
                        error = &error as &dyn std::error::Error,
                        "expired sessions were not swept"
                    );
                }
            });
        }
    }

    /// Waits until the tables are there.
    async fn ready(&self) -> Result<(), PostgresError> {
        match &self.migrations {
            Migrations::Done => Ok(()),
            Migrations::Ours(done) if done.initialized() => Ok(()),
            Migrations::Ours(done) => {
                let steps = done.get_or_try_init(|| self.server.migrate(&self.schema));
                self.server.in_time(steps).await.map(drop)
            }
        }
    }

    async fn rows<'q>(
        &self,
        statement: impl Fn(Try) -> Statement<'q> + Send,
    ) -> Result<Vec<PgRow>, StoreError> {
        let call = async {
            self.ready().await?;
            self.server.rows(statement).await
        };
        self.server.in_time(call).await.map_err(unavailable)
    }

    fn record(&self, row: &PgRow) -> Result<LoadedRecord, StoreError> {
        record(row).map_err(|error| unavailable(self.server.error(error)))
    }
}

impl SessionStore for PostgresStore {
    fn load<'a>(&'a self, key: &'a StoreKey, now: u64) -> StoreFuture<'a, Option<LoadedRecord>> {
        Box::pin(async move {
            let load = |_| {
                sqlx::query(&self.statements.load)
                    .bind(key.as_slice())
                    .bind(signed(now))
            };
            let rows = self.rows(load).await?;
            rows.first().map(|row| self.record(row)).transpose()
        })
    }

    fn insert<'a>(
        &'a self,
        key: &'a StoreKey,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let insert = |said| {
                written(&self.statements.insert, key, &record, now).bind(said == Try::Second)
            };
            let rows = self.rows(insert).await?;
            self.sweep_sometimes(now);
            Ok(!rows.is_empty())
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a StoreKey,
        expected: u32,
        record: StoredRecord,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let replace =
                |_| written(&self.statements.replace, key, &record, now).bind(i64::from(expected));
            Ok(!self.rows(replace).await?.is_empty())
        })
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let remove = |_| sqlx::query(&self.statements.remove).bind(key.as_slice());
            self.rows(remove).await.map(drop)
        })
    }

    fn lease<'a>(
        &'a self,
        key: &'a StoreKey,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, Lease> {
        Box::pin(async move {
            // Said again after an answer that was lost, it finds its own lease and answers `Held`: everybody waits
            // until that has run out, and nobody has it twice.
            let lease = |_| {
                sqlx::query(&self.statements.lease)
                    .bind(key.as_slice())
                    .bind(signed(now))
                    .bind(milliseconds(duration))
            };
            let rows = self.rows(lease).await?;
            let Some(row) = rows.first() else {
                return Ok(Lease::Missing);
            };
            let fence: Option<i64> = row
                .try_get(3)
                .map_err(|error| unavailable(self.server.error(error)))?;
            let Some(fence) = fence else {
                return Ok(Lease::Held);
            };
            Ok(Lease::granted(unsigned(fence), self.record(row)?))
        })
    }

    fn extend_lease<'a>(
        &'a self,
        key: &'a StoreKey,
        fence: u64,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let extend = |_| {
                sqlx::query(&self.statements.extend_lease)
                    .bind(key.as_slice())
                    .bind(signed(now))
                    .bind(milliseconds(duration))
                    .bind(signed(fence))
            };
            Ok(!self.rows(extend).await?.is_empty())
        })
    }

    fn release_lease<'a>(&'a self, key: &'a StoreKey, fence: u64) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let release = |_| {
                sqlx::query(&self.statements.release_lease)
                    .bind(key.as_slice())
                    .bind(signed(fence))
            };
            self.rows(release).await.map(drop)
        })
    }

    fn find<'a>(
        &'a self,
        name: &'a StoredName,
        now: u64,
    ) -> StoreFuture<'a, Option<Vec<StoreKey>>> {
        Box::pin(async move {
            let (text, name) = match name {
                StoredName::Sid(sid) => (&self.statements.find_sid, sid),
                StoredName::Sub(sub) => (&self.statements.find_sub, sub),
                _ => return Ok(None),
            };
            let find = |_| sqlx::query(text).bind(name.as_slice()).bind(signed(now));
            let rows = self.rows(find).await?;
            let keys: Result<Vec<StoreKey>, sqlx::Error> =
                rows.iter().map(|row| row.try_get(0)).collect();
            keys.map(Some)
                .map_err(|error| unavailable(self.server.error(error)))
        })
    }
}

async fn sweep(server: &Server, statements: &Statements, now: u64) -> Result<u64, PostgresError> {
    let mut swept = 0;
    loop {
        let batch = |_| sqlx::query(&statements.sweep).bind(signed(now)).bind(BATCH);
        let gone = server.rows(batch).await?.len();
        swept += gone as u64;
        if (gone as i64) < BATCH {
            return Ok(swept);
        }
    }
}

fn unavailable(error: PostgresError) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}
