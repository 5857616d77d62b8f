-- What ops did and intend to do: the journal of replays, and the audit log. No order's way leads here.

CREATE TABLE ops_runs (
    seq         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    action      TEXT NOT NULL,
    queue       TEXT,
    who         TEXT NOT NULL,
    at          INTEGER NOT NULL,
    how         TEXT NOT NULL,  -- JSON: filter and options
    finished_at INTEGER
) STRICT;

CREATE TABLE ops_entries (
    seq      INTEGER PRIMARY KEY,
    run      INTEGER NOT NULL,  -- ops_runs.seq
    id       TEXT NOT NULL,     -- of a message or an order
    order_id TEXT,
    state    TEXT NOT NULL,     -- orders::ports::ops::EntryState
    note     TEXT,
    message  TEXT,              -- JSON, what is sent; only while the entry is open
    UNIQUE (run, id)
) STRICT;
CREATE INDEX ops_entries_open ON ops_entries (run) WHERE state IN ('intended', 'sent');
