//! The engine as a workflow service: executions in a map, its tasks sent to the memory queues.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use jiff::Timestamp;
use orders::message::TaskToken;
use orders::ports::{AnswerError, Clock, Outgoing, Started, Unavailable, Workflow};
use orders::{OrderId, Queue};
use parking_lot::Mutex;
use serde_json::{Value, json};
use statemachine::{
    Context, Definition, Effect, Event, EventType, Execution, HistoryEvent, Outcome, Task, TaskId, TaskToken as Token,
};

use super::clock::ManualClock;
use super::faults::Faults;
use super::queues::MemoryQueues;
use crate::schedule::{Schedule, Sending};

/// `order.asl.json`, with the queues' URLs put in.
pub fn definition() -> Arc<Definition> {
    DEFINITION.clone()
}

static DEFINITION: LazyLock<Arc<Definition>> = LazyLock::new(|| {
    let mut text = include_str!("../../../../statemachine/order.asl.json").to_owned();
    for (name, queue) in
        [("Orders", "orders"), ("Inventory", "inventory"), ("Payments", "payments"), ("Emails", "emails")]
    {
        text = text.replace(&format!("${{{name}QueueUrl}}"), &format!("memory:{queue}"));
    }
    Arc::new(Definition::parse(&text).expect("the definition is valid"))
});

/// An execution, and what is known of it.
pub struct Run {
    /// Where it stands.
    pub execution: Execution,
    /// Its history.
    pub history: Vec<HistoryEvent>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// The message of each task that was scheduled, and its queue.
    pub messages: Vec<(Queue, Value)>,
}

/// All executions.
pub struct MemoryWorkflow {
    runs: Mutex<BTreeMap<String, Run>>,
    /// States whose message can't be sent: how often yet.
    broken_sends: Mutex<BTreeMap<String, u32>>,
    /// States whose message gets lost on its way.
    lost_sends: Mutex<BTreeSet<String>>,
    definition: Arc<Definition>,
    queues: Arc<MemoryQueues>,
    clock: Arc<ManualClock>,
    faults: Arc<Faults>,
}

impl MemoryWorkflow {
    /// No execution yet; step messages go to `queues`.
    pub fn new(queues: Arc<MemoryQueues>, clock: Arc<ManualClock>, faults: Arc<Faults>) -> Self {
        let definition = definition();
        Self {
            runs: Mutex::default(),
            broken_sends: Mutex::default(),
            lost_sends: Mutex::default(),
            definition,
            queues,
            clock,
            faults,
        }
    }

    /// The next `times` messages of `state` can't be sent.
    pub fn break_sends(&self, state: &str, times: u32) {
        self.broken_sends.lock().insert(state.to_owned(), times);
    }

    /// The messages of `state` are sent and never seen again, until it is [`Self::find_sends`].
    pub fn lose_sends(&self, state: &str) {
        self.lost_sends.lock().insert(state.to_owned());
    }

    /// They arrive again.
    pub fn find_sends(&self, state: &str) {
        self.lost_sends.lock().remove(state);
    }

    /// Looks at the order's execution.
    pub fn with_run<T>(&self, id: &OrderId, look: impl FnOnce(Option<&Run>) -> T) -> T {
        look(self.runs.lock().get(id.as_str()))
    }

    /// Writes down all that decides what the executions still do, and what will be said of them.
    pub fn fingerprint(&self, to: &mut dyn fmt::Write) -> fmt::Result {
        for run in self.runs.lock().values() {
            let timed_out = run.history.iter().filter(|event| event.kind == EventType::TaskTimedOut).count();
            let counts = (timed_out, run.history.len(), run.messages.len());
            write!(to, "{:?}{:?}{counts:?}", run.execution.snapshot(), run.outcome)?;
        }
        Ok(())
    }

    /// When the next timer is due.
    pub fn next_timer(&self) -> Option<Timestamp> {
        self.runs.lock().values().filter_map(|run| run.execution.next_timer()).min()
    }

    /// What is due happens.
    pub fn fire_timers(&self) {
        let now = self.clock.now();
        for run in self.runs.lock().values_mut() {
            if run.execution.next_timer().is_some_and(|at| at <= now) {
                self.turn(run, Event::TimerFired);
            }
        }
    }

    /// `StopExecution`: false if there is none, or it is over.
    pub async fn stop(&self, name: &OrderId) -> Result<bool, Unavailable> {
        let stop = || {
            let mut runs = self.runs.lock();
            let Some(run) = runs.get_mut(name.as_str()).filter(|run| run.outcome.is_none()) else { return Ok(false) };
            self.turn(run, Event::Stop { error: None, cause: Some("stopped by ops".into()) });
            Ok(true)
        };
        self.faults.call_with("Executions.stop", || name.to_string(), stop).await
    }

