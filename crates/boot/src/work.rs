//! Keeps a worker running beside the server.

use std::time::Duration;

use marketplace_engine::{Marketplace, Pace, Worker};
use marketplace_ports::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::BootError;
use crate::drain::Drain;

/// Before a worker that failed is replaced.
const PAUSE: Duration = Duration::from_secs(1);

/// Starts signs of life and the worker.
///
/// Downtime ends with the first sign of life: it comes before the first timer can fire, so that no
/// duty ends in a time in which nobody could do it.
pub(crate) async fn start(
    marketplace: &Marketplace,
    store: &dyn Store,
    drain: &Drain,
    tasks: &TaskTracker,
) -> Result<(), BootError> {
    store.heartbeat(uuid::Uuid::new_v4()).await?;
    tasks.spawn(Worker::heartbeat(marketplace.clone(), drain.stop.clone().cancelled_owned()));
    tasks.spawn(keep_working(marketplace.clone(), drain.stop.clone()));
    Ok(())
}

/// A worker that panics must not take the deadlines of all orders with it.
async fn keep_working(marketplace: Marketplace, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match Worker::new(marketplace.clone(), Pace::default()).await {
            Ok(worker) => {
                let running = tokio::spawn(worker.run(stop.clone().cancelled_owned()));
                if let Err(error) = running.await {
                    tracing::error!(%error, "the worker failed, another one takes over");
                }
            }
            Err(error) => tracing::warn!(%error, "no worker can start"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
