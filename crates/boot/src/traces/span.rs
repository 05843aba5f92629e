//! A span, and its form on the wire.

use std::fmt::{self, Write as _};

use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use uuid::Uuid;

/// A caller's own trace, in the form of W3C Trace Context.
const TRACE_PARENT: &str = "traceparent";
/// A request is served for somebody; all else happens inside.
const REQUEST: &str = "request";
const KIND_INTERNAL: u8 = 1;
const KIND_SERVER: u8 = 2;

/// Something that took time.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(super) trace: [u8; 16],
    pub(super) id: [u8; 8],
    parent: Option<[u8; 8]>,
    name: &'static str,
    began: u128,
    pub(super) ended: u128,
    attributes: Vec<(&'static str, String)>,
}

/// In the extensions of a span of `tracing`.
pub(super) struct Noted(pub(super) Span);

impl Span {
    pub(super) fn begin(
        name: &'static str,
        parent: Option<([u8; 16], [u8; 8])>,
        began: u128,
    ) -> Self {
        let random = Uuid::new_v4().into_bytes();
        let mut id = [0; 8];
        id.copy_from_slice(&random[8..]);
        let trace = parent.map_or_else(|| Uuid::new_v4().into_bytes(), |(trace, _)| trace);
        let parent = parent.map(|(_, id)| id);
        Self { trace, id, parent, name, began, ended: began, attributes: Vec::new() }
    }

    fn note(&mut self, name: &'static str, value: String) {
        if name != TRACE_PARENT {
            self.attributes.push((name, value));
        } else if let Some((trace, parent)) = of_caller(&value) {
            (self.trace, self.parent) = (trace, Some(parent));
        }
    }

    pub(super) fn json(&self) -> Value {
        let attribute = |(name, value): &(&str, String)| json!({ "key": format!("marketplace.{name}"), "value": { "stringValue": value } });
        json!({
            "traceId": hex(&self.trace),
            "spanId": hex(&self.id),
            "parentSpanId": self.parent.map(|id| hex(&id)).unwrap_or_default(),
            "name": self.name,
            "kind": if self.name == REQUEST { KIND_SERVER } else { KIND_INTERNAL },
            "startTimeUnixNano": self.began.to_string(),
            "endTimeUnixNano": self.ended.to_string(),
            "attributes": self.attributes.iter().map(attribute).collect::<Vec<_>>(),
        })
    }
}

impl Visit for Noted {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.note(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.note(field.name(), format!("{value:?}"));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Trace and span of the caller; nothing of a header that is not as it should be.
fn of_caller(header: &str) -> Option<([u8; 16], [u8; 8])> {
    let mut parts = header.split('-');
    let (_version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let trace = u128::from_str_radix(trace, 16).ok().filter(|id| trace.len() == 32 && *id != 0)?;
    let span = u64::from_str_radix(span, 16).ok().filter(|id| span.len() == 16 && *id != 0)?;
    Some((trace.to_be_bytes(), span.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_of_callers() {
        let check = |header: &str, expect: Option<&str>| {
            let found = of_caller(header).map(|(trace, span)| hex(&trace) + &hex(&span));
            assert_eq!(found.as_deref(), expect, "{header}");
        };
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        check(good, Some("4bf92f3577b34da6a3ce929d0e0e473600f067aa0ba902b7"));
        check("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None);
        check("00-4bf92f-00f067aa0ba902b7-01", None);
        check("nonsense", None);
        check("", None);
    }

    #[test]
    fn a_span_on_the_wire() {
        let mut span = Span::begin("request", None, 5);
        span.note("command", "c".to_owned());
        span.note("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into());
        let json = span.json();
        assert_eq!(json["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!((&json["kind"], &json["startTimeUnixNano"]), (&json!(2), &json!("5")));
        assert_eq!(json["attributes"][0]["key"], "marketplace.command");
        assert_eq!(json["attributes"].as_array().unwrap().len(), 1);
        let child = Span::begin("batch", Some((span.trace, span.id)), 6).json();
        assert_eq!(
            (&child["traceId"], &child["parentSpanId"]),
            (&json["traceId"], &json["spanId"])
        );
    }
}
