//! Logs: text for people or JSON for machines, to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::{BootError, LogFormat, Settings};

/// Starts logging, once for the process.
///
/// # Errors
/// When LOG_LEVEL cannot be read, or logging runs already.
pub fn init_tracing(settings: &Settings) -> Result<(), BootError> {
    let directives = directives(&settings.log_level);
    let wrong = |reason: String| BootError::Logs { reason };
    let filter = EnvFilter::builder()
        .parse(&directives)
        .map_err(|error| wrong(format!("LOG_LEVEL \"{directives}\": {error}")))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match settings.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| wrong(error.to_string()))
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
