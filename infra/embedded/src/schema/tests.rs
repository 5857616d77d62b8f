use super::*;
use crate::db::Db;
use crate::fixture::Pipeline;

fn refused(pipeline: &Pipeline) -> String {
    match Db::open(&pipeline.config) {
        Ok(_) => panic!("it opened"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_newer_schema_is_refused_with_what_to_do() {
    let pipeline = Pipeline::new();
    Db::open(&pipeline.config).unwrap().close();
    Connection::open(pipeline.path()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let message = refused(&pipeline);
    let known = MIGRATIONS.len();
    assert!(message.contains(&format!("schema version 99, and this binary knows versions up to {known}")), "{message}");
    assert!(message.contains("run the newer binary that wrote it, or restore a backup"), "{message}");
}

#[test]
fn another_applications_database_is_refused_and_left_alone() {
    let pipeline = Pipeline::new();
    let foreign = Connection::open(pipeline.path()).unwrap();
    foreign.execute_batch("CREATE TABLE theirs (id INTEGER)").unwrap();
    drop(foreign);
    let before = std::fs::read(pipeline.path()).unwrap();
    let message = refused(&pipeline);
    assert!(message.contains("is not an orderflow database (another application made it)"), "{message}");
    assert_eq!(std::fs::read(pipeline.path()).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let pipeline = Pipeline::new();
    let text = "a shopping list, long enough to be taken for a database header by somebody careless".repeat(20);
    std::fs::write(pipeline.path(), &text).unwrap();
    let message = refused(&pipeline);
    assert!(message.contains("is not an orderflow database (it is no SQLite file)"), "{message}");
    assert_eq!(std::fs::read_to_string(pipeline.path()).unwrap(), text);
}

#[test]
fn a_second_process_is_refused_until_the_first_has_closed() {
    let pipeline = Pipeline::new();
    let first = Db::open(&pipeline.config).unwrap();
    let message = refused(&pipeline);
    assert!(message.contains("is in use by another orderflow process: stop that one"), "{message}");
    first.close();
    Db::open(&pipeline.config).unwrap();
}

#[test]
fn a_missing_directory_says_what_to_check() {
    let mut pipeline = Pipeline::new();
    pipeline.config.path = pipeline.directory.path().join("nowhere/orderflow.db");
    let message = refused(&pipeline);
    assert!(message.contains("check the directory, its permissions and the disk"), "{message}");
}
