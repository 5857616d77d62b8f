//! What a function is told by its environment (`infra/aws/template.yaml` sets it).

use orders::Queue;
use orders::step::QueueName;

/// A variable that the template should have set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not set; infra/aws/template.yaml sets it for the functions that need it")]
pub struct MissingVariable(String);

/// Reads the environment, a variable at a time: a function gets only what it needs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings;

impl Settings {
    /// A variable. An empty one is one that isn't set.
    ///
    /// # Errors
    /// [`MissingVariable`].
    pub fn get(self, name: &str) -> Result<String, MissingVariable> {
        self.find(name).ok_or_else(|| MissingVariable(name.to_owned()))
    }

    /// A variable that may be left out.
    pub fn find(self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    /// The queue's URL: `ORDERS_QUEUE_URL`, or `ORDERS_DLQ_URL` for its DLQ.
    ///
    /// # Errors
    /// [`MissingVariable`].
    pub fn queue_url(self, name: QueueName) -> Result<String, MissingVariable> {
        self.get(&variable(name))
    }

    /// The URLs of all the queues that this function knows.
    pub fn queue_urls(self) -> impl Iterator<Item = (QueueName, String)> {
        let names = Queue::ALL.iter().flat_map(|queue| [QueueName::from(*queue), QueueName::dlq(*queue)]);
        names.filter_map(move |name| Some((name, self.find(&variable(name))?)))
    }
}

fn variable(name: QueueName) -> String {
    let kind = if name.dead_letters { "DLQ" } else { "QUEUE" };
    format!("{}_{kind}_URL", name.queue.name().to_ascii_uppercase())
}
