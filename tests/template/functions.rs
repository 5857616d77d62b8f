//! The functions: their environment, their triggers, how many of them run at a time, and how new code gets in.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::template::{Template, named};
use crate::{TEXT, holds};

/// What each function reads of its environment (`infra/aws/src/lambda.rs` and its bin), and nothing else.
const ENVIRONMENT: [(&str, &[&str]); 5] = [
    ("producer", &["ORDERS_TABLE", "PRODUCTS_TABLE", "ORDERS_QUEUE_URL"]),
    ("dispatch", &["ORDERS_TABLE", "PRODUCTS_TABLE", "ORDERS_QUEUE_URL", "ORDERS_DLQ_URL", "STATE_MACHINE_ARN"]),
    ("inventory", &["ORDERS_TABLE", "PRODUCTS_TABLE", "INVENTORY_QUEUE_URL", "INVENTORY_DLQ_URL"]),
    (
        "payment",
        &[
            "ORDERS_TABLE",
            "PRODUCTS_TABLE",
            "PAYMENTS_QUEUE_URL",
            "PAYMENTS_DLQ_URL",
            "PAYMENT_GATEWAY",
            "PAYMENTS_TABLE",
            "STRIPE_SECRET_ID",
        ],
    ),
    (
        "email",
        &[
            "ORDERS_TABLE",
            "PRODUCTS_TABLE",
            "EMAILS_QUEUE_URL",
            "EMAILS_DLQ_URL",
            "MAIL_FROM",
            "MAIL_CONFIGURATION_SET",
        ],
    ),
];

fn environment(template: &Template) -> Vec<String> {
    let set = |function: &Value| -> BTreeSet<String> {
        function["Environment"]["Variables"].as_object().unwrap().keys().cloned().collect()
    };
    let needed = |bin: &str| -> BTreeSet<String> {
        let own = ENVIRONMENT.iter().filter(|(name, _)| *name == bin).flat_map(|(_, variables)| *variables);
        own.chain(&["ORDERFLOW_LOG", "METRICS_NAMESPACE"]).map(|name| (*name).to_owned()).collect()
    };
    template
        .functions()
        .filter(|(bin, function)| set(function) != needed(bin))
        .map(|(bin, function)| format!("{bin}: {:?}, and it reads {:?}", set(function), needed(bin)))
        .collect()
}

#[test]
fn a_function_gets_the_variables_it_reads_and_no_others() {
    holds(
        environment,
        &[
            ("          EMAILS_DLQ_URL: !Ref EmailsDlq\n", ""),
            (
                "          MAIL_FROM: !Ref MailFrom\n",
                "          MAIL_FROM: !Ref MailFrom\n          STAGE: !Ref Stage\n",
            ),
            ("        ORDERFLOW_LOG: !Ref LogFilter\n", "        RUST_LOG: !Ref LogFilter\n"),
        ],
    );
}

/// A bin's source, by its name.
fn sources() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("infra/aws/src/bin");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|file| (file.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&file).unwrap()))
        .collect()
}

#[test]
fn every_bin_is_a_function_and_every_function_a_bin() {
    let template = Template::parse(TEXT);
    let functions: BTreeSet<String> = template.functions().map(|(bin, _)| bin.to_owned()).collect();
    assert_eq!(functions, sources().into_iter().map(|(bin, _)| bin).collect());
    for (bin, function) in template.functions() {
        assert_eq!(function["Runtime"], "provided.al2023", "{bin}");
        assert_eq!(function["Architectures"], json!(["arm64"]), "{bin}");
    }
}

/// The bins that hand over to `Function::run` answer a batch with the records that failed; the others answer something else.
fn partial_batches(template: &Template) -> Vec<String> {
    let mut found = Vec::new();
    for (bin, source) in sources() {
        let mappings: Vec<_> = template.mappings().filter(|(name, ..)| *name == bin).collect();
        let flagged = mappings.iter().filter(|(.., mapping)| {
            mapping["FunctionResponseTypes"]
                .as_array()
                .is_some_and(|types| types.contains(&json!("ReportBatchItemFailures")))
        });
        let wanted = if source.contains("function.run(") { 1 } else { 0 };
        if flagged.count() != wanted || mappings.len() != wanted {
            found.push(bin);
        }
    }
    found
}

