//! What a state does to its data, and the states that do nothing else.
//!
//! Source: AWS Step Functions Developer Guide, "Processing input and output in Step Functions".

use serde_json::{Map, Value};

use super::timers;
use super::turn::{Then, Turn};
use super::{FlowId, Waiting};
use crate::choice::Rule;
use crate::definition::{Next, Seconds, Selection, State, StateIndex, Text, Until};
use crate::document::{Document, measure_all};
use crate::failure::Failure;
use crate::limits::{MAX_PAYLOAD_BYTES, MAX_SECONDS};
use crate::path::{Path, Problem};
use crate::reference::ResultPath;
use crate::template::not_found;
use crate::timestamp;
use crate::token::TaskToken;

impl Turn<'_> {
    /// `InputPath` or `OutputPath`.
    fn select(&self, id: FlowId, selection: &Selection, data: &Document) -> Result<Document, Failure> {
        match selection {
            Selection::Whole => Ok(data.clone()),
            Selection::Nothing => Ok(Document::new(Value::Object(Map::new()))),
            Selection::Path(path) => self.read(id, path, data.value()).map(Document::new),
        }
    }

    /// A path in a field whose absence AWS tells as `Invalid path`.
    fn read(&self, id: FlowId, path: &Path, data: &Value) -> Result<Value, Failure> {
        self.with_context(id, None, |context| path.read(data, context, &mut { MAX_PAYLOAD_BYTES }))
            .map_err(|unread| self.failure(id, unread.told(|missing| path.missing(missing))))
    }

    /// `InputPath`, then `Parameters`.
    pub(crate) fn effective_input(
        &self,
        id: FlowId,
        state: &State,
        token: Option<&TaskToken>,
    ) -> Result<Document, Failure> {
        let input = self.select(id, &state.input_path, &self.flow(id).input)?;
        let Some(template) = &state.parameters else { return Ok(input) };
        self.with_context(id, token, |context| template.fill(input.value(), context))
            .map(Document::new)
            .map_err(|problem| self.failure(id, problem))
    }

    /// `ResultSelector`, `ResultPath`, `OutputPath`.
    pub(crate) fn output(&self, id: FlowId, state: &State, result: Document) -> Result<Document, Failure> {
        let result = match &state.result_selector {
            None => result,
            Some(template) => self
                .with_context(id, None, |context| template.fill(result.value(), context))
                .map(Document::new)
                .map_err(|problem| self.failure(id, problem))?,
        };
        let output = self.place(id, &state.result_path, result)?;
        self.select(id, &state.output_path, &output)
    }

    /// `ResultPath`: the result in its place in what the state was given.
    pub(crate) fn place(&self, id: FlowId, path: &ResultPath, result: Document) -> Result<Document, Failure> {
        let flow = self.flow(id);
        match path {
            ResultPath::Discard => Ok(flow.input.clone()),
            ResultPath::Replace => Ok(result),
            ResultPath::Insert(segments) => {
                self.spend(id, measure_all(flow.input.value()).cost)?;
                ResultPath::insert(segments, flow.input.value().clone(), result.into_value())
                    .map(Document::new)
                    .map_err(Failure::result_path_match)
            }
        }
    }

    pub(crate) fn pass(&self, id: FlowId, state: &State, result: Option<&Value>) -> Result<Then, Failure> {
        let input = self.effective_input(id, state, None)?;
        let result = match result {
            None => input,
            Some(result) => {
                self.spend(id, measure_all(result).cost)?;
                Document::new(result.clone())
            }
        };
        self.output(id, state, result).map(|output| Then::Exit(output, state.next))
    }

    /// For states that have no result: `InputPath`, then `OutputPath`.
    pub(crate) fn select_and_exit(&self, id: FlowId, state: &State, next: Next) -> Result<Then, Failure> {
        let input = self.select(id, &state.input_path, &self.flow(id).input)?;
        self.select(id, &state.output_path, &input).map(|output| Then::Exit(output, next))
    }

    pub(crate) fn choose(
        &self,
        id: FlowId,
        state: &State,
        rules: &[(Rule, StateIndex)],
        default: Option<StateIndex>,
    ) -> Result<Then, Failure> {
        let input = self.select(id, &state.input_path, &self.flow(id).input)?;
        let chosen = self.with_context(id, None, |context| {
            for (rule, to) in rules {
                if rule.holds(input.value(), context)? {
                    return Ok(Some(*to));
                }
            }
            Ok(default)
        });
        let chosen = chosen.map_err(|problem: Problem| self.failure(id, problem))?;
        let Some(to) = chosen else {
            let flow = self.flow(id);
            return Err(Failure::no_choice_matched(format!(
                "An error occurred while executing the state '{}' (entered at the event id #{}). No choices matched and there is no default.",
                flow.state, flow.entered_event
            )));
        };
        self.select(id, &state.output_path, &input).map(|output| Then::Exit(output, Next::State(to)))
    }

    pub(crate) fn fail_state(&self, id: FlowId, error: Option<&Text>, cause: Option<&Text>) -> Result<Then, Failure> {
        let text = |text: Option<&Text>, field: &str| match text {
            None => Ok(None),
            Some(Text::Fixed(text)) => Ok(Some(text.clone())),
            Some(Text::Path(path)) => {
                let input = self.flow(id).input.value();
                let found =
                    self.with_context(id, None, |context| path.read(input, context, &mut { MAX_PAYLOAD_BYTES }));
                match found {
                    Ok(Value::String(text)) => Ok(Some(text)),
                    Ok(other) => {
                        let problem = format!(
                            "The JSONPath '{}' specified for the field '{field}' did not evaluate to a string: {other}",
                            path.text()
                        );
                        Err(self.runtime_failure(id, &problem))
                    }
                    Err(unread) => Err(self.failure(id, unread.told(|_| not_found(path, field, input)))),
                }
            }
        };
        Ok(Then::Fail(Failure::new(text(error, "ErrorPath")?, text(cause, "CausePath")?)))
    }

    pub(crate) fn wait(&mut self, id: FlowId, state: &State, until: &Until) -> Result<Then, Failure> {
        let at = match until {
            Until::Seconds(seconds) => timers::after(self.now, *seconds),
            Until::Timestamp(at) => *at,
            Until::SecondsPath(path) => {
                let value = self.wait_value(id, state, path)?;
                timers::after(self.now, self.wait_seconds(id, path, &value)?)
            }
            Until::TimestampPath(path) => {
                let value = self.wait_value(id, state, path)?;
                value.as_str().and_then(timestamp::parse).ok_or_else(|| {
                    let problem = "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string";
                    self.runtime_failure(id, &format!("{problem}: {} == {}", path.text(), bare(&value)))
                })?
            }
        };
        if at <= self.now {
            return self.select_and_exit(id, state, state.next);
        }
        self.flow_mut(id).waiting = Waiting::Until(at);
        Ok(Then::Rest)
    }

    fn wait_value(&self, id: FlowId, state: &State, path: &Path) -> Result<Value, Failure> {
        let input = self.select(id, &state.input_path, &self.flow(id).input)?;
        self.read(id, path, input.value())
    }

    fn wait_seconds(&self, id: FlowId, path: &Path, value: &Value) -> Result<u64, Failure> {
        let problem = match value.as_i64() {
            None => "The SecondsPath parameter cannot be parsed as a long value",
            Some(..0) => "The SecondsPath parameter references a negative value",
            Some(seconds) if seconds.unsigned_abs() > MAX_SECONDS => {
                "The SecondsPath parameter references a value that is too large"
            }
            Some(seconds) => return Ok(seconds.unsigned_abs()),
        };
        Err(self.runtime_failure(id, &format!("{problem}: {} == {}", path.text(), bare(value))))
    }

    /// `TimeoutSeconds` and `HeartbeatSeconds`, looked up where they are paths.
    pub(crate) fn seconds(
        &self,
        id: FlowId,
        state: &State,
        field: &str,
        seconds: Option<&Seconds>,
    ) -> Result<Option<u64>, Failure> {
        match seconds {
            None => Ok(None),
            Some(Seconds::Fixed(seconds)) => Ok(Some(*seconds)),
            Some(Seconds::Path(path)) => {
                let input = self.select(id, &state.input_path, &self.flow(id).input)?;
                let value = self.read(id, path, input.value())?;
                let seconds = value.as_u64().filter(|seconds| (1..=MAX_SECONDS).contains(seconds));
                let problem = || {
                    format!(
                        "The {field} parameter does not reference a positive integer: {} == {}",
                        path.text(),
                        bare(&value)
                    )
                };
                seconds.map(Some).ok_or_else(|| self.runtime_failure(id, &problem()))
            }
        }
    }
}

/// A value in a sentence: strings without their quotes, as AWS has it.
fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
