//! Tasks: scheduling them, and hearing of them.
//!
//! Source: AWS Step Functions Developer Guide, "Task workflow state" and "Discover service integration patterns"; the
//! families of events and their order are those of recordings.

use std::sync::Arc;

use serde_json::Value;

use super::timers;
use super::turn::{Over, Then, Turn};
use super::{Countdown, FlowId, Pending, Phase, Waiting};
use crate::definition::{Kind, State, TaskState};
use crate::document::Document;
use crate::effect::{Effect, Event, Task, Unexpected};
use crate::failure::Failure;
use crate::history::{
    ActivityStarted, DataDetails, Details, ErrorAndCause, EventType, Output, TaskCredentials, TaskFailure, TaskOutput,
    TaskResource, TaskScheduled, WorkScheduled,
};
use crate::resource::{Integration, Pattern, Resource};
use crate::token::TaskId;

/// How a task ended badly, for the choice of its event.
#[derive(Clone, Copy)]
enum Bad {
    Failed,
    TimedOut,
    StartFailed,
    SubmitFailed,
}

impl<'t> Turn<'t> {
    pub(crate) fn schedule(&mut self, id: FlowId, state: &State, task: &TaskState) -> Result<Then, Over> {
        // The number is used up also when the task cannot be scheduled: a token must never be given twice.
        let (task_id, token) = self.new_task();
        let token = task.resource.has_token().then_some(token);
        let prepared = self.effective_input(id, state, token.as_ref()).and_then(|parameters| {
            let timeout = self.seconds(id, state, "TimeoutSecondsPath", task.timeout.as_ref())?;
            let heartbeat = self.seconds(id, state, "HeartbeatSecondsPath", task.heartbeat.as_ref())?;
            Ok((parameters, timeout, heartbeat, self.role(id, task)?))
        });
        let (parameters, timeout, heartbeat, role_arn) = match prepared {
            Ok(prepared) => prepared,
            Err(failure) => return Ok(Then::Fail(failure)),
        };
        if let Some(excess) = parameters.excess() {
            return Ok(Then::Fail(Failure::payload_too_large(&state.name, excess)));
        }
        let (kind, details) = scheduled(
            &task.resource,
            self.run.context.region(),
            parameters.text(),
            timeout,
            heartbeat,
            role_arn.clone(),
        );
        let event = self.append(self.flow(id).last_event, kind, Some(details))?;
        let now = self.now;
        let countdown =
            |seconds: Option<u64>| seconds.map(|seconds| Countdown { seconds, at: timers::after(now, seconds) });
        let flow = self.flow_mut(id);
        flow.last_event = event;
        flow.waiting = Waiting::Task(Pending {
            id: task_id,
            phase: Phase::Scheduled,
            // From here on, too, so that a task that nobody ever starts still ends; starting it begins the count anew.
            timeout: countdown(timeout),
            heartbeat: countdown(heartbeat),
        });
        self.effects.push(Effect::Schedule(Task {
            id: task_id,
            resource: task.resource.arn.clone(),
            integration: task.resource.integration.clone(),
            parameters: parameters.into_value(),
            token,
            timeout,
            heartbeat,
            role_arn,
            state: state.name.to_string(),
        }));
        Ok(Then::Rest)
    }

    /// The role in `Credentials`.
    fn role(&self, id: FlowId, task: &TaskState) -> Result<Option<String>, Failure> {
        let Some(template) = &task.credentials else { return Ok(None) };
        let filled = self.with_context(id, None, |context| template.fill(self.flow(id).input.value(), context));
        let filled = filled.map_err(|problem| self.failure(id, problem))?;
        Ok(filled.get("RoleArn").and_then(Value::as_str).map(str::to_owned))
    }

    /// Takes an event that is about a task.
    pub(crate) fn task_event(&mut self, event: Event) -> Result<(), Unexpected> {
        let task = match &event {
            Event::TaskStarted(task) | Event::Heartbeat(task) => *task,
            Event::ActivityStarted { task, .. }
            | Event::TaskSubmitted { task, .. }
            | Event::TaskSucceeded { task, .. }
            | Event::TaskFailed { task, .. }
            | Event::StartFailed { task, .. }
            | Event::SubmitFailed { task, .. } => *task,
            Event::TimerFired | Event::Stop { .. } => return Ok(()),
        };
        let (flow, resource) = self.open(task).ok_or(Unexpected::UnknownTask)?;
        let then = match event {
            Event::TaskStarted(_) => self.started(flow, &resource, None),
            Event::ActivityStarted { worker_name, .. } => self.started(flow, &resource, worker_name),
            Event::Heartbeat(_) => self.heartbeat(flow),
            Event::TaskSubmitted { output, .. } => self.submitted(flow, &resource, Document::new(output)),
            Event::TaskSucceeded { output, .. } => self.succeeded(flow, &resource, Document::new(output)),
            Event::TaskFailed { error, cause, .. } => {
                self.failed(flow, &resource, Bad::Failed, Failure::new(error, cause))
            }
            Event::StartFailed { error, cause, .. } => {
                self.failed(flow, &resource, Bad::StartFailed, Failure::new(error, cause))
            }
            Event::SubmitFailed { error, cause, .. } => {
                self.failed(flow, &resource, Bad::SubmitFailed, Failure::new(error, cause))
            }
            Event::TimerFired | Event::Stop { .. } => return Ok(()),
        };
        // `Over` has already been told to the caller by its effects.
        if let Ok(then) = then {
            self.ready.push_back((flow, then));
        }
        Ok(())
    }

