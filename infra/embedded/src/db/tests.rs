use std::sync::mpsc;

use orders::ports::OrderStore;
use rusqlite::ErrorCode;

use super::*;
use crate::fixture::{Pipeline, order};

const INSERT: &str = "INSERT INTO numbers VALUES (?, ?)";

fn open(pipeline: &Pipeline) -> Db {
    Db::open(&pipeline.config).unwrap()
}

fn insert(name: &'static str) -> impl FnOnce(&Connection) -> rusqlite::Result<Verdict<&'static str>> + Send + 'static {
    move |connection| connection.execute(INSERT, (name, 1)).map(|_| Verdict::Keep(name))
}

fn has(db: &Db, name: &str) -> bool {
    db.read(|connection| {
        connection.query_row("SELECT EXISTS (SELECT 1 FROM numbers WHERE name = ?)", [name], |row| row.get(0))
    })
    .unwrap()
}

/// Holds the writer up, so that all that is asked for until `release` becomes one group.
async fn held_up(db: &Db) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel();
    let (begun, begins) = mpsc::channel();
    let wait = move |_: &Connection| {
        begun.send(()).unwrap();
        released.recv().ok();
        Ok(Verdict::Keep(()))
    };
    db.submit(wait, |_| ()).await.unwrap();
    begins.recv().unwrap();
    release
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_job_spoils_no_other_of_its_group() {
    let pipeline = Pipeline::new();
    let db = open(&pipeline);
    let release = held_up(&db).await;
    let failing = |connection: &Connection| {
        connection.execute(INSERT, ("half", 1))?;
        connection.execute(INSERT, ("opens", 1)).map(|_| Verdict::Keep(()))
    };
    let undone = |connection: &Connection| {
        connection.execute(INSERT, ("undone", 1))?;
        Ok(Verdict::Undo("conflict"))
    };
    let panicking = |connection: &Connection| -> rusqlite::Result<Verdict<()>> {
        connection.execute(INSERT, ("panicked", 1))?;
        panic!("a bug");
    };
    let (before, failed, undone, panicked, after, ()) = tokio::join!(
        db.write(insert("before")),
        db.write(failing),
        db.write(undone),
        db.write(panicking),
        db.write(insert("after")),
        async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            release.send(()).unwrap();
        }
    );
    assert_eq!((before, undone, after), (Ok("before"), Ok("conflict"), Ok("after")));
    assert!(failed.unwrap_err().cause.contains("UNIQUE"));
    assert!(panicked.unwrap_err().cause.contains("panicked"));
    assert!(has(&db, "before") && has(&db, "after"));
    assert!(!has(&db, "half") && !has(&db, "undone") && !has(&db, "panicked"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_commit_fails_the_whole_group() {
    let pipeline = Pipeline::new();
    let db = open(&pipeline);
    // A deferred foreign key is checked by COMMIT, so a violation makes exactly that fail.
    let table = "CREATE TABLE parent (id INTEGER PRIMARY KEY);
                 CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);";
    db.write(move |connection| connection.execute_batch(table).map(Verdict::Keep)).await.unwrap();
    let release = held_up(&db).await;
    let orphan = |connection: &Connection| connection.execute("INSERT INTO child VALUES (1)", []).map(Verdict::Keep);
    let looked = |_: &Connection| Ok(Verdict::Undo("looked"));
    let settled = |result: Result<&'static str, Unavailable>| result.map_err(|error| Unavailable::new("Seen", error));
    let (good, orphan, looked, ()) =
        tokio::join!(db.write_then(insert("good"), settled), db.write(orphan), db.write(looked), async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            release.send(()).unwrap();
        });
    assert_eq!(good.unwrap_err().what, "Seen", "what follows a commit hears of its failure");
    assert!(orphan.is_err());
    assert!(looked.is_err(), "what a job saw in a group that failed may never have been");
    assert!(!has(&db, "good"));
    assert_eq!(db.write(insert("later")).await, Ok("later"), "the writer goes on");
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let pipeline = Pipeline::new();
    let db = open(&pipeline);
    for name in ["one", "two", "three"] {
        db.write(insert(name)).await.unwrap();
    }
    let crashed = pipeline.crashed();
    let db = open(&crashed);
    assert!(has(&db, "one") && has(&db, "two") && has(&db, "three"));
}

