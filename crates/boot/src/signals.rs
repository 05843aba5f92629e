//! When to stop: Ctrl-C and what service managers send.

use crate::BootError;

/// From now on listens to SIGINT and SIGTERM; what it returns resolves when one comes.
///
/// # Errors
/// When the system does not let us listen.
#[cfg(unix)]
pub fn stop_signal() -> Result<impl Future<Output = ()>, BootError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(BootError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(BootError::Signals)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// As above, where there is only Ctrl-C.
///
/// # Errors
/// When the system does not let us listen.
#[cfg(not(unix))]
pub fn stop_signal() -> Result<impl Future<Output = ()>, BootError> {
    Ok(async {
        // Without a way to hear of Ctrl-C the process is ended by the system.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
