//! What stages are deployed with (`samconfig.toml`), and what linters are told to skip.

use std::collections::BTreeMap;

use crate::TEXT;
use crate::template::Template;

const SAMCONFIG: &str = include_str!("../../infra/aws/samconfig.toml");
const CHECKOV: &str = include_str!("../../infra/aws/.checkov.yaml");

/// A stage's `parameter_overrides`.
fn overrides(stage: &str) -> BTreeMap<String, String> {
    let config: toml::Table = toml::from_str(SAMCONFIG).unwrap();
    let overrides = config[stage]["deploy"]["parameters"]["parameter_overrides"].as_array().unwrap();
    let pairs = overrides.iter().map(|pair| pair.as_str().unwrap().split_once('=').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn every_stage_is_given_what_the_template_asks_for() {
    let template = Template::parse(TEXT);
    let parameters = template.at("/Parameters").as_object().unwrap();
    for stage in ["default", "prod"] {
        let given = overrides(stage);
        for name in given.keys() {
            assert!(parameters.contains_key(name), "{stage}: the template has no parameter {name}");
        }
        for (name, parameter) in parameters {
            assert!(given.contains_key(name) || !parameter["Default"].is_null(), "{stage}: {name} is missing");
        }
    }
}

#[test]
fn production_takes_real_money_wakes_somebody_and_changes_gradually() {
    let given = overrides("prod");
    assert_eq!(given["Canary"], "true");
    assert_eq!(given["PaymentGateway"], "stripe");
    assert!(given["AlarmTarget"].starts_with("arn:"));
    assert_ne!(given.get("DeletionProtection").map(String::as_str), Some("false"));
}

#[test]
fn whatever_checkov_skips_has_its_reason_beside_it() {
    let lines: Vec<&str> = CHECKOV.lines().map(str::trim).collect();
    let skipped: Vec<_> = lines.windows(2).filter(|pair| pair[1].starts_with("- CKV")).collect();
    assert!(!skipped.is_empty());
    for pair in skipped {
        assert!(pair[0].starts_with("# "), "{} has no reason", pair[1]);
    }
    assert!(!TEXT.contains("checkov:skip") && !TEXT.contains("ignore_checks"), "suppressions stand in .checkov.yaml");
}
