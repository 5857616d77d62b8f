use proptest::prelude::*;

use super::*;
use crate::db::checkpoint::Mode;
use crate::db::{Db, Verdict, open_connection};
use crate::fixture::Pipeline;

/// The file and its WAL, as a crash would leave them.
#[derive(Clone, PartialEq)]
struct Pair {
    file: Vec<u8>,
    wal: Vec<u8>,
}

impl Pair {
    fn of(pipeline: &Pipeline) -> Self {
        let read = |path: &Path| std::fs::read(path).unwrap_or_default();
        Self { file: read(&pipeline.path()), wal: read(&beside(&pipeline.path(), "-wal")) }
    }

    fn with_wal_of(&self, other: &Self) -> Self {
        Self { file: self.file.clone(), wal: other.wal.clone() }
    }

    /// Some pages as they were, some as they are: a checkpoint that the power left half done.
    fn torn(&self, before: &Self, pages: u64) -> Self {
        let mut file = self.file.clone();
        for (number, page) in file.chunks_mut(4096).enumerate() {
            let old = before.file.get(number * 4096..(number + 1) * 4096);
            if let Some(old) = old.filter(|_| pages >> (number % 64) & 1 == 1) {
                page.copy_from_slice(old);
            }
        }
        Self { file, wal: self.wal.clone() }
    }

    fn at(&self, path: &Path) {
        std::fs::write(path, &self.file).unwrap();
        std::fs::write(beside(path, "-wal"), &self.wal).unwrap();
    }
}

/// In a directory of its own: what the check says, and if it lets it in, what SQLite makes of it.
fn judged(pair: &Pair) -> Result<i64, OpenError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("orderflow.db");
    pair.at(&path);
    check(&path)?;
    let file = Connection::open(&path).unwrap();
    let verdict: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    Ok(counted(&file))
}

fn counted(file: &Connection) -> i64 {
    file.query_row("SELECT coalesce(sum(length(data)), 0) FROM probe", [], |row| row.get(0)).unwrap()
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Write,
    Checkpoint(Mode),
    Reopen,
    /// By another program.
    Foreign,
}

fn ours() -> impl Strategy<Value = Step> {
    let modes = vec![Mode::Passive, Mode::Full, Mode::Restart];
    prop_oneof![
        4 => Just(Step::Write),
        2 => proptest::sample::select(modes).prop_map(Step::Checkpoint),
        1 => Just(Step::Reopen),
    ]
}

fn anybodys() -> impl Strategy<Value = Step> {
    prop_oneof![3 => ours(), 1 => Just(Step::Foreign)]
}

/// The pair after each step, and what it should count.
fn played(steps: &[Step]) -> Vec<(Pair, i64)> {
    let pipeline = Pipeline::new();
    let mut db = Db::open(&pipeline.config).unwrap();
    let mut pairs = vec![(Pair::of(&pipeline), 0)];
    let mut count = 0;
    for step in steps {
        match step {
            Step::Write => {
                count += 5000;
                let insert = "INSERT INTO probe (data) VALUES (zeroblob(5000))";
                db.write_at_start(|connection| connection.execute(insert, []).map(Verdict::Keep)).unwrap();
            }
            Step::Checkpoint(mode) => {
                db.shared.length.checkpoint(&open_connection(&pipeline.path()).unwrap(), *mode);
            }
            Step::Reopen => {
                db.close();
                pairs.push((Pair::of(&pipeline), count));
                db = Db::open(&pipeline.config).unwrap();
            }
            Step::Foreign => {
                let foreign = open_connection(&pipeline.path()).unwrap();
                foreign.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
            }
        }
        pairs.push((Pair::of(&pipeline), count));
    }
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_crash_leaves_a_pair_that_is_refused(steps in proptest::collection::vec(anybodys(), 1..14), pages: u64) {
        let pairs = played(&steps);
        let mut before = &pairs[0].0;
        for (pair, count) in &pairs {
            prop_assert_eq!(judged(pair).ok(), Some(*count));
            // Half done: the WAL is the same, and the file has changed.
            if before.wal == pair.wal && !pair.wal.is_empty() {
                prop_assert_eq!(judged(&pair.torn(before, pages)).ok(), Some(*count));
            }
            before = pair;
        }
    }

    #[test]
    fn whatever_file_is_let_in_beside_a_wal_is_right(steps in proptest::collection::vec(ours(), 1..14)) {
        let pairs = played(&steps);
        let (last, count) = pairs.last().unwrap();
        for (older, _) in pairs.iter().filter(|_| !last.wal.is_empty()) {
            match judged(&older.with_wal_of(last)) {
                Ok(counted) => prop_assert_eq!(counted, *count),
                Err(error) => prop_assert!(matches!(error, OpenError::ForeignWal { .. }), "{error}"),
            }
        }
    }
}

