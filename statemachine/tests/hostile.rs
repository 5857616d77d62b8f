//! Whatever an author may write into a definition: none of it ends the process, takes its memory or holds it up.
//!
//! Each is loaded, and run if it loads, in a thread with a stack much smaller than any that runs executions. What is bounded, and
//! where, is in `limits.rs`.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in what its cases share")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use statemachine::{Context, Definition, Effect, Event, Execution, ExecutionStatus};

/// A tokio worker has eight times as much.
const STACK: usize = 256 * 1024;

/// Far more than any takes, also in a debug build on a busy machine; without the bounds most take hours.
const HANG: Duration = Duration::from_secs(120);

/// Far more than all take together; without the bounds each of several takes more.
const MOST_MEMORY_KIB: u64 = 512 * 1024;

/// How a hostile definition ends.
enum Ends {
    /// It is refused, and this is part of what its author is told.
    Refused(&'static str),
    /// It can be run, and its execution fails with this error.
    Fails(&'static str, &'static str),
    /// It can be run: it is large but does no harm.
    Well,
}

use Ends::{Fails, Refused, Well};

struct Hostile {
    name: &'static str,
    text: String,
    input: Value,
    /// What each task gives; without it, each fails.
    result: Option<Value>,
    ends: Ends,
}

fn hostile(name: &'static str, text: String, input: Value, ends: Ends) -> Hostile {
    Hostile { name, text, input, result: None, ends }
}

/// One state, which ends the execution.
fn one(mut state: Value) -> String {
    state["End"] = json!(true);
    json!({"StartAt": "It", "States": {"It": state}}).to_string()
}

/// Two states that go round for as long as they may.
fn looping(first: Value) -> String {
    let mut first = first;
    first["Next"] = json!("B");
    json!({"StartAt": "A", "States": {"A": first, "B": {"Type": "Pass", "Next": "A"}}}).to_string()
}

fn path(path: &str) -> String {
    one(json!({"Type": "Pass", "InputPath": path}))
}

fn rule(rule: &str) -> String {
    format!(
        r#"{{"StartAt": "It", "States": {{"It": {{"Type": "Choice", "Choices": [{rule}], "Default": "It"}}, "X": {{"Type": "Succeed"}}}}}}"#
    )
}

/// `open` and `close` around something, as often as told.
fn nested(open: &str, within: &str, close: &str, levels: usize) -> String {
    format!("{}{within}{}", open.repeat(levels), close.repeat(levels))
}

fn deep_json(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!([inner]))
}

fn many(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",")
}