#[test]
fn exactly_the_functions_that_report_failed_records_are_asked_for_them() {
    holds(
        partial_batches,
        &[
            ("            FunctionResponseTypes: [ReportBatchItemFailures]\n", ""),
            ("BuildProperties: { Binary: email,", "BuildProperties: { Binary: producer,"),
        ],
    );
}

/// Reserved concurrency below what the mappings may use throttles them, and their messages run into the DLQ unhandled:
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>
fn concurrency(template: &Template) -> Vec<String> {
    let mut found = Vec::new();
    for (bin, function) in template.functions() {
        let limits: Vec<&Value> = template
            .mappings()
            .filter(|(name, ..)| *name == bin)
            .map(|(.., mapping)| &mapping["ScalingConfig"]["MaximumConcurrency"])
            .collect();
        for limit in &limits {
            let parameter = template.at(&format!("/Parameters/{}", named(limit).concat()));
            if parameter["MinValue"] != 2 || parameter["MaxValue"] != 1000 {
                found.push(format!("{bin}: a mapping takes 2 to 1,000"));
            }
        }
        // With one mapping, its own parameter is the sum. Off: no value.
        let reserved = &function["ReservedConcurrentExecutions"];
        let wanted = json!({ "Fn::If": ["ReservesConcurrency", limits.first(), { "Ref": "AWS::NoValue" }] });
        if limits.len() > 1 || !(limits.is_empty() && reserved.is_null() || *reserved == wanted) {
            found.push(format!("{bin}: what is reserved is not what its mapping may use"));
        }
    }
    if template.at("/Parameters/ReserveConcurrency/Default") != "false" {
        found.push("concurrency is reserved unasked".to_owned());
    }
    found
}

#[test]
fn reserved_concurrency_is_off_and_never_below_what_the_mappings_may_use() {
    holds(
        concurrency,
        &[
            ("[ReservesConcurrency, !Ref DispatchConcurrency,", "[ReservesConcurrency, !Ref EmailConcurrency,"),
            ("[ReservesConcurrency, !Ref PaymentConcurrency,", "[ReservesConcurrency, 10,"),
            ("    MinValue: 2\n", "    MinValue: 1\n"),
            ("MaximumConcurrency: !Ref EmailConcurrency", "MaximumConcurrency: !Ref StripeSecretArn"),
        ],
    );
}

/// New code takes a tenth of the traffic first, and the function's own errors turn it back.
fn gradual(template: &Template) -> Vec<String> {
    let mut found = Vec::new();
    for (bin, function) in template.functions() {
        let preference = &function["DeploymentPreference"];
        let alarms = named(&preference["Alarms"]);
        let own = alarms.iter().any(|alarm| {
            let alarm = template.properties(alarm);
            let watched = named(&alarm["Dimensions"][0]["Value"]).concat();
            alarm["MetricName"] == "Errors"
                && template.resource(&watched)["Metadata"]["BuildProperties"]["Binary"] == bin
        });
        let canary = preference["Type"].as_str().is_some_and(|kind| kind.starts_with("Canary"));
        if function["AutoPublishAlias"] != "live"
            || function["AutoPublishAliasAllProperties"] != true
            || preference["Enabled"] != json!({ "Ref": "Canary" })
            || !canary
            || !own
        {
            found.push(bin.to_owned());
        }
    }
    found
}

#[test]
fn new_code_starts_as_a_canary_that_its_own_errors_roll_back() {
    holds(
        gradual,
        &[
            ("AutoPublishAlias: live", "AutoPublishAlias: latest"),
            ("Alarms: [!Ref EmailErrorsAlarm]", "Alarms: [!Ref DispatchErrorsAlarm]"),
            ("Type: Canary10Percent5Minutes", "Type: AllAtOnce"),
            ("Enabled: !Ref Canary", "Enabled: false"),
        ],
    );
}
