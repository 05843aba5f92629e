//! Telling the endpoints that agents named: webhooks, and push notifications of A2A.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use marketplace_a2a::Pushes;
use marketplace_engine::{Dispatcher, Error, Hook, HookKind, Marketplace, Scribe, Written};
use marketplace_ports::{SealedEvent, TaskKey};
use marketplace_registry::{FetchSettings, HttpCourier, OwnKeys};
use marketplace_wire::EventScribe;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Deployment;

/// For one letter, all of it.
const LETTER_TIME: Duration = Duration::from_secs(10);
const CONNECT_TIME: Duration = Duration::from_secs(3);
/// Before a dispatcher that failed is replaced.
const PAUSE: Duration = Duration::from_secs(1);

/// Each protocol's own words.
struct Scribes {
    pushes: Pushes,
}

#[async_trait]
impl Scribe for Scribes {
    async fn write(
        &self,
        key: &TaskKey,
        hook: &Hook,
        event: &SealedEvent,
    ) -> Result<Written, Error> {
        match hook.kind {
            HookKind::Webhook => EventScribe.write(key, hook, event).await,
            HookKind::Push { .. } => self.pushes.write(key, hook, event).await,
        }
    }
}

/// Starts telling, until `stop`.
pub(crate) fn tell(
    deployment: &Deployment,
    marketplace: &Marketplace,
    keys: &Arc<OwnKeys>,
    public_url: &str,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) {
    let settings = FetchSettings {
        allow_private: deployment.fetch_private_addresses,
        connect_timeout: CONNECT_TIME,
        total_timeout: LETTER_TIME,
    };
    let courier = match HttpCourier::new(settings, keys.clone()) {
        Ok(courier) => Arc::new(courier),
        Err(error) => return tracing::warn!(%error, "no webhook can be told"),
    };
    let pushes = Pushes { marketplace: marketplace.clone(), public_url: public_url.to_owned() };
    let scribes = Arc::new(Scribes { pushes });
    let (marketplace, stop) = (marketplace.clone(), stop.clone());
    tasks.spawn(async move {
        while !stop.is_cancelled() {
            let made = Dispatcher::new(marketplace.clone(), courier.clone(), scribes.clone()).await;
            match made {
                Ok(dispatcher) => {
                    let running = tokio::spawn(dispatcher.run(stop.clone().cancelled_owned()));
                    if let Err(error) = running.await {
                        tracing::error!(%error, "what tells hooks failed, another one takes over");
                    }
                }
                Err(error) => tracing::warn!(%error, "hooks cannot be told"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    });
}
