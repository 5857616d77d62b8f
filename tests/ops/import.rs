//! `dlq import`: all of a file or nothing, and nothing twice.

use serde_json::{Value, json};

use crate::night::Night;

fn depth(night: &Night, queue: &str) -> usize {
    night.json(&["dlq", "show", queue, "--limit", "1000"]).as_array().unwrap().len()
}

fn lines(night: &Night, file: &str) -> Vec<String> {
    std::fs::read_to_string(night.path().join(file)).unwrap().lines().map(str::to_owned).collect()
}

fn write(night: &Night, file: &str, lines: &[String]) {
    std::fs::write(night.path().join(file), lines.join("\n")).unwrap();
}

/// An outage's dead letters of `payments`, exported and purged.
async fn purged(orders: usize) -> Night {
    let (night, _) = Night::after_an_outage(orders).await;
    night.says(&["dlq", "purge", "payments", "--yes", "--confirm", "payments-dlq", "--export", "kept.jsonl"]);
    assert_eq!(depth(&night, "payments"), 0);
    night
}

#[tokio::test]
async fn the_exports_of_two_queues_joined_are_refused_whole() {
    let night = purged(3).await;
    let mut joined = lines(&night, "kept.jsonl");
    let mut other: Value = serde_json::from_str(&joined[0]).unwrap();
    other["queue"] = json!("emails");
    joined.insert(2, other.to_string());
    write(&night, "joined.jsonl", &joined);
    for _ in 0..2 {
        let (code, why) = night.refuses(&["dlq", "import", "joined.jsonl", "--yes"]);
        assert_eq!(code, 1);
        assert!(why.contains("line 3: it is a dead letter of emails, and those before it are of payments"), "{why}");
        assert!(why.contains("import each queue's lines as a file of their own"), "{why}");
        assert_eq!((depth(&night, "payments"), depth(&night, "emails")), (0, 0));
    }
    night.ends();
}

#[tokio::test]
async fn every_line_is_judged_before_anything_is_imported() {
    let night = purged(1).await;
    let good = lines(&night, "kept.jsonl").remove(0);
    let with = |field: &str, value: Value| {
        let mut letter: Value = serde_json::from_str(&good).unwrap();
        letter[field] = value;
        letter.to_string()
    };
    let without_body = {
        let mut letter: Value = serde_json::from_str(&good).unwrap();
        letter.as_object_mut().unwrap().remove("body");
        letter.to_string()
    };
    let bad = [
        ("poison".to_owned(), "not a dead letter as `dlq export` writes them"),
        (without_body, "`body`: this field is missing"),
        (with("queue", json!("parcels")), "not one of orders, inventory, payments, emails"),
        (with("body", json!("")), "the body is empty"),
        (with("body", json!("x".repeat(1024 * 1024 + 1))), "1048576 at most"),
        (with("body", json!("a\u{1}b")), "control character"),
        (with("attributes", json!({ "aws.x": "1" })), "an attribute's name"),
        (with("message_id", json!("")), "message_id"),
    ];
    let mut file = vec![good.clone(), String::new()];
    file.extend(bad.iter().map(|(line, _)| line.clone()));
    write(&night, "bad.jsonl", &file);
    let (code, told) = night.refuses(&["dlq", "import", "bad.jsonl", "--yes"]);
    assert!(code == 1 && told.contains("is not imported, nothing of it"), "{told}");
    for ((_, why), number) in bad.iter().zip(3..) {
        let line =
            told.lines().find(|line| line.contains(&format!("line {number}: "))).unwrap_or_else(|| panic!("{told}"));
        assert!(line.contains(why), "{why}: {line}");
    }
    assert_eq!(depth(&night, "payments"), 0);

    write(&night, "empty.jsonl", &[]);
    assert!(night.says(&["dlq", "import", "empty.jsonl", "--yes"]).contains("0 put back: the file is empty"));
    night.ends();
}

#[tokio::test]
async fn an_import_that_is_repeated_puts_nothing_back_twice() {
    let night = purged(5).await;
    let all = lines(&night, "kept.jsonl");
    // As one that was interrupted leaves it.
    write(&night, "half.jsonl", &all[..2]);
    night.says(&["dlq", "import", "half.jsonl", "--yes"]);
    assert!(
        night
            .says(&["dlq", "import", "kept.jsonl"])
            .contains("3 dead letters would go back into payments-dlq, 2 are there")
    );
    for (put_back, there) in [(3, 2), (0, 5), (0, 5)] {
        let said = night.says(&["dlq", "import", "kept.jsonl", "--yes"]);
        assert!(said.contains(&format!("{put_back} put back into payments-dlq, 0 refused")), "{said}");
        assert!(said.contains(&format!("{there} were in payments-dlq already")), "{said}");
        assert_eq!(depth(&night, "payments"), 5);
    }
    // Also the export of what was imported, beside what it was exported from.
    night.says(&["dlq", "export", "payments", "--output", "again.jsonl"]);
    write(&night, "both.jsonl", &[all.clone(), lines(&night, "again.jsonl")].concat());
    night.says(&["dlq", "import", "both.jsonl", "--yes"]);
    assert_eq!(depth(&night, "payments"), 5);
    // And what was replayed meanwhile and came back.
    night.says(&["gateway", "down"]);
    night.says(&["dlq", "replay", "payments", "--yes"]);
    night.until("dead-lettered again", |status| status["dead_letters"] == 5).await;
    night.says(&["dlq", "import", "kept.jsonl", "--yes"]);
    assert_eq!(depth(&night, "payments"), 5);

    night.says(&["gateway", "up"]);
    night.says(&["dlq", "replay", "payments", "--yes"]);
    night.until_quiet().await;
    night.all_confirmed_once(5);
    night.ends();
}

#[tokio::test]
async fn a_letter_that_was_never_imported_is_known_where_it_still_is() {
    let (night, _) = Night::after_an_outage(3).await;
    night.says(&["dlq", "export", "payments", "--output", "kept.jsonl"]);
    night.says(&["dlq", "import", "kept.jsonl", "--yes"]);
    assert_eq!(depth(&night, "payments"), 3);
    // One that came back from its replay, too.
    night.says(&["gateway", "down"]);
    night.says(&["dlq", "replay", "payments", "--yes"]);
    night.until("dead-lettered again", |status| status["dead_letters"] == 3).await;
    let done = night.json(&["dlq", "import", "kept.jsonl", "--yes"]);
    assert_eq!(depth(&night, "payments"), 3);
    assert!(done.as_array().unwrap().iter().all(|entry| entry["note"] == "it was there already"), "{done}");
    night.ends();
}
