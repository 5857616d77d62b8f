//! The state machine's deployment: what the definition asks for, and what its logs must not hold.

use std::collections::BTreeSet;

use serde_json::json;

use crate::holds;
use crate::template::Template;

/// The names between `${` and `}` in the definition.
fn placeholders() -> BTreeSet<String> {
    let definition = include_str!("../../statemachine/order.asl.json");
    definition.split("${").skip(1).map(|rest| rest.split('}').next().unwrap().to_owned()).collect()
}

fn deployment(template: &Template) -> Vec<String> {
    let machine = template.properties("OrderMachine");
    let mut found = Vec::new();
    let given: BTreeSet<String> = machine["DefinitionSubstitutions"].as_object().unwrap().keys().cloned().collect();
    if given != placeholders() {
        found.push(format!("the definition wants {:?}, and gets {given:?}", placeholders()));
    }
    if machine["Type"] != "STANDARD" || machine["DefinitionUri"] != "../../statemachine/order.asl.json" {
        found.push("another workflow".to_owned());
    }
    if machine["Logging"]["IncludeExecutionData"] != false {
        found.push("task tokens in the logs".to_owned());
    }
    if machine["Tracing"] != json!({ "Enabled": true }) {
        found.push("no traces".to_owned());
    }
    // A version that goes when the next comes takes its running executions' definition along.
    let version = template.resource("OrderMachineVersion");
    if version["DeletionPolicy"] != "Retain" || version["UpdateReplacePolicy"] != "Retain" {
        found.push("old versions are deleted".to_owned());
    }
    let preference = &template.properties("OrderMachineAlias")["DeploymentPreference"];
    if preference["Type"] != "CANARY" || preference["Alarms"].as_array().is_none_or(Vec::is_empty) {
        found.push("a new definition takes all orders at once, or nothing rolls it back".to_owned());
    }
    found
}

#[test]
fn the_definition_gets_its_queues_and_its_logs_hold_no_data() {
    holds(
        deployment,
        &[
            ("        EmailsQueueUrl: !Ref EmailsQueue\n", ""),
            ("IncludeExecutionData: false", "IncludeExecutionData: true"),
            (
                "    UpdateReplacePolicy: Retain\n    Properties:\n      StateMachineArn",
                "    Properties:\n      StateMachineArn",
            ),
            ("        Type: CANARY\n", "        Type: ALL_AT_ONCE\n"),
        ],
    );
}

/// Everything but `/health` needs a token with one of our scopes.
fn entrance(template: &Template) -> Vec<String> {
    let open = |route: &serde_json::Value| {
        route["AuthorizationType"] != "JWT"
            || route["AuthorizationScopes"] != json!(["orderflow/storefront", "orderflow/ops"])
    };
    let routes = template.all("AWS::ApiGatewayV2::Route");
    let mut found: Vec<String> = routes
        .filter(|(_, route)| open(route) && route["RouteKey"] != "GET /health")
        .map(|(name, _)| format!("{name} is open"))
        .collect();
    let stage = template.properties("HttpStage");
    for setting in ["ThrottlingRateLimit", "ThrottlingBurstLimit"] {
        if stage["DefaultRouteSettings"][setting].is_null() {
            found.push(format!("no {setting}"));
        }
    }
    let format = stage["AccessLogSettings"]["Format"].as_str().unwrap_or_default();
    match serde_json::from_str::<serde_json::Value>(format) {
        Ok(log) if !log["request_id"].is_null() => {}
        _ => found.push("access logs are not JSON with a request id".to_owned()),
    }
    // Addresses, agents and paths are personal data, or carry some.
    let personal = ["$context.identity", "$context.path", "$context.authorizer.claims.sub", "userAgent"];
    found.extend(personal.iter().filter(|each| format.contains(**each)).map(|each| format!("access logs hold {each}")));
    found
}

#[test]
fn nobody_enters_without_a_token_and_access_logs_hold_no_personal_data() {
    holds(
        entrance,
        &[
            ("      AuthorizationType: JWT\n", "      AuthorizationType: NONE\n"),
            ("        ThrottlingRateLimit: !Ref ThrottleRate\n", ""),
            ("\"$context.routeKey\"", "\"$context.path\""),
        ],
    );
}
