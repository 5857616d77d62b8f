//! Hears how orders end, from the service's server-sent events (`ops/src/http/events.rs`), at the service's own stamps.

use std::cell::RefCell;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use orders::ports::ops::Stamped;
use serde::Deserialize;
use tokio::sync::watch;

use super::connection::{Connection, Target};
use super::tally::Tally;

/// Only how orders end: a change of each step would be five times as many.
const EVENTS: &str = "/ops/events?only=ends";
/// A stream that broke is opened again after so long.
const PAUSE: Duration = Duration::from_millis(100);

/// What of a snapshot matters here.
#[derive(Deserialize)]
struct Snapshot {
    at: Timestamp,
}

/// Listens until dropped. `since` gets the service's time when it tells what happens from then on.
pub(super) async fn listen(target: &Target, tally: &RefCell<Tally>, since: &watch::Sender<Option<Timestamp>>) {
    let mut connection = Connection::to(target);
    let mut last: Option<String> = None;
    loop {
        if let Ok(response) = connection.events(EVENTS, last.as_deref()).await
            && response.status().is_success()
        {
            let (mut body, mut lines) = (response.into_body(), Lines::default());
            while let Some(Ok(frame)) = body.frame().await {
                let Ok(data) = frame.into_data() else { continue };
                for event in lines.feed(&data) {
                    hear(&event, tally, since);
                    last = event.id.or(last);
                }
            }
        }
        connection = Connection::to(target);
        tokio::time::sleep(PAUSE).await;
    }
}

fn hear(event: &Event, tally: &RefCell<Tally>, since: &watch::Sender<Option<Timestamp>>) {
    match event.name.as_str() {
        "change" => {
            if let Ok(stamped) = serde_json::from_str::<Stamped>(&event.data) {
                tally.borrow_mut().heard(&stamped);
            }
        }
        // Whatever ended before a later snapshot was missed; it is asked for at the end.
        "snapshot" => {
            if let Ok(Snapshot { at }) = serde_json::from_str(&event.data) {
                since.send_if_modified(|since| since.is_none().then(|| *since = Some(at)).is_some());
            }
        }
        _ => {}
    }
}

/// An event of the stream (HTML Living Standard, "Interpreting an event stream"), as far as this service writes them: each field
/// on one line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Event {
    name: String,
    data: String,
    id: Option<String>,
}

/// Makes events of bytes that are cut anywhere.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
    event: Event,
}

impl Lines {
    fn feed(&mut self, bytes: &Bytes) -> Vec<Event> {
        let mut events = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(part);
            if !part.ends_with(b"\n") {
                break;
            }
            let line = String::from_utf8_lossy(&self.rest).trim_end().to_owned();
            self.rest.clear();
            match line.split_once(':') {
                None if line.is_empty() => events.push(std::mem::take(&mut self.event)),
                Some(("event", name)) => name.trim_start().clone_into(&mut self.event.name),
                Some(("data", data)) => data.trim_start().clone_into(&mut self.event.data),
                Some(("id", id)) => self.event.id = Some(id.trim_start().to_owned()),
                _ => {}
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_wherever_the_bytes_are_cut() {
        let stream = b"event: change\ndata: {\"a\":\"b: c\"}\nid: 7-1\n\n: comment\n\nevent: queues\ndata: []\n\n";
        for cut in 0..stream.len() {
            let mut lines = Lines::default();
            let (first, second) = stream.split_at(cut);
            let mut events = lines.feed(&Bytes::copy_from_slice(first));
            events.extend(lines.feed(&Bytes::copy_from_slice(second)));
            assert_eq!(events.len(), 3, "cut at {cut}");
            let change = Event { name: "change".into(), data: "{\"a\":\"b: c\"}".into(), id: Some("7-1".into()) };
            assert_eq!(events[0], change);
            assert_eq!(events[2].name, "queues");
        }
    }
}
