-- One row, written anew to see whether an order could be stored (db/mod.rs, `Db::check`).

CREATE TABLE probe (
    id   INTEGER PRIMARY KEY,
    data BLOB NOT NULL
) STRICT;
