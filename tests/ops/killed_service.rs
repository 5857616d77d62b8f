//! The real binary and the real command: the service is killed with `kill -9` in the middle of a replay, again and again, and
//! so is the command.

use std::process::Child;
use std::time::{Duration, Instant};

use crate::night::Night;

const ORDERS: usize = 150;
const KILLS: usize = 6;
/// This many letters go back between two kills, at most: some are left when the last one comes.
const LETTERS: usize = 20;

/// Few tries fill the DLQ. Then more of them than there are kills: a message that was in hand at each would be buried without a
/// cause (GUARANTEES.md).
fn settings(max_receive_count: u32) -> String {
    format!("[retries]\nmax_receive_count = {max_receive_count}\nbackoff = \"5ms\"\nlongest_backoff = \"20ms\"\n")
}

/// Until at most so many letters are left, and a moment more; `false` if the replay is over before.
async fn gets_to(night: &Night, replay: &mut Child, left: usize, moment: Duration) -> bool {
    let end = Instant::now() + Duration::from_secs(120);
    while replay.try_wait().unwrap().is_none() {
        let status = night.get("/ops/status").await;
        if status["dead_letters"].as_u64().unwrap() <= left as u64 {
            tokio::time::sleep(moment).await;
            return replay.try_wait().unwrap().is_none();
        }
        assert!(Instant::now() < end, "the replay stands still: {status:#}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_killed_during_a_replay_loses_nothing_and_doubles_no_effect() {
    let seed =
        std::env::var("ORDERFLOW_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("ORDERFLOW_SEED={seed} repeats the moments of the kills");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut night = Night::with(&settings(2)).await;
    night.says(&["gateway", "down"]);
    night.post("k", ORDERS).await;
    night.until("dead-lettered", |status| status["dead_letters"] == ORDERS).await;
    night.says(&["gateway", "up"]);
    night.stop();
    std::fs::write(night.path().join("orderflow.toml"), settings(10)).unwrap();
    night.start().await;

    // The kills follow the letters and not the clock: however slow the machine, each comes in the middle of the replay.
    let mut replay = night.spawn(&["dlq", "replay", "payments", "--rate", "30/s", "--yes"]);
    let (mut left, mut struck) = (ORDERS, 0);
    for kill in 0..KILLS {
        left -= random.usize(1..=LETTERS);
        if !gets_to(&night, &mut replay, left, Duration::from_millis(random.u64(0..200))).await {
            break;
        }
        struck += 1;
        if kill % 3 == 2 {
            // The command alone: the service sees through what it has in hand.
            replay.kill().unwrap();
            replay.wait().unwrap();
        } else {
            night.kill();
            let output = replay.wait_with_output().unwrap();
            let why = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{why}");
            assert!(why.contains("dlq replay --resume") || why.contains("can't be reached"), "{why}");
            night.start().await;
        }
        replay = night.spawn(&["dlq", "replay", "--resume"]);
    }
    assert!(struck >= KILLS / 2, "the replay was over after {struck} kills");
    let output = replay.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    night.until_quiet().await;
    let status = night.get("/ops/status").await;
    assert_eq!(status["dead_letters"], 0, "{said}\n{status:#}");
    night.all_confirmed_once(ORDERS);
    night.ends();
}