#[tokio::test]
async fn what_follows_a_commit_happens_even_if_nobody_waits_for_the_answer() {
    let pipeline = Pipeline::new();
    let db = open(&pipeline);
    let (told, tells) = mpsc::channel();
    let release = held_up(&db).await;
    let settled = move |result: Result<&'static str, Unavailable>| {
        told.send(result.clone()).unwrap();
        result
    };
    let write = db.write_then(insert("orphaned"), settled);
    assert!(tokio::time::timeout(Duration::from_millis(50), write).await.is_err());
    release.send(()).unwrap();
    assert_eq!(tells.recv().unwrap(), Ok("orphaned"));
    assert!(has(&db, "orphaned"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wal_stays_bounded_while_everybody_writes_and_reads() {
    let pipeline = Pipeline::new();
    let db = open(&pipeline);
    db.write(|connection| connection.execute_batch("CREATE TABLE blobs (data BLOB)").map(Verdict::Keep)).await.unwrap();
    let mut longest = 0;
    let wal = pipeline.directory.path().join("orderflow.db-wal");
    for _ in 0..100 {
        let writes = (0..4).map(|_| {
            let blob = vec![7u8; 500_000];
            db.write(move |connection| connection.execute("INSERT INTO blobs VALUES (?)", [blob]).map(Verdict::Keep))
        });
        futures::future::try_join_all(writes).await.unwrap();
        has(&db, "opens");
        longest = longest.max(std::fs::metadata(&wal).unwrap().len());
    }
    let (page, group) = (4096 + 24, 4 * 520_000);
    let limit = u64::from(checkpoint::LIMIT) * page + group;
    assert!(longest <= limit, "200 MB were written, and the WAL grew to {longest} bytes, its limit is {limit}");
    db.close();
    assert_eq!(std::fs::metadata(&wal).map_or(0, |wal| wal.len()), 0, "closing moves everything into the file");
}

#[tokio::test]
async fn a_closed_file_is_unavailable_and_free_for_another() {
    let pipeline = Pipeline::new();
    let db = open(&pipeline);
    db.write(insert("kept")).await.unwrap();
    db.close();
    assert!(db.write(insert("late")).await.unwrap_err().cause.contains("closed"));
    let again = open(&pipeline);
    assert!(has(&again, "kept"));
}

#[test]
fn readers_cannot_write() {
    let pipeline = Pipeline::new();
    let db = open(&pipeline);
    let refused = db.shared.readers.read(|connection| {
        let refused = connection.execute(INSERT, ("sneaked", 1)).unwrap_err();
        Ok(refused.sqlite_error_code())
    });
    assert_eq!(refused.unwrap(), Some(ErrorCode::ReadOnly));
}

#[test]
fn a_group_waits_while_the_wal_is_at_its_limit_but_not_for_ever() {
    let length = Arc::new(WalLength::default());
    let admitted = |length: &Arc<WalLength>| {
        let (sender, receiver) = mpsc::channel();
        let length = Arc::clone(length);
        std::thread::spawn(move || {
            length.admit();
            sender.send(()).ok();
        });
        receiver
    };
    length.report(checkpoint::LIMIT - 1);
    admitted(&length).recv_timeout(Duration::from_secs(10)).unwrap();
    length.report(checkpoint::LIMIT);
    let waits = admitted(&length);
    assert!(waits.recv_timeout(Duration::from_millis(200)).is_err());
    length.brought_to_its_end();
    waits.recv_timeout(Duration::from_secs(10)).unwrap();
    length.report(checkpoint::LIMIT);
    admitted(&length).recv_timeout(Duration::from_secs(10)).expect("a reader that never ends stops nobody");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_not_ready_until_it_can() {
    let pipeline = Pipeline::new();
    let db = open(&pipeline);
    db.check().await.unwrap();
    let batch = |sql: &'static str| db.write(move |connection| connection.execute_batch(sql).map(Verdict::Keep));
    batch(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
         CREATE TRIGGER broken AFTER INSERT ON probe BEGIN INSERT INTO child VALUES (1); END",
    )
    .await
    .unwrap();
    db.check().await.expect("nothing has failed yet");
    batch("INSERT INTO child VALUES (1)").await.unwrap_err();
    db.check().await.unwrap_err();
    batch("DROP TRIGGER broken").await.unwrap();
    db.check().await.expect("it is tried");
}

#[tokio::test]
async fn a_full_file_is_not_ready_whatever_small_write_still_fits() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let db = embedded.db();
    let limit = |pages: i64| {
        let pragma = format!("PRAGMA max_page_count = {pages}");
        db.write(move |connection| connection.query_row(&pragma, [], |_| Ok(Verdict::Keep(()))))
    };
    // No page more than there are.
    limit(1).await.unwrap();
    let mut keys = (0..1000).map(|number| order(&number.to_string()));
    while embedded.orders().accept(&keys.next().expect("the file is never full")).await.is_ok() {}
    for _ in 0..2 {
        db.check().await.unwrap_err();
        let small = "UPDATE numbers SET value = value";
        db.write(move |connection| connection.execute(small, []).map(Verdict::Keep)).await.expect("this one fits");
    }
    limit(100_000).await.unwrap();
    db.check().await.unwrap();
    embedded.orders().accept(&keys.next().unwrap()).await.unwrap();
    db.shared.failing.store(true, Ordering::Relaxed);
    db.check().await.unwrap();
    let rows = db.read(|connection| connection.query_row("SELECT count(*) FROM probe", [], |row| row.get::<_, i64>(0)));
    assert_eq!(rows, Ok(1), "a probe replaces the one before");
}