    pub(crate) fn task_timed_out(&mut self, flow: FlowId, failure: Failure) {
        if let Kind::Task(task) = &self.state_of(flow).kind
            && let Ok(then) = self.failed(flow, &task.resource, Bad::TimedOut, failure)
        {
            self.ready.push_back((flow, then));
        }
    }

    fn open(&self, task: TaskId) -> Option<(FlowId, Arc<Resource>)> {
        let flow =
            self.run.flows.iter().find(|flow| matches!(&flow.waiting, Waiting::Task(pending) if pending.id == task))?;
        match &self.state_of(flow.id).kind {
            Kind::Task(task) => Some((flow.id, Arc::clone(&task.resource))),
            _ => None,
        }
    }

    fn pending(&mut self, flow: FlowId) -> Option<&mut Pending> {
        match &mut self.flow_mut(flow).waiting {
            Waiting::Task(pending) => Some(pending),
            _ => None,
        }
    }

    /// Writes an event of a flow's task.
    fn tell(&mut self, flow: FlowId, kind: EventType, details: Option<Details>) -> Result<(), Over> {
        let event = self.append(self.flow(flow).last_event, kind, details)?;
        self.flow_mut(flow).last_event = event;
        Ok(())
    }

    /// The work begins, and with it the count of its time. Told twice, it is the same work.
    fn started(&mut self, flow: FlowId, resource: &Resource, worker_name: Option<String>) -> Result<Then, Over> {
        let now = self.now;
        let Some(pending) = self.pending(flow).filter(|pending| pending.phase == Phase::Scheduled) else {
            return Ok(Then::Rest);
        };
        pending.phase = Phase::Started;
        for countdown in [&mut pending.timeout, &mut pending.heartbeat].into_iter().flatten() {
            countdown.at = timers::after(now, countdown.seconds);
        }
        let (kind, details) = match resource.integration {
            Integration::Service { .. } => {
                (EventType::TaskStarted, Some(Details::TaskStarted(task_resource(resource))))
            }
            Integration::Lambda => (EventType::LambdaFunctionStarted, None),
            Integration::Activity => {
                (EventType::ActivityStarted, Some(Details::ActivityStarted(ActivityStarted { worker_name })))
            }
        };
        self.tell(flow, kind, details)?;
        Ok(Then::Rest)
    }

    fn heartbeat(&mut self, flow: FlowId) -> Result<Then, Over> {
        let now = self.now;
        if let Some(countdown) = self.pending(flow).and_then(|pending| pending.heartbeat.as_mut()) {
            countdown.at = timers::after(now, countdown.seconds);
        }
        Ok(Then::Rest)
    }

    fn submitted(&mut self, flow: FlowId, resource: &Resource, output: Document) -> Result<Then, Over> {
        if let Some(excess) = output.excess() {
            return self.failed(flow, resource, Bad::Failed, Failure::result_too_large(resource.service(), excess));
        }
        self.started(flow, resource, None)?;
        let goes_on = matches!(
            resource.integration,
            Integration::Service { pattern: Pattern::RunAJob | Pattern::WaitForTaskToken, .. }
        );
        let Some(pending) = self.pending(flow).filter(|pending| goes_on && pending.phase != Phase::Submitted) else {
            return Ok(Then::Rest);
        };
        pending.phase = Phase::Submitted;
        self.tell(flow, EventType::TaskSubmitted, Some(Details::TaskSubmitted(task_output(resource, &output))))?;
        Ok(Then::Rest)
    }

