//! Any definition: loops, branches in branches, failures that lead anywhere.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// How a state leads to the one after it, which makes that one reachable.
#[derive(Clone, Copy, Debug)]
enum Onward {
    Next,
    Catch,
    Choice,
}

/// One state before its machine is known: how it goes on, and more targets, by any number.
type Seed = (Onward, Vec<usize>, Vec<usize>, Option<Vec<Vec<SeedState>>>);

/// One state before its machine is known.
#[derive(Clone, Debug)]
pub struct SeedState(Seed);

/// The states of a machine, with boxes in boxes so deep.
pub fn states(depth: u32) -> impl Strategy<Value = Vec<SeedState>> {
    let inner = if depth == 0 {
        Just(None).boxed()
    } else {
        prop_oneof![
            4 => Just(None),
            1 => proptest::collection::vec(states(depth - 1).boxed(), 1..4).prop_map(Some),
        ]
        .boxed()
    };
    let onward = prop_oneof![4 => Just(Onward::Next), 2 => Just(Onward::Catch), 2 => Just(Onward::Choice)];
    let targets = || proptest::collection::vec(any::<usize>(), 0..3);
    proptest::collection::vec((onward, targets(), targets(), inner).prop_map(SeedState), 1..9)
}

/// A definition of these states, which are named by their numbers.
pub fn machine_of(seeds: &[SeedState]) -> Value {
    machine(seeds, &mut 0)
}

/// A machine of these states, which are named by what `count` has come to.
fn machine(seeds: &[SeedState], count: &mut usize) -> Value {
    let first = *count;
    *count += seeds.len();
    let name = |at: usize| format!("State {}", first + at % seeds.len());
    let mut states = Map::new();
    for (at, SeedState((onward, choices, catches, branches))) in seeds.iter().enumerate() {
        let next = (at + 1 < seeds.len()).then(|| name(at + 1));
        let mut state = match (branches, onward) {
            (Some(branches), _) => {
                let branches: Vec<Value> = branches.iter().map(|branch| machine(branch, count)).collect();
                json!({"Type": "Parallel", "Branches": branches})
            }
            (None, Onward::Choice) => {
                let rule = |to: String, number: usize| json!({"Variable": "$.n", "NumericEquals": number, "Next": to});
                let first = next.clone().unwrap_or_else(|| name(at));
                let mut rules = vec![rule(first, 0)];
                rules.extend(choices.iter().map(|to| rule(name(*to), to % 10)));
                states.insert(name(at), json!({"Type": "Choice", "Choices": rules, "Default": name(choices.len())}));
                continue;
            }
            (None, _) => json!({"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {}}),
        };
        let mut catch: Vec<Value> =
            catches.iter().map(|to| json!({"ErrorEquals": [format!("E{}", to % 7)], "Next": name(*to)})).collect();
        match (next, onward) {
            (Some(next), Onward::Catch) => {
                catch.push(json!({"ErrorEquals": ["States.ALL"], "Next": next}));
                state["End"] = json!(true);
            }
            (Some(next), _) => state["Next"] = json!(next),
            (None, _) => state["End"] = json!(true),
        }
        state["Catch"] = json!(catch);
        states.insert(name(at), state);
    }
    json!({"StartAt": name(0), "States": states})
}
