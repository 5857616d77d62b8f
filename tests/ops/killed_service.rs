//! The real binary and the real command: the service is killed with `kill -9` in the middle of a replay, again and again, and
//! so is the command.

use std::time::Duration;

use crate::night::Night;

const ORDERS: usize = 150;
const KILLS: usize = 6;
/// More tries than kills: a message that was in hand at each of them would be buried without a cause (GUARANTEES.md).
const SETTINGS: &str = "\
[retries]
max_receive_count = 10
backoff = \"5ms\"
longest_backoff = \"20ms\"
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_killed_during_a_replay_loses_nothing_and_doubles_no_effect() {
    let seed =
        std::env::var("ORDERFLOW_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("ORDERFLOW_SEED={seed} repeats the moments of the kills");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut night = Night::with(SETTINGS).await;
    night.says(&["gateway", "down"]);
    night.post("k", ORDERS).await;
    night.until("dead-lettered", |status| status["dead_letters"] == ORDERS).await;
    night.says(&["gateway", "up"]);

    let mut replay = night.spawn(&["dlq", "replay", "payments", "--rate", "60/s", "--yes"]);
    for kill in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(random.u64(150..450))).await;
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
    let output = replay.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    night.until_quiet().await;
    let status = night.get("/ops/status").await;
    assert_eq!(status["dead_letters"], 0, "{said}\n{status:#}");
    night.all_confirmed_once(ORDERS);
    night.ends();
}