fn refused(pipeline: &Pipeline) -> String {
    match Db::open(&pipeline.config) {
        Ok(_) => panic!("it opened"),
        Err(error) => error.to_string(),
    }
}

fn write(db: &Db) {
    let insert = "INSERT INTO probe (data) VALUES (zeroblob(5000))";
    db.write_at_start(|connection| connection.execute(insert, []).map(Verdict::Keep)).unwrap();
}

/// Runs, stops cleanly, runs again and is killed: the file as it was between, and what the kill left.
fn killed() -> (Pipeline, Pair) {
    let pipeline = Pipeline::new();
    Db::open(&pipeline.config).unwrap().close();
    let older = Pair::of(&pipeline);
    for _ in 0..2 {
        let db = Db::open(&pipeline.config).unwrap();
        write(&db);
        db.close();
    }
    let db = Db::open(&pipeline.config).unwrap();
    write(&db);
    (pipeline.crashed(), older)
}

#[test]
fn an_older_file_beside_a_crashs_wal_is_refused_and_nothing_is_changed() {
    let (crashed, older) = killed();
    std::fs::write(crashed.path(), &older.file).unwrap();
    let before = Pair::of(&crashed);
    let message = refused(&crashed);
    assert!(message.contains("orderflow.db-wal does not belong to"), "{message}");
    assert!(message.contains("move"), "{message}");
    assert!(Pair::of(&crashed) == before);
}

#[test]
fn the_older_file_alone_is_let_in() {
    let (crashed, older) = killed();
    std::fs::write(crashed.path(), &older.file).unwrap();
    std::fs::remove_file(beside(&crashed.path(), "-wal")).unwrap();
    Db::open(&crashed.config).unwrap();
}

#[test]
fn the_wal_of_another_database_is_refused() {
    let ((mine, _), (others, _)) = (killed(), killed());
    std::fs::copy(beside(&others.path(), "-wal"), beside(&mine.path(), "-wal")).unwrap();
    let message = refused(&mine);
    assert!(message.contains("orderflow.db-wal does not belong to"), "{message}");
}

#[test]
fn a_wal_without_its_file_is_refused_and_kept() {
    let (crashed, _) = killed();
    std::fs::remove_file(crashed.path()).unwrap();
    let wal = Pair::of(&crashed).wal;
    for _ in 0..2 {
        let message = refused(&crashed);
        assert!(message.contains("is missing or empty"), "{message}");
        assert!(Pair::of(&crashed).wal == wal);
    }
}

#[test]
fn a_damaged_file_without_its_wal_is_refused_and_a_sound_one_is_let_in() {
    let (crashed, _) = killed();
    std::fs::remove_file(beside(&crashed.path(), "-wal")).unwrap();
    let sound = Pair::of(&crashed);
    assert!(!read(&crashed.path()).unwrap().1.complete);
    Db::open(&crashed.config).unwrap().close();
    assert!(read(&crashed.path()).unwrap().1.complete, "it was closed");
    let mut damaged = sound;
    let place = damaged.file.len() - 4096;
    damaged.file[place..].fill(0xff);
    damaged.at(&crashed.path());
    let message = refused(&crashed);
    assert!(message.contains("its WAL is not beside it, and it is damaged without"), "{message}");
}

#[test]
fn a_name_that_a_uri_would_read_otherwise_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("50% of #1?.db");
    let config = crate::Config::at(&path);
    Db::open(&config).unwrap().close();
    assert!(read(&path).unwrap().1.complete);
}

#[test]
fn a_crash_while_closing_makes_no_older_file_fit() {
    let pipeline = Pipeline::new();
    let db = Db::open(&pipeline.config).unwrap();
    let checkpoint = || db.shared.length.checkpoint(&open_connection(&pipeline.path()).unwrap(), Mode::Restart);
    write(&db);
    checkpoint();
    let older = Pair::of(&pipeline);
    write(&db);
    checkpoint();
    // The WAL that this begins has nothing else, and is not yet moved.
    complete(&open_connection(&pipeline.path()).unwrap()).unwrap();
    let crashed = pipeline.crashed();
    let again = Db::open(&crashed.config).unwrap();
    write(&again);
    let error = judged(&older.with_wal_of(&Pair::of(&crashed))).unwrap_err();
    assert!(matches!(error, OpenError::ForeignWal { .. }), "{error}");
}
