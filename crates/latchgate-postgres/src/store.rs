//! The store.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use latchgate::Finding;
use latchgate::store::{
    Lease, LeaseEnds, LoadedRecord, SessionStore, StoreError, StoreFuture, StoreKey, StoredName,
    StoredRecord,
};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row as _};
use tokio::sync::OnceCell;

use crate::address;
use crate::diagnosis;
use crate::error::PostgresError;
use crate::lease_ends;
use crate::row::{milliseconds, record, signed, unsigned, written};
use crate::schema::Schema;
use crate::server::{Server, Statement, Try};
use crate::statements::Statements;

/// The most rows that one statement sweeps: it holds their locks for milliseconds.
const BATCH: i64 = 1000;

/// A [`SessionStore`] in a PostgreSQL database, 13 or later, that any number of nodes share.
///
/// # Connections
///
/// The store connects at its first call. Each call is one prepared statement, and fails when it has no
/// answer after 4.5 seconds. When its connection is broken, as after a restart of the server, the call
/// runs its statement once more on a new one.
///
/// # The table
///
/// The first call makes it, in a schema of its own, unless it exists. See [`PostgresStore::migrate`]
/// when the application's role has no privilege to do so.
///
/// # Expired sessions
///
/// No call sees them. A node that inserts a session deletes, in the background and at most once every
/// [`PostgresStore::SWEEP_SECONDS`], those that expired [`PostgresStore::GRACE_SECONDS`] ago. A node that
/// inserts none never does: see [`PostgresStore::sweep`].
pub struct PostgresStore {
    server: Arc<Server>,
    schema: Schema,
    statements: Arc<Statements>,
    migrations: Migrations,
    swept_at: AtomicU64,
    lease_ends: LeaseEnds,
}

/// What makes the tables.
enum Migrations {
    /// The first call does. Set when it is done.
    Ours(OnceCell<()>),
    /// They exist.
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

    /// How long an expired session stays in the table, in seconds, so that a node whose clock is ahead
    /// deletes no session that is active for the others.
    pub const GRACE_SECONDS: u64 = 3_600;

    /// A store at `postgres://user:password@host:5432/database`. It connects at its first call.
    ///
    /// The URL is PostgreSQL's. It may end in `?sslmode=verify-full&sslrootcert=/path/to/ca.pem`, and have the
    /// parameters `application_name`, `dbname`, `host` (or the folder of a socket), `hostaddr`, `options`, `password`,
    /// `port`, `sslcert`, `sslkey` and `user`. Defaults come from the environment: `PGHOST`, `PGPASSWORD` and so on.
    /// The store makes at most ten connections, with a `statement_timeout` of 1.5 seconds.
    ///
    /// # Errors
    ///
    /// [`StoreError::Url`] with an [`AddressError`](crate::AddressError) that says what is wrong and what would be right.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let options = address::parse(url).map_err(|error| StoreError::Url(Box::new(error)))?;
        Ok(Self::on(Server::at(options)))
    }

    /// A store on the application's own connections.
    ///
    /// Set `test_before_acquire(false)` on the pool, or every call costs two round trips, and a `statement_timeout` of
    /// less than two seconds on its connections. A call that finds its connection broken drops all idle connections of
    /// the pool.
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
            lease_ends: LeaseEnds::new(),
        }
    }

    /// Keeps the tables in this schema instead of `latchgate`, so that several applications can share a database.
    ///
    /// # Errors
    ///
    /// [`StoreError::Url`] with a [`SchemaError`](crate::SchemaError) unless the name has 1 to 63 lowercase
    /// ASCII letters, digits and `_`, and begins with a letter but not with `pg_`.
    pub fn in_schema(self, name: &str) -> Result<Self, StoreError> {
        let schema = Schema::named(name).map_err(|error| StoreError::Url(Box::new(error)))?;
        Ok(Self {
            statements: Arc::new(Statements::new(&schema)),
            schema,
            ..self
        })
    }

    /// Neither makes the tables nor looks for them: something else must call [`PostgresStore::migrate`].
    #[must_use]
    pub fn without_migrations(self) -> Self {
        Self {
            migrations: Migrations::Done,
            ..self
        }
    }

    /// Makes the schema and its tables, or migrates them to this version, in one transaction. When they are up to date
    /// it changes nothing, and needs no privilege to create anything.
    ///
    /// Nodes that do this at the same time wait for each other. Nodes of the previous version keep working. Other
    /// migrations in the same database are not touched.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] with a [`PostgresError`] when the server cannot be reached, or the role lacks a
    /// privilege.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.server.migrate(&self.schema).await.map_err(unavailable)
    }

    /// Deletes every session that has expired at `now`, in seconds since the epoch, a thousand at a time, and returns
    /// how many there were. Locked rows are left for the next sweep.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] with a [`PostgresError`]. What was deleted before stays deleted.
    pub async fn sweep(&self, now: u64) -> Result<u64, StoreError> {
        self.swept_at.fetch_max(now, Ordering::Relaxed);
        self.ready().await.map_err(unavailable)?;
        sweep(&self.server, &self.statements, now)
            .await
            .map_err(unavailable)
    }

    /// Sweeps in the background when a sweep is due.
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
                        cause = &error as &dyn std::error::Error,
                        "expired sessions could not be deleted"
                    );
                }
            });
        }
    }

    /// Waits until the tables exist.
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
    fn system(&self) -> &'static str {
        "postgresql"
    }

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
            let of_key = |text| sqlx::query(text).bind(key.as_slice());
            let call = async {
                self.ready().await?;
                let removed = self
                    .server
                    .rows(|_| of_key(&self.statements.remove))
                    .await?;
                if let Some(row) = removed.first()
                    && row.try_get(0).map_err(|error| self.server.error(error))?
                {
                    let announce = |_| of_key(&self.statements.announce_lease_end);
                    // The session is removed, whether or not those who wait for its lease hear of it at once.
                    drop(self.server.rows(announce).await);
                }
                Ok(())
            };
            self.server.in_time(call).await.map_err(unavailable)
        })
    }

    fn lease<'a>(
        &'a self,
        key: &'a StoreKey,
        duration: Duration,
        now: u64,
    ) -> StoreFuture<'a, Lease> {
        Box::pin(async move {
            // A second try finds the lease that the first one took and answers `Held`: every node waits until it has
            // expired, and none holds it twice.
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

    fn lease_end<'a>(&'a self, key: &'a StoreKey) -> Option<StoreFuture<'a, ()>> {
        Some(self.lease_ends.wait(key, |announcer| {
            lease_ends::subscribe(Arc::clone(&self.server), announcer)
        }))
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

    fn diagnose(&self) -> StoreFuture<'_, Vec<Finding>> {
        Box::pin(async move {
            let asked = diagnosis::diagnose(&self.server, &self.schema);
            self.server.in_time(asked).await.map_err(unavailable)
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
