//! Hears how orders end, from the service's server-sent events (`ops/src/http/events.rs`), at the service's own stamps.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use jiff::Timestamp;
use orders::ports::ops::Stamped;
use serde::Deserialize;

use super::LoadError;
use super::connection::{Connection, Target};
use super::tally::Tally;

/// Only how orders end: a change of each step would be five times as many.
const EVENTS: &str = "/ops/events?only=ends";
/// A stream that broke is opened again after so long.
const PAUSE: Duration = Duration::from_millis(100);

/// The service must begin to tell so soon.
const GREETING: Duration = Duration::from_secs(10);

/// What of a snapshot matters here.
#[derive(Deserialize)]
struct Snapshot {
    at: Timestamp,
}

/// The stream, from the moment on that the service tells of every end.
pub(super) struct Ends<'t> {
    target: &'t Target,
    stream: Stream,
    last: Option<String>,
    /// That moment, by the service's clock.
    pub(super) since: Timestamp,
}

impl<'t> Ends<'t> {
    /// Opens the stream.
    ///
    /// # Errors
    /// [`LoadError::Service`] if there is none, or it begins without a snapshot.
    pub(super) async fn open(target: &'t Target) -> Result<Self, LoadError> {
        let greeted = async {
            let mut stream = Stream::open(target, None).await?;
            let greeting = stream.next().await?;
            if greeting.name != "snapshot" {
                return Err("it begins without a snapshot".to_owned());
            }
            let Snapshot { at } = serde_json::from_str(&greeting.data).map_err(|error| error.to_string())?;
            Ok(Self { target, stream, last: None, since: at })
        };
        let greeted = tokio::time::timeout(GREETING, greeted).await;
        let greeted = greeted.unwrap_or_else(|_| Err(format!("it told nothing within {GREETING:?}")));
        greeted.map_err(|why| LoadError::Service { what: format!("GET {EVENTS}"), why })
    }

    /// Listens until dropped. What ended while the stream was broken is told later, or must be asked for at the end.
    pub(super) async fn listen(mut self, tally: &RefCell<Tally>) -> Infallible {
        loop {
            while let Ok(event) = self.stream.next().await {
                if event.name == "change"
                    && let Ok(stamped) = serde_json::from_str::<Stamped>(&event.data)
                {
                    tally.borrow_mut().heard(&stamped);
                }
                self.last = event.id.or(self.last.take());
            }
            self.stream = loop {
                tokio::time::sleep(PAUSE).await;
                match Stream::open(self.target, self.last.as_deref()).await {
                    Ok(stream) => break stream,
                    Err(why) => tracing::debug!(why, "no events"),
                }
            };
        }
    }
}

/// One opening of the stream.
struct Stream {
    body: Incoming,
    lines: Lines,
    heard: VecDeque<Event>,
}

impl Stream {
    async fn open(target: &Target, last: Option<&str>) -> Result<Self, String> {
        let body = Connection::to(target).events(EVENTS, last).await?;
        Ok(Self { body, lines: Lines::default(), heard: VecDeque::new() })
    }

    async fn next(&mut self) -> Result<Event, String> {
        loop {
            if let Some(event) = self.heard.pop_front() {
                return Ok(event);
            }
            let frame = self.body.frame().await.ok_or("it ended")?.map_err(|error| error.to_string())?;
            if let Ok(data) = frame.into_data() {
                self.heard.extend(self.lines.feed(&data));
            }
        }
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
