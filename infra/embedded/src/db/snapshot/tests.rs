use super::*;
use crate::backup::{self, BackupError};
use crate::db::{Verdict, mark};
use crate::fixture::Pipeline;

fn write(db: &Db, name: &'static str) {
    let insert = "INSERT INTO numbers VALUES (?, 1)";
    db.write_at_start(move |connection| connection.execute(insert, [name]).map(Verdict::Keep)).unwrap();
}

fn has(path: &Path, name: &str) -> bool {
    let file = Connection::open(path).unwrap();
    file.query_row("SELECT EXISTS (SELECT 1 FROM numbers WHERE name = ?)", [name], |row| row.get(0)).unwrap()
}

/// All of it, in a file.
fn copied(snapshot: &mut Snapshot, directory: &Path) -> std::path::PathBuf {
    let mut bytes = Vec::new();
    snapshot.content.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, snapshot.bytes);
    let copy = directory.join("copy.db");
    std::fs::write(&copy, bytes).unwrap();
    copy
}

#[tokio::test]
async fn a_snapshot_is_what_was_committed_before_it_whatever_is_written_and_checkpointed_meanwhile() {
    let pipeline = Pipeline::new();
    let db = Db::open(&pipeline.config).unwrap();
    write(&db, "before");
    let mut snapshot = db.snapshot().await.unwrap();
    for name in ["after", "later", "last"] {
        write(&db, name);
        let foreign = open_connection(&pipeline.path()).unwrap();
        foreign.busy_timeout(Duration::from_millis(10)).unwrap();
        for mode in ["PASSIVE", "FULL", "RESTART", "TRUNCATE"] {
            foreign.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(())).unwrap();
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let copy = copied(&mut snapshot, directory.path());
    assert!(matches!(backup::check(&copy), Err(BackupError::Unfinished)));
    backup::finish(&copy).unwrap();
    backup::check(&copy).unwrap();
    assert!(has(&copy, "before") && !has(&copy, "after") && !has(&copy, "last"));
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["copy.db"]);

    assert!(matches!(db.snapshot().await, Err(SnapshotError::UnderWay)));
    drop(snapshot);
    let again = db.snapshot().await.unwrap();
    drop(again);
    db.close();
    assert!(has(&pipeline.path(), "last"));
}

#[tokio::test]
async fn a_foreign_reader_of_an_older_state_is_named_as_what_stands_against_it() {
    let pipeline = Pipeline::new();
    let db = Db::open(&pipeline.config).unwrap();
    write(&db, "before");
    let reader = open_connection(&pipeline.path()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM numbers;").unwrap();
    write(&db, "after");
    let shared = &db.shared;
    let Err(error) = take(&shared.path, &shared.file, &shared.length, &shared.turnstile, 1) else {
        panic!("it was taken")
    };
    assert!(error.to_string().contains("a program with a transaction open on it"), "{error}");
    drop(reader);
    db.snapshot().await.unwrap();
}

#[tokio::test]
async fn what_is_cut_off_or_something_else_is_no_backup() {
    let pipeline = Pipeline::new();
    let db = Db::open(&pipeline.config).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let copy = copied(&mut db.snapshot().await.unwrap(), directory.path());
    let bytes = std::fs::read(&copy).unwrap();
    std::fs::write(&copy, &bytes[..bytes.len() - 8192]).unwrap();
    assert!(backup::finish(&copy).is_err());
    std::fs::write(&copy, "a shopping list".repeat(100)).unwrap();
    assert!(matches!(backup::check(&copy), Err(BackupError::Foreign)));
    std::fs::write(&copy, bytes).unwrap();
    backup::finish(&copy).unwrap();
    Connection::open(&copy).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(backup::check(&copy), Err(BackupError::Newer { found: 99, .. })));
}

#[test]
fn offline_a_directory_is_copied_that_nobody_serves_also_after_a_crash() {
    let pipeline = Pipeline::new();
    let db = Db::open(&pipeline.config).unwrap();
    write(&db, "kept");
    assert!(matches!(offline(&pipeline.path()), Err(OpenError::InUse { .. })));
    let crashed = pipeline.crashed();
    let directory = tempfile::tempdir().unwrap();
    let mut snapshot = offline(&crashed.path()).unwrap();
    assert!(matches!(Db::open(&crashed.config), Err(OpenError::InUse { .. })));
    let copy = copied(&mut snapshot, directory.path());
    drop(snapshot);
    backup::finish(&copy).unwrap();
    assert!(has(&copy, "kept") && mark::read(&copy).unwrap().1.complete);
    Db::open(&crashed.config).unwrap();
    assert!(offline(&directory.path().join("nowhere.db")).is_err());
    assert!(!directory.path().join("nowhere.db").exists());
}
