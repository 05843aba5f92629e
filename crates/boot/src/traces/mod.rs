//! Traces for OpenTelemetry, by OTLP over HTTP in its JSON encoding, when a collector is named.
//!
//! A layer of our own instead of three crates: spans of two targets are noted as they end, and
//! posted in batches. Without a collector there is no layer, and the spans are never made.

mod export;
mod span;

use std::time::{SystemTime, UNIX_EPOCH};

use marketplace_engine::SpanLoss;
use tokio::sync::mpsc;
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

pub(crate) use export::{Destination, Exporter, headers};
use span::{Noted, Span};

/// Where requests are spans, and what they become in the engine.
const REQUESTS: &str = "marketplace_api::edge";
const COMMANDS: &str = "marketplace::trace";
/// Spans that wait for the exporter; more are dropped, and counted.
const WAITING: usize = 16_384;

/// Which spans are traced.
pub(crate) fn targets() -> Targets {
    Targets::new().with_target(REQUESTS, Level::INFO).with_target(COMMANDS, Level::TRACE)
}

/// Notes spans.
pub(crate) struct Traces {
    ended: mpsc::Sender<Span>,
}

impl Traces {
    /// A layer, and what takes the spans from it.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Span>) {
        Self::with_room(WAITING)
    }

    fn with_room(waiting: usize) -> (Self, mpsc::Receiver<Span>) {
        let (ended, spans) = mpsc::channel(waiting);
        (Self { ended }, spans)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Traces {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let parent = span.parent().and_then(|parent| {
            let extensions = parent.extensions();
            let noted = extensions.get::<Noted>()?;
            Some((noted.0.trace, noted.0.id))
        });
        let mut noted = Noted(Span::begin(attributes.metadata().name(), parent, now()));
        attributes.record(&mut noted);
        span.extensions_mut().insert(noted);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(noted) = span.extensions_mut().get_mut::<Noted>() {
            values.record(noted);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        if let Some(Noted(mut span)) = span.extensions_mut().remove::<Noted>() {
            span.ended = now();
            // A collector that is down or slow costs spans, never requests.
            if self.ended.try_send(span).is_err() {
                SpanLoss::Full.count(1);
            }
        }
    }
}

/// Nanoseconds since 1970.
fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn what_does_not_fit_is_counted() {
        let (layer, mut spans) = Traces::with_room(2);
        let before = SpanLoss::Full.counted();
        let subscriber = tracing_subscriber::registry().with(layer.with_filter(targets()));
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..5 {
                drop(tracing::info_span!(target: "marketplace::trace", "commit"));
            }
        });
        assert_eq!(SpanLoss::Full.counted() - before, 3);
        assert!(spans.try_recv().is_ok() && spans.try_recv().is_ok() && spans.try_recv().is_err());
    }
}