    /// Feeds the event and performs what follows. One at a time, every turn also goes through a snapshot, as it would on a
    /// restart.
    fn turn(&self, run: &mut Run, event: Event) {
        if let Ok(effects) = run.execution.on(event, self.clock.now()) {
            self.perform(run, effects);
        }
        if self.faults.schedule().is_some() {
            return;
        }
        let snapshot = serde_json::to_string(&run.execution.snapshot()).unwrap();
        run.execution = Execution::resume(self.definition.clone(), serde_json::from_str(&snapshot).unwrap());
    }

    fn perform(&self, run: &mut Run, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Append(event) => run.history.push(event),
                Effect::Finish(outcome) => assert!(run.outcome.replace(outcome).is_none(), "finished twice"),
                Effect::Schedule(task) => {
                    let sent = self.send(run, &task);
                    self.turn(run, sent);
                }
                Effect::SetTimer(_) | Effect::ClearTimer => {}
            }
        }
    }

    fn send(&self, run: &mut Run, task: &Task) -> Event {
        let mut sending = self.faults.schedule().map_or(Sending::Arrives, Schedule::sending);
        if let Some(times) = self.broken_sends.lock().get_mut(&task.state).filter(|times| **times > 0) {
            *times -= 1;
            sending = Sending::Fails;
        }
        if self.lost_sends.lock().contains(&task.state) {
            sending = Sending::GetsLost;
        }
        if let Some(schedule) = self.faults.schedule().filter(|_| sending != Sending::Arrives) {
            schedule.tell(|| format!("the message of {} {sending:?}", task.state));
        }
        let url = task.parameters["QueueUrl"].as_str().unwrap();
        let queue: Queue = url.trim_start_matches("memory:").parse().unwrap();
        let message = task.parameters["MessageBody"].clone();
        run.messages.push((queue, message.clone()));
        if sending == Sending::Fails {
            let error = Some("SQS.SdkClientException".to_owned());
            return Event::SubmitFailed { task: task.id, error, cause: Some("injected".into()) };
        }
        if sending == Sending::Arrives {
            self.queues.put(queue.into(), Outgoing { body: message.to_string(), ..Outgoing::default() });
        }
        Event::TaskSubmitted { task: task.id, output: json!({}) }
    }

    async fn answer(
        &self,
        call: &'static str,
        token: &TaskToken,
        event: impl FnOnce(TaskId) -> Event + Send,
    ) -> Result<(), AnswerError> {
        let answer = || {
            let (name, _) = Token::parse(&token.0).ok_or(AnswerError::InvalidToken)?;
            let mut runs = self.runs.lock();
            let run = runs.get_mut(&name).ok_or(AnswerError::Spent)?;
            let task = run.execution.task_of(&Token::from_text(&*token.0)).ok_or(AnswerError::Spent)?;
            self.turn(run, event(task));
            Ok(())
        };
        let of = || {
            Token::parse(&token.0)
                .map_or_else(|| "no token".to_owned(), |(name, task)| format!("{name}, task {}", task.get()))
        };
        self.faults.call_with(call, of, answer).await
    }
}

#[async_trait]
impl Workflow for MemoryWorkflow {
    async fn start(&self, name: &OrderId, input: &Value) -> Result<Started, Unavailable> {
        self.faults
            .call_with(
                "Workflow.start",
                || name.to_string(),
                || {
                    let mut runs = self.runs.lock();
                    if runs.contains_key(name.as_str()) {
                        return Ok(Started::AlreadyExists);
                    }
                    let context = Context {
                        execution_arn: format!("arn:aws:states:memory:000000000000:execution:order:{name}"),
                        execution_name: name.to_string(),
                        role_arn: "arn:aws:iam::000000000000:role/order".into(),
                        state_machine_arn: "arn:aws:states:memory:000000000000:stateMachine:order".into(),
                        state_machine_name: "order".into(),
                    };
                    let (execution, effects) =
                        Execution::start(self.definition.clone(), context, input.clone(), 7, self.clock.now());
                    let mut run = Run { execution, history: Vec::new(), outcome: None, messages: Vec::new() };
                    self.perform(&mut run, effects);
                    runs.insert(name.to_string(), run);
                    Ok(Started::Started)
                },
            )
            .await
    }

    async fn succeed(&self, token: &TaskToken, output: &Value) -> Result<(), AnswerError> {
        self.answer("Workflow.succeed", token, |task| Event::TaskSucceeded { task, output: output.clone() }).await
    }

    async fn fail(&self, token: &TaskToken, error: &str, cause: &str) -> Result<(), AnswerError> {
        let (error, cause) = (Some(error.to_owned()), Some(cause.to_owned()));
        self.answer("Workflow.fail", token, |task| Event::TaskFailed { task, error, cause }).await
    }
}
