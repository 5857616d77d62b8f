-- Times are milliseconds since 1970. `seq` numbers orders as they arrive.

CREATE TABLE orders (
    seq         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    storefront  TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    status      TEXT NOT NULL,
    version     INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    progress    TEXT NOT NULL,  -- JSON, orders::Progress
    placed      TEXT NOT NULL   -- JSON, orders::NewOrder; never changes
) STRICT;
CREATE INDEX orders_by_customer ON orders (customer_id);
-- The few that people look for; the happy path never enters it.
CREATE INDEX orders_rejected ON orders (seq) WHERE status = 'rejected';

CREATE TABLE products (
    sku         TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    description TEXT,
    price       INTEGER NOT NULL,  -- minor units
    currency    TEXT NOT NULL,
    stock       INTEGER NOT NULL CHECK (stock >= 0),
    reserved    INTEGER NOT NULL CHECK (reserved >= 0),
    version     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Single numbers. `opens`: how often this file was opened; message ids start with it. `deleted_version`: no product that
-- is created gets a version this low, so that a version is never used twice for one SKU.
CREATE TABLE numbers (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO numbers VALUES ('opens', 0), ('deleted_version', 0);

-- `visible_at`: until then nobody receives it (a delay, or a backoff that a worker asked for). A receive's own visibility
-- timeout is not stored: it ends with the process. `receive_count` names the lease: the receipt of an earlier one is stale.
CREATE TABLE messages (
    id                INTEGER PRIMARY KEY,
    queue             INTEGER NOT NULL,
    sent_at           INTEGER NOT NULL,
    first_received_at INTEGER,
    visible_at        INTEGER NOT NULL,
    receive_count     INTEGER NOT NULL,
    attributes        TEXT,  -- JSON, absent if there are none
    body              TEXT NOT NULL
) STRICT;

-- The text is what the engine runs, queue names filled in. An execution keeps the definition it started with.
CREATE TABLE definitions (
    id   INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    text TEXT NOT NULL
) STRICT;

-- `seq` is the order's. `version` counts the engine's calls.
CREATE TABLE executions (
    seq        INTEGER PRIMARY KEY,
    status     TEXT NOT NULL,
    version    INTEGER NOT NULL,
    definition INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    stopped_at INTEGER,
    next_timer INTEGER,
    snapshot   TEXT NOT NULL  -- JSON, statemachine::Snapshot
) STRICT;
-- Those that need somebody; the happy path never enters it.
CREATE INDEX executions_unsuccessful ON executions (seq) WHERE status NOT IN ('RUNNING', 'SUCCEEDED');

-- Those whose timers a start loads, however many orders there ever were.
CREATE INDEX executions_running ON executions (seq) WHERE status = 'RUNNING';

-- A row per call of the engine. `at` is the execution's seq << 24 | its version: one key, next to its neighbours.
CREATE TABLE history (
    at     INTEGER PRIMARY KEY,
    events TEXT NOT NULL  -- JSON, see workflow/journal.rs
) STRICT;

-- The simulated payment gateway: what a real one keeps on its side.
CREATE TABLE gateway_payments (
    seq      INTEGER PRIMARY KEY,
    order_id TEXT NOT NULL,
    amount   INTEGER NOT NULL,
    currency TEXT NOT NULL,
    method   TEXT NOT NULL,
    status   TEXT NOT NULL,
    faults   INTEGER NOT NULL DEFAULT 0  -- how many time-outs or lost answers it has had
) STRICT;
CREATE TABLE gateway_ledger (
    seq     INTEGER PRIMARY KEY,
    payment INTEGER NOT NULL,
    entry   TEXT NOT NULL,  -- capture or refund
    amount  INTEGER NOT NULL,
    at      INTEGER NOT NULL
) STRICT;
CREATE TABLE gateway_keys (
    seq     INTEGER PRIMARY KEY,
    key     TEXT NOT NULL UNIQUE,
    request TEXT NOT NULL,
    payment INTEGER NOT NULL,
    status  TEXT NOT NULL,
    at      INTEGER NOT NULL
) STRICT;

-- The captured mailbox.
CREATE TABLE mails (
    seq       INTEGER PRIMARY KEY,
    order_id  TEXT NOT NULL,
    kind      TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject   TEXT NOT NULL,
    body_text TEXT NOT NULL,
    body_html TEXT NOT NULL,
    sent_at   INTEGER NOT NULL
) STRICT;
