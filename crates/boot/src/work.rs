//! What runs beside requests: the follower of the feed, signs of life, and a worker.

use std::time::Duration;

use marketplace_engine::{Marketplace, Pace, Worker};
use marketplace_ports::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::BootError;

/// Before a worker that failed is replaced.
const PAUSE: Duration = Duration::from_secs(1);
/// So long a start waits for its listings to be read; over a larger market it serves meanwhile, and
/// searches are refused as not ready until all is read.
const READING: Duration = Duration::from_secs(2);
/// The listings in memory follow the feed. Should it ever have lost one, this mends it.
const READ_AGAIN: Duration = Duration::from_secs(24 * 3_600);

/// Hears what other servers commit.
pub(crate) fn follow(marketplace: &Marketplace, stop: &CancellationToken, tasks: &TaskTracker) {
    let (marketplace, stop) = (marketplace.clone(), stop.clone().cancelled_owned());
    tasks.spawn(async move { marketplace.follow(stop).await });
}

/// Reads the listings into memory, and again each day, while the old ones go on being found.
pub(crate) async fn read_listings(
    marketplace: &Marketplace,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) {
    let (read, mut first) = tokio::sync::oneshot::channel();
    tasks.spawn(keep_reading(marketplace.clone(), stop.clone(), read));
    let _ = tokio::time::timeout(READING, &mut first).await;
}

async fn keep_reading(
    marketplace: Marketplace,
    stop: CancellationToken,
    read: tokio::sync::oneshot::Sender<()>,
) {
    let mut read = Some(read);
    loop {
        let built = tokio::select! {
            () = stop.cancelled() => return,
            built = marketplace.build_catalog() => built,
        };
        let pause = match built {
            Ok(()) => {
                // Who waited longer than it wanted to is gone.
                let _ = read.take().map(|read| read.send(()));
                READ_AGAIN
            }
            Err(error) => {
                tracing::warn!(%error, "the listings cannot be read now");
                PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Starts signs of life, which only servers give.
///
/// Downtime ends with the first one: it comes before the first timer can fire, so that no duty ends
/// in a time in which nobody could do it.
pub(crate) async fn live(
    marketplace: &Marketplace,
    store: &dyn Store,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<(), BootError> {
    store.heartbeat(uuid::Uuid::new_v4()).await?;
    tasks.spawn(Worker::heartbeat(marketplace.clone(), stop.clone().cancelled_owned()));
    Ok(())
}

/// Starts a worker, and another one should it fail.
pub(crate) fn work(
    marketplace: &Marketplace,
    pace: Pace,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) {
    tasks.spawn(keep_working(marketplace.clone(), pace, stop.clone()));
}

/// A worker that panics must not take the deadlines of all orders with it.
async fn keep_working(marketplace: Marketplace, pace: Pace, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match Worker::new(marketplace.clone(), pace).await {
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
