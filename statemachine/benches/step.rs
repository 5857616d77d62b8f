//! What a step of an order costs: starting it and answering its three tasks, and one step from a stored snapshot.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use serde_json::{Value, json};
use statemachine::{Context, Definition, Effect, Event, Execution, Snapshot, TaskId};

fn definition() -> Arc<Definition> {
    let step = |queue: &str| {
        json!({
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "TimeoutSeconds": 86400,
            "Parameters": {"QueueUrl": queue, "MessageBody": {
                "order.$": "$.order", "token.$": "$$.Task.Token", "entered.$": "$$.State.EnteredTime"}},
            "ResultPath": format!("$.{queue}"),
            "Retry": [{"ErrorEquals": ["Declined", "States.Timeout"], "MaxAttempts": 0},
                {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "MaxAttempts": 5, "JitterStrategy": "FULL"}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Undo"}],
        })
    };
    let mut states = json!({"Reserve": step("inventory"), "Charge": step("payments"), "Confirm": step("emails"), "Undo": {"Type": "Fail"}});
    states["Reserve"]["Next"] = json!("Charge");
    states["Charge"]["Next"] = json!("Confirm");
    states["Confirm"]["End"] = json!(true);
    Arc::new(Definition::parse(&json!({"StartAt": "Reserve", "States": states}).to_string()).expect("it is valid"))
}

fn start(definition: &Arc<Definition>) -> (Execution, Vec<Effect>) {
    let context = Context {
        execution_arn: "arn:aws:states:eu-central-1:000000000000:execution:order:0198f3a2".to_owned(),
        execution_name: "0198f3a2-7c11-7a10-9d0e-2a4b8f6f1c55".to_owned(),
        role_arn: "arn:aws:iam::000000000000:role/order".to_owned(),
        state_machine_arn: "arn:aws:states:eu-central-1:000000000000:stateMachine:order".to_owned(),
        state_machine_name: "order".to_owned(),
    };
    let input = json!({"order": "0198f3a2-7c11-7a10-9d0e-2a4b8f6f1c55", "total": {"amount": 4200, "currency": "EUR"}});
    Execution::start(Arc::clone(definition), context, input, 42, Timestamp::UNIX_EPOCH)
}

fn scheduled(effects: &[Effect]) -> Option<TaskId> {
    effects.iter().find_map(|effect| match effect {
        Effect::Schedule(task) => Some(task.id),
        _ => None,
    })
}

fn answer(execution: &mut Execution, task: TaskId, output: Value) -> Vec<Effect> {
    let now = Timestamp::UNIX_EPOCH;
    let submitted = Event::TaskSubmitted { task, output: json!({"MessageId": "m-1"}) };
    black_box(execution.on(submitted, now).expect("the task is open"));
    execution.on(Event::TaskSucceeded { task, output }, now).expect("the task is open")
}

fn order(criterion: &mut Criterion) {
    let definition = definition();
    criterion.bench_function("start and answer three tasks", |bencher| {
        bencher.iter(|| {
            let (mut execution, mut effects) = start(&definition);
            while let Some(task) = scheduled(&effects) {
                effects = answer(&mut execution, task, json!({"done": true}));
            }
            black_box(effects)
        });
    });

    let (execution, effects) = start(&definition);
    let task = scheduled(&effects).expect("the first state is a task");
    let stored = serde_json::to_string(&execution.snapshot()).expect("a snapshot is JSON");
    println!("a snapshot has {} bytes", stored.len());
    criterion.bench_function("resume, one step, snapshot", |bencher| {
        bencher.iter_batched(
            || stored.clone(),
            |stored| {
                let snapshot: Snapshot = serde_json::from_str(&stored).expect("it was written so");
                let mut execution = Execution::resume(Arc::clone(&definition), snapshot);
                let effects = answer(&mut execution, task, json!({"done": true}));
                (effects, serde_json::to_string(&execution.snapshot()).expect("a snapshot is JSON"))
            },
            BatchSize::SmallInput,
        );
    });

    let history: Vec<&Effect> = effects.iter().filter(|effect| matches!(effect, Effect::Append(_))).collect();
    criterion.bench_function("render the events of one turn", |bencher| {
        bencher.iter(|| {
            history
                .iter()
                .map(|effect| match effect {
                    Effect::Append(event) => serde_json::to_string(event).expect("an event is JSON").len(),
                    _ => 0,
                })
                .sum::<usize>()
        });
    });
}

criterion_group!(benches, order);
criterion_main!(benches);
