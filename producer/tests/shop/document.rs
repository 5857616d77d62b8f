//! The OpenAPI document, as a judge of answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(producer::openapi()).unwrap());

/// An operation and a status it answers, such as `GET /orders 200`.
pub type Documented = BTreeSet<String>;

/// Everything that is documented.
pub fn all() -> Documented {
    let mut all = Documented::new();
    for (path, operations) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            for status in operation["responses"].as_object().unwrap().keys() {
                all.insert(format!("{} {path} {status}", method.to_uppercase()));
            }
        }
    }
    all
}

/// The template of a path, if the document has one.
pub fn template(path: &str) -> Option<&'static str> {
    let path = path.split('?').next().unwrap();
    let fits = |template: &str| {
        let (ours, theirs): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        ours.len() == theirs.len()
            && ours.iter().zip(theirs).all(|(ours, theirs)| ours.starts_with('{') || *ours == theirs)
    };
    DOCUMENT["paths"].as_object().unwrap().keys().map(String::as_str).find(|template| fits(template))
}

/// Panics unless the answer is as documented. Returns its name in [`all`], or `None` if it is not an operation's answer.
pub fn judge(method: &str, path: &str, status: u16, content_type: Option<&str>, body: &[u8]) -> Option<String> {
    let template = template(path)?;
    let operation = &DOCUMENT["paths"][template].get(method.to_lowercase())?;
    let name = format!("{method} {template} {status}");
    let response = &operation["responses"][status.to_string()];
    assert!(!response.is_null(), "undocumented: {name}");
    let response = match response["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(&reference[1..]).unwrap(),
        None => response,
    };
    match response["content"].as_object() {
        None => assert!(body.is_empty(), "{name} has a body"),
        Some(content) => {
            let essence = content_type.unwrap().split(';').next().unwrap();
            let media = content.get(essence).unwrap_or_else(|| panic!("{name} is {essence}"));
            if essence.ends_with("json") {
                let body: Value = serde_json::from_slice(body).unwrap();
                if let Some(reference) = media["schema"]["$ref"].as_str() {
                    check(reference, &body).unwrap_or_else(|error| panic!("{name}: {error}: {body:#}"));
                }
            }
        }
    }
    Some(name)
}

/// Whether a value is what the document's schema says.
pub fn check(reference: &str, value: &Value) -> Result<(), String> {
    static VALIDATORS: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| {
        let names = DOCUMENT["components"]["schemas"].as_object().unwrap().keys();
        let validator = |name: &String| {
            let reference = format!("#/components/schemas/{name}");
            let schema = json!({"$ref": reference, "components": DOCUMENT["components"]});
            let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).build(&schema).unwrap();
            (reference, validator)
        };
        names.map(validator).collect()
    });
    VALIDATORS[reference].validate(value).map_err(|error| format!("{error} at {}", error.instance_path()))
}
