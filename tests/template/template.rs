//! The template as the rules see it: short intrinsics (`!Ref`) written out, loops unrolled, `Globals` merged into functions.
//! Not for checking that it is valid CloudFormation: linters do that.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// A CloudFormation template.
pub struct Template(Value);

impl Template {
    /// Reads one. Panics on anything that this template doesn't use.
    pub fn parse(text: &str) -> Self {
        let documents = Yaml::load_from_str(text).unwrap();
        let mut template = unrolled(&value(&documents[0]), &[]);
        let globals = template["Globals"]["Function"].clone();
        for resource in template["Resources"].as_object_mut().unwrap().values_mut() {
            if resource["Type"] == "AWS::Serverless::Function" {
                resource["Properties"] = merged(&globals, &resource["Properties"]);
            }
        }
        Self(template)
    }

    /// A part of it, by JSON pointer; null if it isn't there.
    pub fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// A resource: `Type`, `Properties`, `Condition`, …
    pub fn resource(&self, name: &str) -> &Value {
        &self.0["Resources"][name]
    }

    /// A resource's properties.
    pub fn properties(&self, name: &str) -> &Value {
        &self.resource(name)["Properties"]
    }

    /// The names and properties of all resources of a type.
    pub fn all(&self, kind: &str) -> impl Iterator<Item = (&str, &Value)> {
        let resources = self.0["Resources"].as_object().unwrap().iter();
        resources
            .filter(move |(_, resource)| resource["Type"] == kind)
            .map(|(name, resource)| (name.as_str(), &resource["Properties"]))
    }

    /// The functions, each by the name of its bin.
    pub fn functions(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.all("AWS::Serverless::Function").map(|(name, properties)| {
            let bin = &self.resource(name)["Metadata"]["BuildProperties"]["Binary"];
            (bin.as_str().unwrap_or(name), properties)
        })
    }

    /// The event source mappings: the function's bin, its properties, the queue's name, the mapping's properties.
    pub fn mappings(&self) -> impl Iterator<Item = (&str, &Value, String, &Value)> {
        self.functions().flat_map(|(bin, function)| {
            let events = function["Events"].as_object().into_iter().flat_map(Map::values);
            events
                .filter(|event| event["Type"] == "SQS")
                .map(move |event| (bin, function, resource(&event["Properties"]["Queue"]), &event["Properties"]))
        })
    }
}

/// What a value names, on either side of a condition: `OrdersQueue` for its reference, `OrdersQueue.Arn` for its attribute.
pub fn named(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(named).collect(),
        Value::Object(object) => match object.iter().next().map(|(name, argument)| (name.as_str(), argument)) {
            Some(("Ref", name)) if name == "AWS::NoValue" => Vec::new(),
            Some(("Ref" | "Fn::Sub", name)) => named(name),
            Some(("Fn::GetAtt", path)) => vec![named(path).join(".")],
            Some(("Fn::If", branches)) => [&branches[1], &branches[2]].into_iter().flat_map(named).collect(),
            other => panic!("{other:?} names nothing"),
        },
        other => panic!("{other} names nothing"),
    }
}

/// The one resource that a value names, by itself or by an attribute.
pub fn resource(value: &Value) -> String {
    named(value).concat().split('.').next().unwrap_or_default().to_owned()
}

fn value(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(truth)) => json!(truth),
        Yaml::Value(Scalar::Integer(number)) => json!(number),
        Yaml::Value(Scalar::FloatingPoint(number)) => json!(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Sequence(values) => values.iter().map(value).collect(),
        Yaml::Mapping(entries) => {
            entries.iter().map(|(key, entry)| (key.as_str().unwrap().to_owned(), value(entry))).collect()
        }
        Yaml::Tagged(tag, argument) => match tag.suffix.as_str() {
            plain @ ("Ref" | "Condition") => json!({ plain: value(argument) }),
            function => json!({ format!("Fn::{function}"): value(argument) }),
        },
        other => panic!("{other:?} has no place in a template"),
    }
}

/// `Fn::ForEach` done, its variables replaced, and `Fn::Sub` taken away where nothing is left to substitute.
fn unrolled(value: &Value, variables: &[(String, String)]) -> Value {
    let replaced = |text: &str| variables.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    match value {
        Value::String(text) => Value::String(replaced(text)),
        Value::Array(values) => values.iter().map(|value| unrolled(value, variables)).collect(),
        Value::Object(object) => {
            let mut done = Map::new();
            for (name, entry) in object {
                if !name.starts_with("Fn::ForEach::") {
                    done.insert(replaced(name), unrolled(entry, variables));
                    continue;
                }
                for each in entry[1].as_array().unwrap() {
                    let variable = (format!("${{{}}}", entry[0].as_str().unwrap()), each.as_str().unwrap().to_owned());
                    let Value::Object(body) = unrolled(&entry[2], &[variables, &[variable]].concat()) else {
                        panic!("{name} makes no resources");
                    };
                    done.extend(body);
                }
            }
            match done.get("Fn::Sub").and_then(Value::as_str) {
                Some(text) if !text.contains("${") => json!(text),
                _ => Value::Object(done),
            }
        }
        other => other.clone(),
    }
}

fn merged(globals: &Value, own: &Value) -> Value {
    let (Value::Object(globals), Value::Object(own)) = (globals, own) else { return own.clone() };
    let mut all = globals.clone();
    for (name, value) in own {
        let global = all.remove(name).unwrap_or_default();
        all.insert(name.clone(), merged(&global, value));
    }
    Value::Object(all)
}
