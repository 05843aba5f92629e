//! Opening the books: the first time, a TEG must say what it holds for us. One elsewhere may be
//! down: then the server is up, is not ready, says why, and opens when the TEG answers.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use marketplace_engine::{Error, Marketplace};
use tokio_util::sync::CancellationToken;

use crate::drain::{Drain, not_ready};
use crate::{BootError, Deployment};

/// A start waits so long for a TEG elsewhere; then it goes on without.
const PATIENCE: Duration = Duration::from_secs(10);
/// And so long for the stake, which nobody waits for.
const STAKE_PATIENCE: Duration = Duration::from_secs(3);
/// Between tries; then twice as long each time.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// Between tries to fill the stake up, which nothing waits for.
const STAKE_PAUSE: Duration = Duration::from_secs(60);
const ATTEMPTS: usize = 60;
const RETRY_AFTER_SECONDS: u32 = 5;

/// How far a start has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// The books are open, and the stake is as full as it gets.
    Done,
    /// The books are open; the TEG does not answer, so the stake may lack something.
    Unstaked,
    /// The books are not open, and why.
    Waiting(String),
}

/// Opens the books and fills the stake up, where the TEG answers.
pub(crate) async fn try_now(
    marketplace: &Marketplace,
    deployment: &Deployment,
) -> Result<Opening, BootError> {
    if deployment.teg_http.is_none() {
        marketplace.open_books().await?;
        fill_stake(marketplace).await;
        return Ok(Opening::Done);
    }
    match tokio::time::timeout(PATIENCE, marketplace.open_books()).await {
        Ok(Ok(())) => {}
        Ok(Err(error @ Error::Unavailable { .. })) => {
            return Ok(Opening::Waiting(error.to_string()));
        }
        Ok(Err(error)) => return Err(error.into()),
        Err(_) => {
            let reason = format!("no answer of the TEG in {} s", PATIENCE.as_secs());
            return Ok(Opening::Waiting(reason));
        }
    }
    let filled = tokio::time::timeout(STAKE_PATIENCE, fill_stake(marketplace)).await;
    Ok(if filled == Ok(true) { Opening::Done } else { Opening::Unstaked })
}

/// Tries again until the books are open or the server stops; says whether they are.
pub(crate) async fn keep_trying(
    marketplace: &Marketplace,
    mut reason: String,
    stop: &CancellationToken,
) -> bool {
    let mut pause = PAUSE;
    loop {
        tracing::warn!(reason, "the books are not open, and we are not ready: the TEG is awaited");
        let opened = async {
            tokio::time::sleep(pause).await;
            marketplace.open_books().await
        };
        let opened = tokio::select! {
            () = stop.cancelled() => return false,
            opened = opened => opened,
        };
        match opened {
            Ok(()) => {
                tracing::info!("the books are open");
                return true;
            }
            Err(error) => reason = error.to_string(),
        }
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// Fills the stake up at a TEG elsewhere, beside everything else.
pub(crate) async fn stake_later(marketplace: Marketplace, stop: CancellationToken) {
    for _ in 0..ATTEMPTS {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(STAKE_PAUSE) => {}
        }
        if fill_stake(&marketplace).await {
            return;
        }
    }
}

async fn fill_stake(marketplace: &Marketplace) -> bool {
    let filled = marketplace.fill_stake().await;
    if let Err(error) = &filled {
        tracing::warn!(%error, "the stake is not filled up");
    }
    filled.is_ok()
}

/// What anybody may ask of a server that has no books yet.
const ANSWERED: &[&str] =
    &["/healthz", "/health", "/readyz", "/metrics", "/agent_card.json", "/api/openapi.json"];

/// Until the books are open nothing is bought, sold or shown.
pub(crate) async fn hold_back(
    State(drain): State<Drain>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let answered = ANSWERED.contains(&path) || path.starts_with("/.well-known/");
    if answered || drain.opened.load(Ordering::Relaxed) {
        return next.run(request).await;
    }
    let detail = "The server waits for the TEG, without which it cannot open its books";
    not_ready(detail, RETRY_AFTER_SECONDS)
}
