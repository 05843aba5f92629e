//! Logs, to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::EdgeError;

/// Starts logging, once for the process; `directives` as in `LOG_LEVEL`.
///
/// # Errors
/// When they cannot be read, or logging runs already.
pub fn init_tracing(directives: &str) -> Result<(), EdgeError> {
    let filter = EnvFilter::builder()
        .parse(directives.to_ascii_lowercase().replace("warning", "warn"))
        .map_err(|error| EdgeError::Logs(format!("LOG_LEVEL \"{directives}\": {error}")))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .try_init()
        .map_err(|error| EdgeError::Logs(error.to_string()))
}
