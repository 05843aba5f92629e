//! Opens what the marketplace stands on: store, TEG, registry, fetcher, keys.

use std::sync::Arc;

use marketplace_money::Did;
use marketplace_ports::{Fetcher, Registry, Store, Teg};
use marketplace_registry::{EmbeddedRegistry, FetchSettings, HttpFetcher, random_key};
use marketplace_store_sqlite::SqliteStore;
use marketplace_teg::{EmbeddedTeg, EmbeddedTegSettings, FAUCET_GIFT};

use crate::no_fetcher::NoFetcher;
use crate::{BootError, Clock, Deployment, Overrides, system_clock};

/// Everything that is open.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) teg: Arc<dyn Teg>,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) fetcher: Arc<dyn Fetcher>,
    pub(crate) keys: Keys,
    pub(crate) clock: Clock,
}

/// Secrets that all servers of one store share.
pub(crate) struct Keys {
    /// Signs access tokens.
    pub(crate) access: [u8; 32],
    /// Signs quotes.
    pub(crate) quotes: [u8; 32],
}

/// Opens everything, or nothing.
pub(crate) async fn open(
    deployment: &Deployment,
    overrides: Overrides,
) -> Result<Opened, BootError> {
    let clock = overrides.clock.unwrap_or_else(system_clock);
    let store = match overrides.store {
        Some(store) => store,
        None => open_store(deployment, clock.clone()).await?,
    };
    let teg = match overrides.teg {
        Some(teg) => teg,
        None => open_teg(deployment, clock.clone()).await?,
    };
    let (path, did) = (deployment.registry.clone(), deployment.config.did.clone());
    let registry = blocking(move || EmbeddedRegistry::open(&path, did)).await;
    let keys = keys(store.as_ref()).await?;
    Ok(Opened {
        store,
        teg,
        registry: Arc::new(registry.map_err(BootError::Registry)?),
        fetcher: open_fetcher(deployment),
        keys,
        clock,
    })
}

/// Without CA certificates there is no HTTPS, which is no reason to have no market.
fn open_fetcher(deployment: &Deployment) -> Arc<dyn Fetcher> {
    let allow_private = deployment.fetch_private_addresses;
    match HttpFetcher::new(FetchSettings { allow_private, ..FetchSettings::default() }) {
        Ok(fetcher) => Arc::new(fetcher),
        Err(error) => {
            tracing::warn!(%error, "deliveries behind URLs cannot be fetched");
            Arc::new(NoFetcher { reason: error.to_string() })
        }
    }
}

async fn open_store(deployment: &Deployment, clock: Clock) -> Result<Arc<dyn Store>, BootError> {
    let path = deployment.database.clone();
    let store = blocking(move || SqliteStore::open(&path, clock)).await;
    Ok(Arc::new(store.map_err(|error| BootError::Store(error.into()))?))
}

async fn open_teg(deployment: &Deployment, clock: Clock) -> Result<Arc<dyn Teg>, BootError> {
    let config = &deployment.config;
    let settings = EmbeddedTegSettings {
        owner: Did::clone(&config.did),
        // Enough for the stake, and something to pay the TEG's own fees from.
        genesis: config.stake.checked_add(FAUCET_GIFT).unwrap_or(config.stake),
        transfer_fee: marketplace_money::Amount::ZERO,
        faucet_open: deployment.faucet_open,
        clock,
    };
    let path = deployment.teg.clone();
    Ok(Arc::new(blocking(move || EmbeddedTeg::open(&path, settings)).await?))
}

async fn keys(store: &dyn Store) -> Result<Keys, BootError> {
    let key = async |name: &str| -> Result<[u8; 32], BootError> {
        let fresh = random_key()?;
        Ok(store.secret(name, fresh).await?)
    };
    Ok(Keys { access: key("access-tokens").await?, quotes: key("quotes").await? })
}

/// Opening a file migrates and locks it: work for a thread that may wait.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
