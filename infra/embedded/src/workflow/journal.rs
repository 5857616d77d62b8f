//! An engine call's history events as one row: all have the call's time, so it stands there once, and of each event only
//! what differs. Half a kilobyte less per step than AWS's JSON, which [`read`] gives back field for field.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use statemachine::history::Details;
use statemachine::{EventType, HistoryEvent};

use crate::clock::timestamp;

/// A row.
#[derive(Serialize, Deserialize)]
struct Call<Events> {
    /// Milliseconds since 1970.
    t: i64,
    e: Events,
}

/// Type, number, the number of the event that led to it, details.
#[derive(Serialize)]
struct Written<'e>(EventType, u64, u64, &'e Option<Details>);

#[derive(Deserialize)]
struct Read(EventType, u64, u64, Option<Details>);

/// The events of one call, made at `now`.
pub(super) fn render(events: &[HistoryEvent], now: Timestamp) -> serde_json::Result<String> {
    let events: Vec<_> = events
        .iter()
        .map(|HistoryEvent { kind, id, previous_event_id, details, .. }| {
            Written(*kind, *id, *previous_event_id, details)
        })
        .collect();
    serde_json::to_string(&Call { t: now.as_millisecond(), e: events })
}

/// The events of a row.
pub(super) fn read(row: &str) -> serde_json::Result<Vec<HistoryEvent>> {
    let Call { t, e } = serde_json::from_str::<Call<Vec<Read>>>(row)?;
    let timestamp = timestamp(t);
    let event =
        |Read(kind, id, previous_event_id, details)| HistoryEvent { timestamp, kind, id, previous_event_id, details };
    Ok(e.into_iter().map(event).collect())
}
