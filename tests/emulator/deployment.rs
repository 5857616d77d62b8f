//! What of the template the emulator can't do.

use crate::stack::Stack;

/// Resource types that it refuses, each with its reason. The stages here are deployed without `Canary`, the condition of both.
const REFUSED: [(&str, &str); 2] = [
    ("AWS::StepFunctions::StateMachineAlias", "known to its API, not to its CloudFormation"),
    ("AWS::StepFunctions::StateMachineVersion", "known to its API, not to its CloudFormation"),
];

#[tokio::test]
async fn the_emulator_refuses_only_what_is_listed() {
    let stack = Stack::deploy().await;
    for (refused, reason) in REFUSED {
        println!("not deployed: {refused}: {reason}");
    }
    assert_eq!(stack.deployed.refused, REFUSED.map(|(refused, _)| refused));
}
