//! Logs: text for people or JSON for machines, to standard error; and traces, where a collector is
//! named.

use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use crate::settings::given;
use crate::traces::{Destination, Exporter, Traces, headers, targets};
use crate::{BootError, LogFormat, Settings};

/// What was started; [`Telling::finish`] sends what is left.
#[must_use]
pub struct Telling(Option<Exporter>);

impl Telling {
    /// Sends spans that wait for their batch.
    pub async fn finish(self) {
        if let Some(exporter) = self.0 {
            exporter.finish().await;
        }
    }
}

/// Starts logging, once for the process; and traces, where the settings name a collector.
///
/// # Errors
/// When LOG_LEVEL or the collector's settings cannot be read, or logging runs already.
pub fn init_tracing(settings: &Settings) -> Result<Telling, BootError> {
    let directives = directives(&settings.log_level);
    let filter = EnvFilter::builder()
        .parse(&directives)
        .map_err(|error| wrong(format!("LOG_LEVEL \"{directives}\": {error}")))?;
    if let Some(endpoint) = given(settings.otlp_endpoint.as_ref()) {
        return traced(settings, endpoint, filter);
    }
    let builder = fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match settings.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| wrong(error.to_string()))?;
    Ok(Telling(None))
}

fn wrong(reason: String) -> BootError {
    BootError::Logs { reason }
}

/// Lines and spans, each with a filter of its own.
fn traced(settings: &Settings, endpoint: &str, filter: EnvFilter) -> Result<Telling, BootError> {
    let told = given(settings.otlp_headers.as_ref()).unwrap_or_default();
    let headers = headers(told)
        .ok_or_else(|| wrong("OTEL_EXPORTER_OTLP_HEADERS: name=value,…".to_owned()))?;
    let program = std::env::current_exe().ok();
    let program = program.as_deref().and_then(|path| path.file_name()?.to_str());
    let service = program.unwrap_or("marketplace").to_owned();
    let to = Destination { endpoint: endpoint.to_owned(), headers, service };
    let (layer, spans) = Traces::new();
    let exporter = Exporter::start(spans, to)
        .map_err(|error| wrong(format!("OTEL_EXPORTER_OTLP_ENDPOINT: {error}")))?;
    let lines =
        fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
    let lines = match settings.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(layer.with_filter(targets()))
        .try_init()
        .map_err(|error| wrong(error.to_string()))?;
    Ok(Telling(Some(exporter)))
}

/// The original's names of levels, which are Python's, and ours.
fn directives(level: &str) -> String {
    match level.trim().to_ascii_uppercase().as_str() {
        "" => "info".to_owned(),
        "WARNING" => "warn".to_owned(),
        "CRITICAL" | "FATAL" => "error".to_owned(),
        _ => level.trim().to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        let check = |level: &str, expect: &str| {
            let directives = directives(level);
            assert_eq!(directives, expect, "{level}");
            assert!(EnvFilter::builder().parse(&directives).is_ok(), "{level}");
        };
        check("INFO", "info");
        check("", "info");
        check("WARNING", "warn");
        check("critical", "error");
        check("DEBUG", "debug");
        check("info,marketplace_engine=debug", "info,marketplace_engine=debug");
    }
}
