-- What nobody else knows. `cursors`: the key that cursors are sealed with.

CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO secrets VALUES ('cursors', randomblob(32));