fn branches(count: usize, state: &str) -> String {
    let branch = |at| format!(r#"{{"StartAt": "{at}", "States": {{"{at}": {state}}}}}"#);
    format!(
        r#"{{"StartAt": "P", "States": {{"P": {{"Type": "Parallel", "Branches": [{}], "End": true}}}}}}"#,
        many(count, branch)
    )
}

fn paths() -> Vec<Hostile> {
    let refused = |name, text: &str, why| hostile(name, path(text), json!({}), Refused(why));
    vec![
        refused("brackets that never close", &format!("${}", "[".repeat(1990)), "nest at most 8 levels"),
        refused("half a megabyte of brackets", &format!("${}", "[".repeat(500_000)), "has at most 2048 bytes"),
        refused("half a megabyte of dots", &format!("${}", ".".repeat(500_000)), "has at most 2048 bytes"),
        refused("a thousand dots", &format!("${}", ".".repeat(1000)), "at most"),
        refused("a thousand names", &format!("${}", ".a".repeat(1000)), "has at most 100 steps, this one has 1000"),
        refused("hundreds of elements", &format!("${}", "[0]".repeat(500)), "has at most 100 steps, this one has 500"),
        refused("hundreds of stars", &format!("${}", "[*]".repeat(500)), "has at most 100 steps, this one has 500"),
        refused("two descents, of which each multiplies the other", "$..*..*", "has `..` at most once"),
        refused("hundreds of descents", &format!("${}", "..a".repeat(500)), "at most"),
        refused("unions that double at each step", &format!("${}", "[0,0]".repeat(20)), "are 1048576, and at most 32"),
        refused("a union of hundreds", &format!("$[{}]", many(500, |_| "*".to_owned())), "are 500, and at most 32"),
        refused("parentheses in a filter", &format!("$[?{}]", nested("(", "@.a", ")", 500)), "nest at most 8 levels"),
        refused("negations in a filter", &format!("$[?{}]", nested("!(", "@.a", ")", 400)), "nest at most 8 levels"),
        refused("filters in filters", &format!("${}", nested("[?@", "", "]", 500)), "by names and indexes alone"),
        refused("a descent in a filter", "$[?@..a]", "by names and indexes alone"),
        refused("a star in a filter", "$[?@.*]", "by names and indexes alone"),
        refused(
            "a regular expression in a filter",
            "$[?match(@.a, '((a{1000}){1000}){1000}')]",
            "may call no function",
        ),
        refused("quotes that never close", &format!("$['{}", "\\'".repeat(1000)), "is not a valid path"),
        refused("backslashes without end", &format!("$[\"{}", "\\".repeat(2001)), "is not a valid path"),
        refused("a number that no integer holds", &format!("$[{}]", "9".repeat(1000)), "is not a valid path"),
        hostile("as many parentheses as may be", path("$[?(((((((@.a == 1)))))))]"), json!([{"a": 1}]), Well),
        hostile(
            "a filter as long as may be",
            path(&format!("$[?{}]", vec!["@.a==1"; 250].join("||"))),
            json!(vec![json!({"b": 1}); 20_000]),
            Well,
        ),
        hostile(
            "a slice from end to end of all numbers",
            path("$[-9007199254740991:9007199254740991]"),
            json!([1]),
            Well,
        ),
        hostile("a step as large as may be", path("$[::9007199254740991]"), json!([1, 2]), Well),
    ]
}

fn definitions() -> Vec<Hostile> {
    let refused = |name, text: String, why| hostile(name, text, json!({}), Refused(why));
    let long = "x".repeat(1000);
    let rule_within = |open: &str, close: &str, levels| {
        let inner = nested(open, r#"{"Variable": "$.a", "IsNull": true}"#, close, levels);
        rule(&format!(r#"{{"Not": {inner}, "Next": "X"}}"#))
    };
    let parallel = r#"{"StartAt":"N","States":{"N":{"Type":"Parallel","End":true,"Branches":["#;
    let chain = |to: &dyn Fn(usize) -> String| {
        let states = many(15_000, |at| format!(r#""{at}":{{"Type":"Pass","Next":"{}"}}"#, to(at)));
        format!(r#"{{"StartAt":"0","States":{{{states},"15000":{{"Type":"Succeed"}}}}}}"#)
    };
    vec![
        refused("half a megabyte of brackets", "[".repeat(500_000), "is nested deeper than 64 levels in line 1"),
        refused("objects in objects", nested(r#"{"a":"#, "1", "}", 100_000), "is nested deeper than 64 levels"),
        refused("more than a megabyte", " ".repeat(1024 * 1024 + 1), "has at most 1048576 bytes"),
        refused("a string that never ends", format!("\"{}", "\\".repeat(500_000)), "is not JSON"),
        refused("a name of half a megabyte", format!(r#"{{"{}": 1}}"#, "x".repeat(500_000)), "has at most 1024 bytes"),
        refused(
            "a name given twice, a hundred thousand times, far down",
            format!("{}{}{}", nested(&format!(r#"{{"{long}":"#), "", "", 60), "{\"\":0", ",\"\":0".repeat(100_000))
                + "}"
                + &"}".repeat(60),
            "is given twice",
        ),
        refused("rules in rules", rule_within(r#"{"Not":"#, "}", 200), "is nested deeper than 64 levels"),
        refused("branches in branches", nested(parallel, "1", "]}}}", 30), "is nested deeper than 64 levels"),
        refused(
            "a hundred thousand unknown fields in a state with a long name",
            {
                let fields = many(100_000, |at| format!("\"{at}\":0"));
                format!(r#"{{"StartAt":"{long}","States":{{"{long}":{{"Type":"Pass",{fields}}}}}}}"#)
            },
            "and 99902 more",
        ),
        refused("thousands of states that lead nowhere", chain(&|at| format!("x{at}")), "and 14900 more"),
        refused("thousands of states that nobody reaches", chain(&|_| "15000".to_owned()), "can't be reached"),
        refused(
            "a Next of half a megabyte",
            chain(&|at| if at == 7 { "y".repeat(500_000) } else { "0".to_owned() }),
            "no state",
        ),
        refused("a type of half a megabyte", one(json!({"Type": "x".repeat(500_000)})), "is not a type of state"),
        refused(
            "a rule of nothing but operators",
            rule(&format!("{{{}}}", many(50_000, |at| format!("\"{at}\":0")))),
            "exactly one comparison",
        ),
        refused("thousands of branches", branches(5_000, r#"{"Type":"Succeed"}"#), "at most 1000 branches in all"),
        hostile(
            "rules as deep as may be",
            rule_within(r#"{"Not":"#, "}", 56),
            json!({"a": null}),
            Fails("States.Runtime", "history events"),
        ),
        hostile(
            "a template as deep as may be",
            {
                let template = nested(r#"{"a":"#, r#"{"b.$": "$"}"#, "}", 59);
                format!(r#"{{"StartAt":"A","States":{{"A":{{"Type":"Pass","Parameters":{template},"End":true}}}}}}"#)
            },
            deep_json(90),
            Fails("States.DataLimitExceeded", "nested deeper"),
        ),
        hostile(
            "branches as deep as may be",
            {
                let mut inner = json!({"StartAt": "0", "States": {"0": {"Type": "Succeed"}}});
                for level in 1..15 {
                    let name = level.to_string();
                    inner = json!({"StartAt": name, "States": {name: {"Type": "Parallel", "Branches": [inner], "End": true}}});
                }
                inner.to_string()
            },
            json!(1),
            Well,
        ),
        hostile(
            "a chain as long as fits",
            chain(&|at| (at + 1).to_string()),
            json!({}),
            Fails("States.Runtime", "history events"),
        ),
        hostile(
            "a hundred thousand names of errors",
            one(json!({
                "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",
                "Retry": [{"ErrorEquals": vec!["E"; 100_000]}],
            })),
            json!({}),
            Fails("Broken", ""),
        ),
        hostile("as many branches as may be", branches(1000, r#"{"Type":"Succeed"}"#), json!({}), Well),
    ]
}

fn data() -> Vec<Hostile> {
    let text = |length: usize| json!("x".repeat(length));
    let lists = || json!({"list": vec![json!([]); 60_000]});
    let at_once = Fails("States.Runtime", "went through more than 128 MiB of data without waiting");
    let templates = |count: usize, value: &str| {
        let fields = many(count, |at| format!(r#""{at}.$":"{value}""#));
        format!(r#"{{"StartAt":"A","States":{{"A":{{"Type":"Pass","Parameters":{{{fields}}},"End":true}}}}}}"#)
    };
    let rules = |count: usize, variable: &str, test: &str| {
        let rules = many(count, |_| format!(r#"{{"Variable":"{variable}",{test},"Next":"A"}}"#));
        format!(r#"{{"StartAt":"A","States":{{"A":{{"Type":"Choice","Choices":[{rules}],"Default":"A"}}}}}}"#)
    };
    let too_large = || Fails("States.DataLimitExceeded", "exceeding the maximum");
    vec![
        hostile("a descent through everything", path("$..*"), lists(), too_large()),
        hostile(
            "one element, thirty-two times",
            path(&format!("$[{}]", many(32, |_| "0".to_owned()))),
            json!([text(250_000)]),
            too_large(),
        ),
        hostile("the whole input, thousands of times", templates(20_000, "$"), text(250_000), too_large()),
        hostile("everything below the input, thousands of times", templates(20_000, "$..none"), lists(), at_once),
        hostile(
            "the execution's input, thousands of times",
            templates(20_000, "$$.Execution.Input"),
            text(250_000),
            too_large(),
        ),
        hostile(
            "patterns over a long text",
            rules(10_000, "$", r#""StringMatches":"*a*b*c*""#),
            text(250_000),
            Fails("States.Runtime", "without waiting"),
        ),
        hostile(
            "rules over the execution's input",
            rules(10_000, "$$.Execution.Input", r#""IsNull":true"#),
            lists(),
            Fails("States.Runtime", "without waiting"),
        ),
        hostile(
            "rules over the whole context",
            rules(10_000, "$$", r#""IsNull":true"#),
            lists(),
            Fails("States.Runtime", "without waiting"),
        ),
        hostile(
            "thousands of rules, round and round",
            rules(15_000, "$.a", r#""IsNull":true"#),
            json!({"a": 1}),
            Fails("States.Runtime", "without waiting"),
        ),
        hostile(
            "a large payload, round and round",
            looping(json!({"Type": "Pass", "Parameters": {"x.$": "$.x"}})),
            json!({"x": text(250_000)}),
            Fails("States.Runtime", "without waiting"),
        ),
        hostile(
            "a large constant that nobody sees, round and round",
            looping(json!({"Type": "Pass", "Parameters": {"x": "x".repeat(200_000), "y": 1}, "OutputPath": "$.y"})),
            json!({}),
            Fails("States.Runtime", "without waiting"),
        ),
        hostile(
            "a large result that is dropped, round and round",
            looping(json!({"Type": "Pass", "Result": vec![1; 100_000], "ResultPath": null})),
            json!({}),
            Fails("States.Runtime", "without waiting"),
        ),
        hostile(
            "a filter over a long list, round and round",
            looping(
                json!({"Type": "Pass", "Parameters": {"x.$": "$.list[?(@.a == 1 || @.b == 2)]"}, "ResultPath": "$.found"}),
            ),
            lists(),
            Fails("States.Runtime", "without waiting"),
        ),
        hostile(
            "a place as deep as may be",
            one(json!({"Type": "Pass", "ResultPath": format!("${}", ".a".repeat(99))})),
            json!({}),
            Well,
        ),
        hostile(
            "a place as deep as may be, in data as deep as may be",
            one(json!({"Type": "Pass", "ResultPath": format!("${}", ".a".repeat(50))})),
            json!({"b": deep_json(80)}),
            Fails("States.DataLimitExceeded", "nested deeper"),
        ),
        hostile(
            "branches that each hold a large payload",
            branches(1000, r#"{"Type":"Wait","Seconds":1,"End":true}"#),
            text(250_000),
            Fails("States.DataLimitExceeded", "more than 8 MiB"),
        ),
        Hostile {
            result: Some(text(250_000)),
            ..hostile(
                "branches that each give a large payload",
                branches(1000, r#"{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","End":true}"#),
                json!({}),
                Fails("States.DataLimitExceeded", "more than 8 MiB"),
            )
        },
    ]
}

/// Loads it, and runs it if it loads. How it differs from what it should do, if it does.
fn try_out(hostile: &Hostile) -> Result<(), String> {
    let definition = match (Definition::parse(&hostile.text), &hostile.ends) {
        (Err(invalid), Refused(why)) if invalid.to_string().contains(why) && invalid.faults().len() <= 100 => {
            return Ok(());
        }
        (Err(invalid), _) => return Err(format!("refused: {:.300}", invalid.to_string())),
        (Ok(_), Refused(_)) => return Err("accepted".to_owned()),
        (Ok(definition), _) => Arc::new(definition),
    };
    let context = Context {
        execution_arn: "arn:aws:states:eu-central-1:000000000000:execution:m:e".to_owned(),
        execution_name: "e".to_owned(),
        role_arn: "arn:aws:iam::000000000000:role/r".to_owned(),
        state_machine_arn: "arn:aws:states:eu-central-1:000000000000:stateMachine:m".to_owned(),
        state_machine_name: "m".to_owned(),
    };
    let mut now = Timestamp::UNIX_EPOCH;
    let (mut execution, mut effects) = Execution::start(definition, context, hostile.input.clone(), 1, now);
    loop {
        if let Some(Effect::Finish(outcome)) = effects.last() {
            let (error, cause) =
                (outcome.error.as_deref().unwrap_or_default(), outcome.cause.as_deref().unwrap_or_default());
            return match &hostile.ends {
                Fails(name, why) if error == *name && cause.contains(why) => Ok(()),
                Well if outcome.status == ExecutionStatus::Succeeded => Ok(()),
                _ => Err(format!("it ended as {:?}, {error}: {cause:.300}", outcome.status)),
            };
        }
        let task = execution.open_tasks().next();
        let event = match (task, hostile.result.clone()) {
            (Some(task), Some(output)) => Event::TaskSucceeded { task, output },
            (Some(task), None) => Event::TaskFailed { task, error: Some("Broken".to_owned()), cause: None },
            (None, _) => {
                now = execution.next_timer().ok_or("it waits for nothing")?;
                Event::TimerFired
            }
        };
        effects = execution.on(event, now).map_err(|refused| refused.to_string())?;
    }
}

fn hold(corpus: fn() -> Vec<Hostile>) {
    let run = move || -> Vec<String> {
        let tried = corpus().into_iter().filter_map(|hostile| {
            let started = Instant::now();
            let result = try_out(&hostile);
            let took = started.elapsed();
            println!("{took:9.3?} {}", hostile.name);
            match result {
                Err(wrong) => Some(format!("{}: {wrong}", hostile.name)),
                Ok(()) if took > HANG => Some(format!("{}: it took {took:?}", hostile.name)),
                Ok(()) => None,
            }
        });
        tried.collect()
    };
    let wrong = std::thread::Builder::new().stack_size(STACK).spawn(run).unwrap().join().unwrap();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")).unwrap();
        println!("at most {peak} KiB in memory");
        assert!(peak.parse::<u64>().unwrap() < MOST_MEMORY_KIB, "at most {peak} KiB in memory");
    }
}

#[test]
fn no_path_does_harm() {
    hold(paths);
}

#[test]
fn no_definition_does_harm() {
    hold(definitions);
}

#[test]
fn no_data_that_a_definition_makes_does_harm() {
    hold(data);
}