    fn succeeded(&mut self, flow: FlowId, resource: &Resource, output: Document) -> Result<Then, Over> {
        if let Some(excess) = output.excess() {
            return self.failed(flow, resource, Bad::Failed, Failure::result_too_large(resource.service(), excess));
        }
        self.started(flow, resource, None)?;
        let plain = || Output { output: output.text(), output_details: DataDetails::default() };
        let (kind, details) = match resource.integration {
            Integration::Service { .. } => {
                (EventType::TaskSucceeded, Details::TaskSucceeded(task_output(resource, &output)))
            }
            Integration::Lambda => (EventType::LambdaFunctionSucceeded, Details::LambdaFunctionSucceeded(plain())),
            Integration::Activity => (EventType::ActivitySucceeded, Details::ActivitySucceeded(plain())),
        };
        self.tell(flow, kind, Some(details))?;
        self.flow_mut(flow).waiting = Waiting::Nothing;
        let state = self.state_of(flow);
        Ok(match self.output(flow, state, output) {
            Ok(output) => Then::Exit(output, state.next),
            Err(failure) => Then::Fail(failure),
        })
    }

    fn failed(&mut self, flow: FlowId, resource: &Resource, how: Bad, failure: Failure) -> Result<Then, Over> {
        // Only what came before the work says anything else than that it began.
        let before_work = matches!(how, Bad::StartFailed | Bad::TimedOut);
        if !before_work {
            self.started(flow, resource, None)?;
        }
        let why = || ErrorAndCause { error: failure.error.clone(), cause: failure.cause.clone() };
        let (kind, details) = match &resource.integration {
            Integration::Service { .. } => {
                let why = TaskFailure {
                    resource_type: resource.service().to_owned(),
                    resource: resource.action_with_pattern().to_owned(),
                    error: failure.error.clone(),
                    cause: failure.cause.clone(),
                };
                match how {
                    Bad::Failed => (EventType::TaskFailed, Details::TaskFailed(why)),
                    Bad::TimedOut => (EventType::TaskTimedOut, Details::TaskTimedOut(why)),
                    Bad::StartFailed => (EventType::TaskStartFailed, Details::TaskStartFailed(why)),
                    Bad::SubmitFailed => (EventType::TaskSubmitFailed, Details::TaskSubmitFailed(why)),
                }
            }
            Integration::Lambda => match how {
                Bad::Failed | Bad::SubmitFailed => {
                    (EventType::LambdaFunctionFailed, Details::LambdaFunctionFailed(why()))
                }
                Bad::TimedOut => (EventType::LambdaFunctionTimedOut, Details::LambdaFunctionTimedOut(why())),
                Bad::StartFailed => (EventType::LambdaFunctionStartFailed, Details::LambdaFunctionStartFailed(why())),
            },
            Integration::Activity => match how {
                Bad::Failed | Bad::SubmitFailed => (EventType::ActivityFailed, Details::ActivityFailed(why())),
                Bad::TimedOut => (EventType::ActivityTimedOut, Details::ActivityTimedOut(why())),
                Bad::StartFailed => (EventType::ActivityScheduleFailed, Details::ActivityScheduleFailed(why())),
            },
        };
        self.tell(flow, kind, Some(details))?;
        self.flow_mut(flow).waiting = Waiting::Nothing;
        Ok(Then::Fail(failure))
    }
}

fn scheduled(
    resource: &Resource,
    region: &str,
    parameters: Arc<str>,
    timeout_in_seconds: Option<u64>,
    heartbeat_in_seconds: Option<u64>,
    role_arn: Option<String>,
) -> (EventType, Details) {
    let task_credentials = role_arn.map(|role_arn| TaskCredentials { role_arn });
    let work = |heartbeat_in_seconds, task_credentials, input| WorkScheduled {
        resource: resource.arn.clone(),
        input,
        input_details: DataDetails::default(),
        timeout_in_seconds,
        heartbeat_in_seconds,
        task_credentials,
    };
    match resource.integration {
        Integration::Service { .. } => (
            EventType::TaskScheduled,
            Details::TaskScheduled(TaskScheduled {
                resource_type: resource.service().to_owned(),
                resource: resource.action_with_pattern().to_owned(),
                region: region.to_owned(),
                parameters,
                timeout_in_seconds,
                heartbeat_in_seconds,
                task_credentials,
            }),
        ),
        Integration::Lambda => (
            EventType::LambdaFunctionScheduled,
            Details::LambdaFunctionScheduled(work(None, task_credentials, parameters)),
        ),
        Integration::Activity => {
            (EventType::ActivityScheduled, Details::ActivityScheduled(work(heartbeat_in_seconds, None, parameters)))
        }
    }
}

fn task_resource(resource: &Resource) -> TaskResource {
    TaskResource { resource_type: resource.service().to_owned(), resource: resource.action_with_pattern().to_owned() }
}

fn task_output(resource: &Resource, output: &Document) -> TaskOutput {
    TaskOutput {
        resource_type: resource.service().to_owned(),
        resource: resource.action_with_pattern().to_owned(),
        output: output.text(),
        output_details: DataDetails::default(),
    }
}
