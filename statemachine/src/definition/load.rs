//! Loads a definition: reads the JSON, compiles every state, resolves every name, and collects every fault on the way.
//!
//! Source: Amazon States Language specification (states-language.net); AWS Step Functions Developer Guide, "State
//! machine structure in Amazon States Language".

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::fault::{Fault, InvalidDefinition};
use super::fields::{Faults, Fields, kind};
use super::{Definition, Kind, Machine, MachineIndex, Next, Selection, State, StateIndex, TaskState, Text, Until};
use super::{choice, json, reach, recovery};
use crate::language::{BRANCH_FIELDS, MACHINE_FIELDS, STATE_TYPES};
use crate::limits::{MAX_BRANCHES, MAX_SECONDS, MAX_STATE_NAME};
use crate::reference::ResultPath;
use crate::resource::Resource;
use crate::timestamp;

/// Fields that only a `Map` has.
const MAP_FIELDS: [&str; 6] =
    ["ItemProcessor", "ItemsPath", "ItemSelector", "MaxConcurrency", "Iterator", "ItemReader"];

/// Fields of what is to come, with what they belong to.
const LATER: [(&str, &str); 4] = [
    ("Assign", "variables"),
    ("Arguments", "JSONata arguments"),
    ("Output", "JSONata outputs"),
    ("Items", "JSONata items"),
];

pub(crate) fn load(text: &str) -> Result<Definition, InvalidDefinition> {
    let alone = |problem: String| InvalidDefinition::new(vec![Fault::new(None, None, problem)], 0, true);
    json::check_bounds(text).map_err(alone)?;
    let (root, twice) = json::read(text).map_err(|error| alone(format!("is not JSON: {error}")))?;
    let Value::Object(root) = &root else { return Err(alone(format!("must be a JSON object, not {}", kind(&root)))) };

    let faults = Faults::default();
    for place in twice {
        let (state, field) = match place.as_slice() {
            [states, state, rest @ ..] if states == "States" && !rest.is_empty() => (Some(state.as_str()), rest),
            all => (None, all),
        };
        let field = field.join(".").replace(".[", "[");
        faults.push(Fault::new(state, Some(&field), "is given twice"));
    }

    let top = Fields { state: None, prefix: "", map: root, faults: &faults };
    top.only(&MACHINE_FIELDS, &[], "a state machine");
    let jsonata = is_jsonata(&top, false);
    if jsonata {
        top.unsupported("QueryLanguage", "JSONata is not supported yet");
    }
    let loader = Loader { faults: &faults, jsonata, compiled: RefCell::default() };
    if let Some(version) = top.text("Version").filter(|version| *version != "1.0") {
        top.fault("Version", format!("must be `1.0`, not `{version}`"));
    }
    let timeout_seconds = top.number("TimeoutSeconds", 1, MAX_SECONDS);
    loader.machine(&top);

    let Compiled { machines, states, by_name } = loader.compiled.into_inner();
    faults.into_result()?;
    let states: Vec<State> = states.into_iter().flatten().collect();
    let machines = machines
        .into_iter()
        .flatten()
        .map(|machine| Machine { states: reach::order(machine.start, &states), start: machine.start })
        .collect();
    Ok(Definition {
        text: text.to_owned(),
        comment: root.get("Comment").and_then(Value::as_str).map(str::to_owned),
        timeout_seconds,
        machines,
        reads_execution_input: states.iter().any(State::reads_execution_input),
        states,
        by_name,
    })
}

/// Which language the object asks for; `default` is what holds around it.
fn is_jsonata(fields: &Fields<'_>, default: bool) -> bool {
    match fields.text("QueryLanguage") {
        None => default,
        Some("JSONPath") => false,
        Some("JSONata") => true,
        Some(other) => {
            fields.fault("QueryLanguage", format!("must be `JSONPath` or `JSONata`, not `{other}`"));
            default
        }
    }
}

/// Indices are given out before states are compiled, because states name each other; so both lists have gaps meanwhile.
#[derive(Default)]
struct Compiled {
    machines: Vec<Option<Machine>>,
    states: Vec<Option<State>>,
    by_name: HashMap<Arc<str>, StateIndex>,
}

