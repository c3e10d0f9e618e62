-- One row for each session. `{schema}` is the schema's name, quoted.
CREATE TABLE {schema}.sessions (
    -- A hash of the session's id, which only the browser has.
    key bytea PRIMARY KEY,
    -- The session, sealed with a key that needs the cookie's secret too.
    sealed bytea NOT NULL,
    generation bigint NOT NULL,
    -- In seconds since the epoch, by the clock of the nodes.
    expires_at bigint NOT NULL,
    -- Keyed hashes of the provider's session and of the person, for logouts by the provider.
    sid bytea,
    sub bytea,
    -- Who may refresh the session's tokens, and until when by the clock of this server.
    fence bigint NOT NULL DEFAULT 0,
    leased_until timestamptz
) WITH (
    -- Room on each page for the next version of a row: a lease touches no index and stays on its page.
    fillfactor = 70,
    -- Rows of up to 8 KB stay whole, so that a session is read with one page.
    toast_tuple_target = 8160,
    -- Every refresh leaves a dead row. Vacuum early.
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_insert_scale_factor = 0.1
);

-- What is sealed does not get smaller: never try to compress it.
ALTER TABLE {schema}.sessions ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE INDEX sessions_expires_at ON {schema}.sessions (expires_at);
CREATE INDEX sessions_sid ON {schema}.sessions (sid) WHERE sid IS NOT NULL;
CREATE INDEX sessions_sub ON {schema}.sessions (sub) WHERE sub IS NOT NULL;
