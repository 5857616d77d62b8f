//! The yardstick beside `cargo xtask speed`: how many transactions of one row this machine commits in a second, to a WAL with
//! `synchronous=FULL`, one after the other. Prints the number.

use std::time::{Duration, Instant};

use rusqlite::Connection;

const TIME: Duration = Duration::from_secs(3);
/// About what an order's row weighs.
const BYTES: i32 = 500;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir_in(std::env::args().nth(1).unwrap_or_else(|| ".".to_owned()))?;
    let connection = Connection::open(directory.path().join("yardstick.db"))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE rows (id INTEGER PRIMARY KEY, data BLOB);",
    )?;
    let mut insert = connection.prepare("INSERT INTO rows (data) VALUES (zeroblob(?))")?;
    let (started, mut commits) = (Instant::now(), 0);
    while started.elapsed() < TIME {
        insert.execute([BYTES])?;
        commits += 1;
    }
    println!("{:.0}", f64::from(commits) / started.elapsed().as_secs_f64());
    Ok(())
}
