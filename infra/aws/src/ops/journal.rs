//! The journal of ops on DynamoDB ([`Journal`]), shared by everybody who works on the stack.
//!
//! A run is an item (`entry_id` is `#`), and so is each of its entries. The index `by_run` lists the runs: their ids begin with
//! the time they began at.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use jiff::Timestamp;
use orders::ports::ops::{Entry, EntryState, Journal, Run};
use orders::ports::{ListError, Page, PageRequest, Unavailable};

use crate::attributes::{Item, json, read, read_json, string, text};
use crate::failure::unavailable;

/// The journal of one stack.
#[derive(Debug, Clone)]
pub struct DynamoJournal {
    client: Client,
    table: String,
}

/// The sort key of the run itself: before all entries'.
const RUN: &str = "#";
/// The one partition of `by_run`.
const LISTED: &str = "runs";
/// `BatchWriteItem` takes so many (API reference).
const BATCH: usize = 25;

impl DynamoJournal {
    /// Over the table `journal`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    async fn find(&self, run: &str) -> Result<Option<Item>, Unavailable> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get = get.key("run_id", text(run)).key("entry_id", text(RUN));
        Ok(get.send().await.map_err(|error| unavailable("Journal", &error))?.item)
    }

    /// The run in its item, with its entries counted.
    async fn counted(&self, item: &Item) -> Result<Run, Unavailable> {
        let mut run: Run = read_json(item, "content")?;
        run.finished_at = string(item, "finished_at").and_then(|at| at.parse().ok());
        run.counts = BTreeMap::new();
        let mut after = None;
        loop {
            let query =
                self.query(&run.id).projection_expression("#state").expression_attribute_names("#state", "state");
            let page = query.set_exclusive_start_key(after).send().await;
            let page = page.map_err(|error| unavailable("Journal", &error))?;
            for entry in page.items() {
                *run.counts.entry(read::<EntryState>(entry, "state")?).or_default() += 1;
            }
            after = page.last_evaluated_key;
            if after.is_none() {
                return Ok(run);
            }
        }
    }

    /// The run's entries.
    fn query(&self, run: &str) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.key_condition_expression("run_id = :run AND entry_id > :header");
        query.expression_attribute_values(":run", text(run)).expression_attribute_values(":header", text(RUN))
    }

    async fn put(&self, mut items: Vec<WriteRequest>) -> Result<(), Unavailable> {
        while !items.is_empty() {
            let rest = items.split_off(items.len().min(BATCH));
            let written = self.client.batch_write_item().request_items(&self.table, items).send().await;
            let written = written.map_err(|error| unavailable("Journal", &error))?;
            items = written.unprocessed_items.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default();
            if !items.is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            items.extend(rest);
        }
        Ok(())
    }
}

fn entry_item(run: &str, entry: &Entry) -> Result<WriteRequest, Unavailable> {
    let mut entry = entry.clone();
    entry.message = entry.message.filter(|_| entry.state.is_open());
    let item = [
        ("run_id", text(run)),
        ("entry_id", text(format_args!("e{}", entry.id))),
        ("state", text(entry.state)),
        ("content", json(&entry)?),
    ];
    let item = item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let put = PutRequest::builder().set_item(Some(item)).build();
    let put = put.map_err(|error| Unavailable::new("Journal", error))?;
    Ok(WriteRequest::builder().put_request(put).build())
}

#[async_trait]
impl Journal for DynamoJournal {
    async fn begin(&self, run: &Run) -> Result<(), Unavailable> {
        let item =
            [("run_id", text(&run.id)), ("entry_id", text(RUN)), ("listed", text(LISTED)), ("content", json(run)?)];
        let put = self.client.put_item().table_name(&self.table).condition_expression("attribute_not_exists(run_id)");
        let put = put.set_item(Some(item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()));
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(service) if service.is_conditional_check_failed_exception() => Ok(()),
                _ => Err(unavailable("Journal", &error)),
            },
        }
    }

    async fn write(&self, run: &str, entries: &[Entry]) -> Result<(), Unavailable> {
        if self.find(run).await?.is_none() {
            return Err(Unavailable::new("Journal", "there is no such run"));
        }
        let items = entries.iter().map(|entry| entry_item(run, entry)).collect::<Result<Vec<_>, _>>()?;
        self.put(items).await
    }

    async fn finish(&self, run: &str, at: Timestamp) -> Result<(), Unavailable> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("run_id", text(run))
            .key("entry_id", text(RUN))
            .update_expression("SET finished_at = if_not_exists(finished_at, :at)")
            .condition_expression("attribute_exists(run_id)")
            .expression_attribute_values(":at", text(at));
        update.send().await.map(drop).map_err(|error| unavailable("Journal", &error))
    }

    async fn run(&self, id: &str) -> Result<Option<Run>, Unavailable> {
        match self.find(id).await? {
            Some(item) => self.counted(&item).await.map(Some),
            None => Ok(None),
        }
    }

    async fn runs(&self, page: &PageRequest) -> Result<Page<Run>, ListError> {
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_run")
            .key_condition_expression("listed = :listed")
            .expression_attribute_values(":listed", text(LISTED))
            .scan_index_forward(false)
            .limit(i32::try_from(page.limit.get()).unwrap_or(i32::MAX));
        if let Some(cursor) = &page.cursor {
            let before = cursor.strip_prefix("before:").ok_or(ListError::InvalidCursor)?;
            query = query
                .key_condition_expression("listed = :listed AND run_id < :before")
                .expression_attribute_values(":before", text(before));
        }
        let found = query.send().await.map_err(|error| unavailable("Journal", &error))?;
        let mut items = Vec::new();
        for item in found.items() {
            let id: String = read(item, "run_id")?;
            items.extend(self.run(&id).await?);
        }
        let last = found.items().last().and_then(|item| string(item, "run_id"));
        let next = last.filter(|_| found.last_evaluated_key.is_some()).map(|id| format!("before:{id}"));
        Ok(Page { items, next })
    }

    async fn entries(&self, run: &str, open_only: bool, page: &PageRequest) -> Result<Page<Entry>, ListError> {
        let mut query = self.query(run).limit(i32::try_from(page.limit.get()).unwrap_or(i32::MAX));
        if let Some(cursor) = &page.cursor {
            let after = cursor.strip_prefix("after:").ok_or(ListError::InvalidCursor)?;
            query = query.expression_attribute_values(":header", text(after));
        }
        let found = query.send().await.map_err(|error| unavailable("Journal", &error))?;
        let entries = found.items().iter().map(|item| read_json::<Entry>(item, "content"));
        let mut items = entries.collect::<Result<Vec<_>, _>>()?;
        items.retain(|entry| !open_only || entry.state.is_open());
        let last = found.items().last().and_then(|item| string(item, "entry_id"));
        let next = last.filter(|_| found.last_evaluated_key.is_some()).map(|id| format!("after:{id}"));
        Ok(Page { items, next })
    }
}
