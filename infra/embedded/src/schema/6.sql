-- One row, written anew by the first transaction of each WAL: which file a WAL belongs to (db/mark.rs). Its place in the page is
-- read there as well: its columns and their widths don't change.

CREATE TABLE wal_mark (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    complete INTEGER NOT NULL CHECK (complete IN (0, 1)),
    previous BLOB NOT NULL CHECK (length(previous) = 16),
    mark     BLOB NOT NULL CHECK (length(mark) = 16)
) STRICT;
INSERT INTO wal_mark VALUES (1, 1, randomblob(16), randomblob(16));
