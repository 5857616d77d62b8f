//! The definitions that executions run, read and laid out once for many looks.

use std::sync::Arc;
use std::time::Duration;

use asl_graph::Layout;
use moka::sync::Cache;
use ops::OpsError;
use orders::OrderId;
use orders::ports::ops::Executions;
use statemachine::Definition;

/// A definition as it is drawn.
pub(crate) struct Drawn {
    /// As it was written.
    pub(crate) text: String,
    pub(crate) definition: Definition,
    pub(crate) layout: Layout,
}

/// So long may a new definition stay unseen. An execution's own never changes.
const KEPT: Duration = Duration::from_secs(30);
const AT_MOST: u64 = 200;

/// Those that were looked at lately.
pub(crate) struct Definitions {
    executions: Arc<dyn Executions>,
    drawn: Cache<Option<OrderId>, Arc<Drawn>>,
}

impl Definitions {
    pub(crate) fn new(executions: Arc<dyn Executions>) -> Self {
        Self { executions, drawn: Cache::builder().max_capacity(AT_MOST).time_to_live(KEPT).build() }
    }

    /// What this execution runs, or with `None` what new ones run.
    pub(crate) async fn of(&self, name: Option<&OrderId>) -> Result<Arc<Drawn>, OpsError> {
        let key = name.cloned();
        if let Some(drawn) = self.drawn.get(&key) {
            return Ok(drawn);
        }
        let missing = || OpsError::NotFound(name.map_or("definition".to_owned(), |name| format!("execution `{name}`")));
        let text = self.executions.definition(name).await?.ok_or_else(missing)?;
        let definition = Definition::parse(&text)
            .map_err(|error| OpsError::Refused(format!("its definition can't be drawn: {error}")))?;
        let drawn = Arc::new(Drawn { layout: Layout::of(&definition), definition, text });
        self.drawn.insert(key, Arc::clone(&drawn));
        Ok(drawn)
    }
}
