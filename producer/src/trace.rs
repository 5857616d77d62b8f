//! The trace a request belongs to: taken from its headers, or begun here. Not for spans and logs (see `observe.rs`).

use axum::http::HeaderMap;
use orders::TraceId;

use crate::random;

/// The trace id of a W3C `traceparent`, else of the `Root` of an `X-Amzn-Trace-Id`, else a random one.
pub(crate) fn of(headers: &HeaderMap) -> Result<TraceId, random::NoEntropy> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    text("traceparent")
        .and_then(from_traceparent)
        .or_else(|| text("x-amzn-trace-id").and_then(from_amazon))
        .map_or_else(random::trace_id, Ok)
}

/// `00-<trace id>-<parent id>-<flags>`; a later version may append fields (W3C Trace Context, 3.2 and 4.3).
fn from_traceparent(text: &str) -> Option<TraceId> {
    let mut fields = text.trim().split('-');
    let (version, trace, parent, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let hex = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let valid = hex(version, 2)
        && version != "ff"
        && (version != "00" || fields.next().is_none())
        && hex(parent, 16)
        && parent != "0000000000000000"
        && hex(flags, 2);
    if valid { trace.parse().ok() } else { None }
}

/// `Root=1-<8 hex>-<24 hex>;…` (AWS X-Ray, "Tracing header"): the two parts are the W3C trace id.
fn from_amazon(text: &str) -> Option<TraceId> {
    let root = text.split(';').find_map(|field| field.trim().strip_prefix("Root=1-"))?;
    let (time, rest) = root.split_once('-')?;
    (time.len() == 8 && rest.len() == 24).then(|| format!("{time}{rest}").parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(name: &'static str, value: &'static str) -> String {
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
        of(&headers).unwrap().to_string()
    }

    #[test]
    fn a_trace_goes_on_from_a_valid_header() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(trace("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), id);
        assert_eq!(trace("traceparent", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"), id);
        assert_eq!(
            trace("x-amzn-trace-id", "Self=1-a-b;Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"),
            "5759e988bd862e3fe1be46a994272793"
        );
    }

    #[test]
    fn a_header_that_is_not_valid_begins_a_new_trace() {
        for value in [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        ] {
            let begun = trace("traceparent", value);
            assert!(!value.to_lowercase().contains(&begun), "{value}");
            assert_ne!(begun, trace("traceparent", value));
        }
        assert_ne!(trace("x-amzn-trace-id", "Root=1-5759e988"), trace("x-amzn-trace-id", "Root=1-5759e988"));
    }
}
