//! The embedded TEG and registry keep their data in files of one server. Beside a database that
//! several servers share, one of them may have such files: others would have other tokens under
//! the same names.

use std::sync::Arc;
use std::time::Duration;

use marketplace_money::Seconds;
use marketplace_ports::{Lease, Store};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{BootError, Deployment};

const NAME: &str = "embedded-edges";
const LEASE: Seconds = Seconds(30);
const RENEW: Duration = Duration::from_secs(5);
/// A server that died a moment ago holds its claim until the lease ends.
const PATIENCE: u32 = 35;

/// Held as long as the server runs.
pub(crate) struct Claim {
    store: Arc<dyn Store>,
    lease: Lease,
}

/// Claims embedded edges for this server, where a claim is needed.
pub(crate) async fn embedded_edges(
    deployment: &Deployment,
    store: &Arc<dyn Store>,
) -> Result<Option<Claim>, BootError> {
    let embedded = deployment.teg_http.is_none() || deployment.registry_http.is_none();
    if !embedded || deployment.postgres.is_none() {
        return Ok(None);
    }
    let claim =
        Claim { store: store.clone(), lease: Lease { owner: Uuid::new_v4(), duration: LEASE } };
    for second in 0..PATIENCE {
        if claim.renew().await? {
            return Ok(Some(claim));
        }
        if second == 0 {
            tracing::info!("another server has the embedded TEG: waiting, it may be gone");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Err(BootError::EmbeddedElsewhere)
}

impl Claim {
    async fn renew(&self) -> Result<bool, BootError> {
        Ok(self.store.lease_job(NAME, self.lease).await?)
    }

    /// Keeps the claim until the server stops, then gives it back.
    pub(crate) async fn keep(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep(RENEW) => {}
            }
            match self.renew().await {
                Ok(true) => {}
                Ok(false) => tracing::error!("another server took over the embedded TEG: stop it"),
                Err(error) => {
                    tracing::warn!(%error, "the claim on the embedded TEG is not renewed");
                }
            }
        }
        if let Err(error) = self.store.release_leases(self.lease.owner).await {
            tracing::warn!(%error, "the claim on the embedded TEG waits for its end");
        }
    }
}