struct Loader<'l> {
    faults: &'l Faults,
    /// Whether states are in JSONata unless they say otherwise.
    jsonata: bool,
    compiled: RefCell<Compiled>,
}

/// The states that a state can go to: those of its own machine.
type Scope<'l> = BTreeMap<&'l str, StateIndex>;

impl Loader<'_> {
    /// Loads one `StartAt` with its `States`; the machine's index is given out even when it has faults.
    fn machine(&self, fields: &Fields<'_>) -> MachineIndex {
        let index = MachineIndex(self.compiled.borrow().machines.len());
        self.compiled.borrow_mut().machines.push(None);

        let states = self.states_of(fields);
        let mut scope = Scope::new();
        for name in states.keys() {
            scope.insert(name, self.reserve(name));
        }
        let start =
            if fields.required_text("StartAt").is_some() { self.target(fields, "StartAt", &scope) } else { None };
        for (name, value) in states {
            let state = Some(name.as_str());
            let Value::Object(map) = value else {
                self.faults.push(Fault::new(state, None, format!("must be an object, not {}", kind(value))));
                continue;
            };
            let own = Fields { state, prefix: "", map, faults: self.faults };
            self.state(&own, name, scope[name.as_str()], &scope);
        }
        if let Some(start) = start {
            self.report_unreachable(start, &scope, states);
        }
        if let Some(start) = start {
            self.compiled.borrow_mut().machines[index.0] = Some(Machine { start, states: Vec::new() });
        }
        index
    }

    fn states_of<'f>(&self, fields: &Fields<'f>) -> &'f Map<String, Value> {
        static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        match fields.get("States") {
            None => fields.fault("States", "is missing"),
            Some(Value::Object(states)) if states.is_empty() => fields.fault("States", "must hold at least one state"),
            Some(Value::Object(states)) => return states,
            Some(other) => fields.fault("States", format!("must be an object, not {}", kind(other))),
        }
        &NONE
    }

    fn reserve(&self, name: &str) -> StateIndex {
        let mut compiled = self.compiled.borrow_mut();
        let index = StateIndex(compiled.states.len());
        compiled.states.push(None);
        let fault = |problem: String| self.faults.push(Fault::new(Some(name), None, problem));
        if compiled.by_name.insert(Arc::from(name), index).is_some() {
            fault("there is another state of this name; names must be unique in the whole definition".to_owned());
        }
        if name.is_empty() || name.chars().count() > MAX_STATE_NAME {
            fault(format!("a state's name has 1 to {MAX_STATE_NAME} characters"));
        }
        index
    }

    /// The state that a field names.
    fn target(&self, fields: &Fields<'_>, field: &str, scope: &Scope<'_>) -> Option<StateIndex> {
        let name = fields.text(field)?;
        if let Some(index) = scope.get(name) {
            return Some(*index);
        }
        match self.faults.closest(name, scope.keys().copied()) {
            Some(meant) => fields.fault(field, format!("there is no state `{name}` here; did you mean `{meant}`?")),
            None => fields.fault(field, format!("there is no state `{name}` here")),
        }
        None
    }

    /// Only when every state compiled: a fault in one would make those behind it look unreachable.
    fn report_unreachable(&self, start: StateIndex, scope: &Scope<'_>, states: &Map<String, Value>) {
        let compiled = self.compiled.borrow();
        if scope.values().any(|index| compiled.states[index.0].is_none()) {
            return;
        }
        let (mut reached, mut open) = (HashSet::from([start]), vec![start]);
        while let Some(state) = open.pop().and_then(|index| compiled.states[index.0].as_ref()) {
            open.extend(reach::targets(state).into_iter().filter(|to| reached.insert(*to)));
        }
        for name in states.keys().filter(|name| !reached.contains(&scope[name.as_str()])) {
            self.faults.push(Fault::new(Some(name), None, "can't be reached from `StartAt`"));
        }
    }

    /// Compiles one state into its place; leaves the place empty when anything is wrong with it.
    fn state(&self, fields: &Fields<'_>, name: &str, index: StateIndex, scope: &Scope<'_>) {
        let before = self.faults.count();
        if is_jsonata(fields, self.jsonata) {
            // Told once for the whole definition, or else for each state that asks for it. The rules for its fields are
            // others, so none are checked.
            if !self.jsonata {
                fields.unsupported("QueryLanguage", "JSONata is not supported yet");
            }
            return;
        }
        for (field, what) in LATER {
            if fields.has(field) {
                fields.unsupported(field, format!("{what} are not supported yet"));
            }
        }
        let Some(kind_name) = fields.required_text("Type") else { return };
        let Some((compiled_kind, allowed)) = self.kind(fields, kind_name, scope) else { return };

        let always = ["Type", "QueryLanguage", "Assign", "Arguments", "Output", "Items"];
        let elsewhere: Vec<&str> = STATE_TYPES.iter().flat_map(|kind| kind.fields).copied().chain(MAP_FIELDS).collect();
        fields.only(&[&always, allowed].concat(), &elsewhere, &format!("a `{kind_name}` state"));
        let has = |field: &str| allowed.contains(&field);
        let next = if has("Next") { self.next(fields, scope) } else { Some(Next::End) };
        let state = State {
            name: Arc::from(name),
            comment: fields.get("Comment").and_then(Value::as_str).map(str::to_owned),
            kind: compiled_kind,
            input_path: if has("InputPath") { fields.selection("InputPath") } else { Selection::Whole },
            output_path: if has("OutputPath") { fields.selection("OutputPath") } else { Selection::Whole },
            parameters: if has("Parameters") { fields.template("Parameters") } else { None },
            result_selector: if has("ResultSelector") { fields.template("ResultSelector") } else { None },
            result_path: if has("ResultPath") { fields.result_path() } else { ResultPath::Replace },
            retriers: if has("Retry") { recovery::retriers(fields) } else { Vec::new() },
            catchers: if has("Catch") {
                recovery::catchers(fields, &|element, field| self.target(element, field, scope))
            } else {
                Vec::new()
            },
            next: next.unwrap_or(Next::End),
        };
        if self.faults.count() == before {
            self.compiled.borrow_mut().states[index.0] = Some(state);
        }
    }

    fn next(&self, fields: &Fields<'_>, scope: &Scope<'_>) -> Option<Next> {
        match (fields.has("Next"), fields.get("End")) {
            (true, Some(_)) => {
                fields.fault("End", "can't be together with `Next`");
                None
            }
            (true, None) => self.target(fields, "Next", scope).map(Next::State),
            (false, Some(Value::Bool(true))) => Some(Next::End),
            (false, Some(_)) => {
                fields.fault("End", "can only be `true`");
                None
            }
            (false, None) => {
                fields.fault_here("has neither `Next` nor `End`");
                None
            }
        }
    }

    /// What is particular to the kind, and the names of all fields such a state may have.
    fn kind(&self, fields: &Fields<'_>, name: &str, scope: &Scope<'_>) -> Option<(Kind, &'static [&'static str])> {
        let kind = match name {
            "Pass" => Some(Kind::Pass { result: fields.get("Result").cloned() }),
            "Task" => self.task(fields),
            "Choice" => self.choice(fields, scope),
            "Wait" => self.wait(fields),
            "Succeed" => Some(Kind::Succeed),
            "Fail" => Some(self.fail(fields)),
            "Parallel" => self.parallel(fields),
            "Map" => {
                fields.unsupported("Type", "`Map` is not supported yet");
                // Its targets are still looked up, so that a wrong name is found now.
                self.target(fields, "Next", scope);
                return None;
            }
            other => {
                let names = STATE_TYPES.iter().map(|kind| kind.name).chain(["Map"]);
                match self.faults.closest(other, names) {
                    Some(meant) => {
                        fields.fault("Type", format!("`{other}` is not a type of state; did you mean `{meant}`?"))
                    }
                    None => fields.fault("Type", format!("`{other}` is not a type of state")),
                }
                return None;
            }
        };
        let allowed = STATE_TYPES.iter().find(|kind| kind.name == name)?.fields;
        // A kind that could not be compiled still has its other fields checked: any kind will do for that.
        Some((kind.unwrap_or(Kind::Succeed), allowed))
    }

    fn task(&self, fields: &Fields<'_>) -> Option<Kind> {
        let resource = fields.required_text("Resource").and_then(|arn| {
            Resource::parse(arn).map_err(|problem| fields.fault("Resource", format!("`{arn}` {problem}"))).ok()
        });
        let timeout = fields.seconds("TimeoutSeconds", "TimeoutSecondsPath");
        let heartbeat = fields.seconds("HeartbeatSeconds", "HeartbeatSecondsPath");
        if let (Some(super::Seconds::Fixed(timeout)), Some(super::Seconds::Fixed(heartbeat))) = (&timeout, &heartbeat)
            && heartbeat >= timeout
        {
            fields.fault("HeartbeatSeconds", "must be less than `TimeoutSeconds`");
        }
        Some(Kind::Task(TaskState {
            resource: Arc::new(resource?),
            timeout,
            heartbeat,
            credentials: fields.template("Credentials"),
        }))
    }

    fn choice(&self, fields: &Fields<'_>, scope: &Scope<'_>) -> Option<Kind> {
        if !fields.has("Choices") {
            fields.fault("Choices", "is missing");
        }
        let items = fields.list("Choices");
        if items.is_empty() && fields.get("Choices").is_some_and(Value::is_array) {
            fields.fault("Choices", "must hold at least one rule");
        }
        let mut rules = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let Value::Object(map) = item else {
                fields.fault(&format!("Choices[{at}]"), format!("must be an object, not {}", kind(item)));
                continue;
            };
            let prefix = format!("Choices[{at}].");
            let rule = Fields { prefix: &prefix, map, ..*fields };
            if !rule.has("Next") {
                rule.fault("Next", "is missing");
            }
            let next = self.target(&rule, "Next", scope);
            if let (Some(rule), Some(next)) = (choice::rule(&rule, true), next) {
                rules.push((rule, next));
            }
        }
        Some(Kind::Choice { rules, default: self.target(fields, "Default", scope) })
    }

    fn wait(&self, fields: &Fields<'_>) -> Option<Kind> {
        let given: Vec<&str> = ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"]
            .into_iter()
            .filter(|field| fields.has(field))
            .collect();
        let [field] = given.as_slice() else {
            fields.fault_here("needs exactly one of `Seconds`, `SecondsPath`, `Timestamp` and `TimestampPath`");
            return None;
        };
        let until = match *field {
            "Seconds" => fields.number("Seconds", 0, MAX_SECONDS).map(Until::Seconds),
            "SecondsPath" => fields.reference("SecondsPath").map(Until::SecondsPath),
            "TimestampPath" => fields.reference("TimestampPath").map(Until::TimestampPath),
            _ => fields.text("Timestamp").and_then(|text| {
                let instant = timestamp::parse(text);
                if instant.is_none() {
                    fields.fault(
                        "Timestamp",
                        format!("`{text}` is not an RFC 3339 timestamp such as `2026-03-14T01:59:00Z`"),
                    );
                }
                instant.map(Until::Timestamp)
            }),
        };
        until.map(Kind::Wait)
    }

    fn fail(&self, fields: &Fields<'_>) -> Kind {
        let text = |field: &str, path_field: &str| {
            if fields.has(field) && fields.has(path_field) {
                fields.fault(path_field, format!("can't be together with `{field}`"));
            }
            fields
                .text(field)
                .map(|text| Text::Fixed(text.to_owned()))
                .or_else(|| fields.path(path_field).map(Text::Path))
        };
        Kind::Fail { error: text("Error", "ErrorPath"), cause: text("Cause", "CausePath") }
    }

    fn parallel(&self, fields: &Fields<'_>) -> Option<Kind> {
        let items = fields.list("Branches");
        if items.is_empty() && fields.get("Branches").is_none_or(Value::is_array) {
            fields.fault("Branches", "must hold at least one branch");
        }
        let mut branches = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let Value::Object(map) = item else {
                fields.fault(&format!("Branches[{at}]"), format!("must be an object, not {}", kind(item)));
                continue;
            };
            let prefix = format!("Branches[{at}].");
            let branch = Fields { prefix: &prefix, map, ..*fields };
            branch.only(&BRANCH_FIELDS, &[], "a branch");
            let machines = self.compiled.borrow().machines.len();
            if machines > MAX_BRANCHES {
                fields.fault("Branches", format!("a definition has at most {MAX_BRANCHES} branches in all"));
                return None;
            }
            branches.push(self.machine(&branch));
        }
        Some(Kind::Parallel { branches })
    }
}
