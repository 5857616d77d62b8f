use super::*;
use crate::config::Config;
use crate::db::{Db, open_connection};
use crate::fixture::Pipeline;

/// The file of an open database, with a write in its WAL that a foreign reader sees.
fn read_by_another() -> (Pipeline, Db, Connection) {
    let pipeline = Pipeline::new();
    let db = Db::open(&Config { ..pipeline.config.clone() }).unwrap();
    write(&db);
    let reader = open_connection(&pipeline.path()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM probe;").unwrap();
    write(&db);
    (pipeline, db, reader)
}

fn write(db: &Db) {
    let insert = "INSERT INTO probe (data) VALUES (zeroblob(5000))";
    db.write_at_start(|connection| connection.execute(insert, []).map(crate::db::Verdict::Keep)).unwrap();
}

#[test]
fn a_foreign_reader_makes_no_group_wait_and_is_told_of() {
    let (pipeline, db, reader) = read_by_another();
    let (length, turnstile) = (&db.shared.length, &db.shared.turnstile);
    let checkpoints = open_connection(&pipeline.path()).unwrap();
    checkpoints.busy_timeout(Duration::from_millis(10)).unwrap();
    length.report(LIMIT);
    assert!(length.wal.lock().is_full());
    assert!(!length.shorten(&checkpoints, turnstile), "it can't begin anew, and it is long");
    assert!(!length.wal.lock().is_full(), "waiting would change nothing");
    drop(reader);
    assert!(length.shorten(&checkpoints, turnstile));
    assert_eq!(length.frames(), 0);
}

#[test]
fn a_backup_makes_no_group_wait_and_keeps_checkpoints_off() {
    let pipeline = Pipeline::new();
    let db = Db::open(&pipeline.config).unwrap();
    let (length, turnstile) = (&db.shared.length, &db.shared.turnstile);
    assert!(length.begin_copy());
    assert!(!length.begin_copy(), "one at a time");
    length.report(LIMIT);
    assert!(!length.wal.lock().is_full());
    let checkpoints = open_connection(&pipeline.path()).unwrap();
    assert!(length.shorten(&checkpoints, turnstile));
    assert_eq!(length.frames(), LIMIT, "nothing was moved");
    length.copied();
    assert!(length.begin_copy());
}
