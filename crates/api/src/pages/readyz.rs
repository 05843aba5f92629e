//! `GET /readyz`: the server takes part and reaches its store.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use marketplace_wire::{Problem, codes};

use crate::failure::Failure;
use crate::shell::Shell;

/// A store that takes longer to tell the time is no store to work with.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the server takes requests
///
/// Not while it starts or stops, nor when its store does not answer.
#[utoipa::path(
    get, path = "/readyz", operation_id = "showReadiness", tag = "about", security(()),
    responses((status = 200, description = "Send requests", body = String,
        content_type = "text/plain")),
)]
pub(crate) async fn readyz(State(shell): State<Shell>) -> Result<String, Failure> {
    let not_ready = |detail: &'static str| {
        Failure::from(Problem::new(&codes::NOT_READY, detail).retry_after(2))
    };
    if !shell.app.ready.load(Ordering::Relaxed) {
        return Err(not_ready(
            "The server is stopping, or starting: the first time, its books open when the TEG \
             answers",
        ));
    }
    if !shell.marketplace().is_searchable() {
        return Err(not_ready("The listings are still being read: searches are not answered yet"));
    }
    match tokio::time::timeout(PATIENCE, shell.marketplace().now()).await {
        Ok(Ok(_)) => Ok(detail(&shell).await),
        Err(_) => {
            tracing::warn!("not ready: the store is too slow");
            Err(not_ready("The store does not answer"))
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready: the store does not answer");
            Err(not_ready("The store does not answer"))
        }
    }
}

/// Withdrawals that wait keep nobody from buying: the server is ready, and says what is not.
async fn detail(shell: &Shell) -> String {
    match shell.marketplace().edge_stop().await {
        Ok(Some(stop)) => format!("ready\nwithdrawals are queued: {stop}\n"),
        Ok(None) | Err(_) => "ready\n".to_owned(),
    }
}
