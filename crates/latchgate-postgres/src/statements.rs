//! The statements, one for each call, each atomic by itself.

use crate::lease_ends::CHANNEL;
use crate::schema::Schema;

/// The statements, with the schema's name in them.
#[derive(Debug)]
pub(crate) struct Statements {
    /// `$1` key, `$2` now.
    pub(crate) load: String,
    /// `$1` key, `$2` sealed, `$3` generation, `$4` expires_at, `$5` sid, `$6` sub, `$7` now, `$8` whether
    /// this is a second try.
    pub(crate) insert: String,
    /// As `insert`, but `$8` is the generation to replace.
    pub(crate) replace: String,
    /// `$1` key. A row that is `true` was leased.
    pub(crate) remove: String,
    /// `$1` key.
    pub(crate) announce_lease_end: String,
    /// `$1` key, `$2` now, `$3` milliseconds.
    pub(crate) lease: String,
    /// `$1` key, `$2` now, `$3` milliseconds, `$4` fence.
    pub(crate) extend_lease: String,
    /// `$1` key, `$2` fence.
    pub(crate) release_lease: String,
    /// `$1` sid, `$2` now.
    pub(crate) find_sid: String,
    /// `$1` sub, `$2` now.
    pub(crate) find_sub: String,
    /// `$1` now, `$2` how many at most.
    pub(crate) sweep: String,
}

impl Statements {
    pub(crate) fn new(schema: &Schema) -> Self {
        let sessions = format!("{}.sessions", schema.quoted());
        Self {
            load: format!(
                "SELECT sealed, generation, expires_at FROM {sessions} \
                 WHERE key = $1 AND expires_at > $2"
            ),
            // A second try may find its own row: then the first one has succeeded.
            insert: format!(
                "INSERT INTO {sessions} AS there (key, sealed, generation, expires_at, sid, sub) \
                 VALUES ($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT (key) DO UPDATE SET sealed = excluded.sealed, generation = excluded.generation, \
                 expires_at = excluded.expires_at, sid = excluded.sid, sub = excluded.sub, leased_until = NULL \
                 WHERE there.expires_at <= $7 \
                 OR ($8 AND there.generation = excluded.generation AND there.sealed = excluded.sealed) \
                 RETURNING true"
            ),
            replace: format!(
                "UPDATE {sessions} SET sealed = $2, generation = $3, expires_at = $4, sid = $5, sub = $6 \
                 WHERE key = $1 AND expires_at > $7 AND (generation = $8 OR (generation = $3 AND expires_at = $4 \
                 AND sid IS NOT DISTINCT FROM $5 AND sub IS NOT DISTINCT FROM $6 AND sealed = $2)) \
                 RETURNING true"
            ),
            remove: format!(
                "DELETE FROM {sessions} WHERE key = $1 RETURNING coalesce(leased_until > clock_timestamp(), false)"
            ),
            // By itself: a removal must wait for the disk, and must not let others wait for that. See `lease_ends`.
            announce_lease_end: format!("SELECT pg_notify('{CHANNEL}', encode($1, 'hex'))"),
            // `there` waits for a concurrent change of the row and sees its result. No row means that there is no
            // record, a row without `granted` that another caller holds the lease.
            lease: format!(
                "WITH there AS MATERIALIZED (SELECT key, leased_until FROM {sessions} \
                 WHERE key = $1 AND expires_at > $2 FOR UPDATE), \
                 granted AS (UPDATE {sessions} AS row SET fence = row.fence + 1, \
                 leased_until = clock_timestamp() + $3 * interval '1 millisecond' FROM there \
                 WHERE row.key = there.key AND (there.leased_until IS NULL OR there.leased_until <= clock_timestamp()) \
                 RETURNING row.sealed, row.generation, row.expires_at, row.fence) \
                 SELECT granted.sealed, granted.generation, granted.expires_at, granted.fence \
                 FROM there LEFT JOIN granted ON true"
            ),
            extend_lease: format!(
                "UPDATE {sessions} SET leased_until = clock_timestamp() + $3 * interval '1 millisecond' \
                 WHERE key = $1 AND expires_at > $2 AND fence = $4 AND leased_until > clock_timestamp() \
                 RETURNING true"
            ),
            // `synchronous_commit` is off for this transaction only.
            release_lease: format!(
                "WITH released AS (UPDATE {sessions} SET leased_until = NULL WHERE key = $1 AND fence = $2 RETURNING key) \
                 SELECT set_config('synchronous_commit', 'off', true), pg_notify('{CHANNEL}', encode(key, 'hex')) \
                 FROM released"
            ),
            find_sid: format!("SELECT key FROM {sessions} WHERE sid = $1 AND expires_at > $2"),
            find_sub: format!("SELECT key FROM {sessions} WHERE sub = $1 AND expires_at > $2"),
            // Locked rows are left for the next sweep.
            sweep: format!(
                "DELETE FROM {sessions} WHERE key = ANY (ARRAY(SELECT key FROM {sessions} \
                 WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING true"
            ),
        }
    }
}
