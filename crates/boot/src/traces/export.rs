//! Carries spans to the collector.

use std::time::Duration;

use marketplace_engine::SpanLoss;
use reqwest::Client;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::span::Span;

/// Spans in one request.
const BATCH: usize = 512;
/// They wait so long for company.
const PAUSE: Duration = Duration::from_secs(1);
const ANSWER: Duration = Duration::from_secs(5);

/// Where spans go.
pub(crate) struct Destination {
    /// The collector's address, as OTEL_EXPORTER_OTLP_ENDPOINT has it.
    pub(crate) endpoint: String,
    /// As OTEL_EXPORTER_OTLP_HEADERS has them.
    pub(crate) headers: HeaderMap,
    /// Who we are.
    pub(crate) service: String,
}

/// `name=value,name=value`, as OTEL_EXPORTER_OTLP_HEADERS has them; nothing where that is not so.
pub(crate) fn headers(text: &str) -> Option<HeaderMap> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let header = |pair: &str| -> Option<(HeaderName, HeaderValue)> {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim().parse().ok()?, value.trim().parse().ok()?))
    };
    pairs.map(header).collect()
}

/// Takes spans until it is told to finish.
pub(crate) struct Exporter {
    task: JoinHandle<()>,
    finish: oneshot::Sender<()>,
}

impl Exporter {
    pub(crate) fn start(
        spans: mpsc::Receiver<Span>,
        to: Destination,
    ) -> Result<Self, reqwest::Error> {
        marketplace_registry::install_tls_provider();
        let client = Client::builder().timeout(ANSWER).default_headers(to.headers.clone());
        let (finish, finished) = oneshot::channel();
        let task = tokio::spawn(export(spans, finished, client.build()?, to));
        Ok(Self { task, finish })
    }

    /// Sends what is left.
    pub(crate) async fn finish(self) {
        // Whoever listens there lives until it hears this.
        let _ = self.finish.send(());
        let _ = self.task.await;
    }
}

async fn export(
    mut spans: mpsc::Receiver<Span>,
    mut finished: oneshot::Receiver<()>,
    client: Client,
    to: Destination,
) {
    let url = format!("{}/v1/traces", to.endpoint.trim_end_matches('/'));
    let (mut waiting, mut over, mut was_well) = (Vec::new(), false, true);
    while !over {
        over = gather(&mut spans, &mut finished, &mut waiting).await;
        if waiting.is_empty() {
            continue;
        }
        let sent = std::mem::take(&mut waiting);
        let body = body(&to.service, &sent);
        let told = client.post(&url).json(&body).send().await;
        let told = told.and_then(reqwest::Response::error_for_status);
        if let (true, Err(error)) = (was_well, &told) {
            tracing::warn!(%error, "the collector does not take our spans: they are lost");
        }
        was_well = told.is_ok();
        if !was_well {
            SpanLoss::Refused.count(sent.len());
        }
    }
}

/// Waits for a batch, and says whether it is the last one.
async fn gather(
    spans: &mut mpsc::Receiver<Span>,
    finished: &mut oneshot::Receiver<()>,
    waiting: &mut Vec<Span>,
) -> bool {
    let end = tokio::time::Instant::now() + PAUSE;
    while waiting.len() < BATCH {
        tokio::select! {
            biased;
            _ = &mut *finished => {
                while let Ok(span) = spans.try_recv() {
                    waiting.push(span);
                }
                return true;
            }
            span = spans.recv() => match span {
                Some(span) => waiting.push(span),
                None => return true,
            },
            () = tokio::time::sleep_until(end) => return false,
        }
    }
    false
}

fn body(service: &str, spans: &[Span]) -> Value {
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    json!({ "resourceSpans": [{
        "resource": { "attributes": [
            text("service.name", service),
            text("service.version", env!("CARGO_PKG_VERSION")),
        ] },
        "scopeSpans": [{
            "scope": { "name": "marketplace", "version": env!("CARGO_PKG_VERSION") },
            "spans": spans.iter().map(Span::json).collect::<Vec<_>>(),
        }],
    }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_the_collector_does_not_take_is_counted() {
        // Nobody listens there.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (endpoint, service) = (format!("http://{port}"), "test".to_owned());
        let to = Destination { endpoint, headers: HeaderMap::new(), service };
        let (ended, spans) = mpsc::channel(3);
        for began in 0..3 {
            ended.send(Span::begin("commit", None, began)).await.unwrap();
        }
        let before = SpanLoss::Refused.counted();
        Exporter::start(spans, to).unwrap().finish().await;
        assert_eq!(SpanLoss::Refused.counted() - before, 3);
    }

    #[test]
    fn headers_of_a_collector() {
        let count = |text: &str| headers(text).map(|headers| headers.len());
        assert_eq!(count("api-key=secret, x-tenant=a=b"), Some(2));
        assert_eq!(count(""), Some(0));
        assert_eq!(count("nonsense"), None);
        assert_eq!(headers("a=b=c").unwrap()["a"], "b=c");
    }
}
