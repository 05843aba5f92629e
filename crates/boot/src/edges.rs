//! Opens what the marketplace stands on: store, TEG, registry, fetcher, keys.

use std::sync::Arc;

use marketplace_api::Limits;
use marketplace_limits::{LocalLimiter, SharedLimiter};
use marketplace_money::Did;
use marketplace_ports::{Fetcher, Limiter, Notifier, Store, Teg};
use marketplace_registry::{FetchSettings, HttpFetcher, OwnKeys, random_key};
use marketplace_store_postgres::{Options, PostgresStore};
use marketplace_store_sqlite::SqliteStore;
use marketplace_teg::{
    EmbeddedTeg, EmbeddedTegSettings, FAUCET_GIFT, HttpTeg, HttpTegSettings, TegAuth,
};

use crate::claim::{self, Claim};
use crate::no_fetcher::NoFetcher;
use crate::ourselves::{self, Directory};
use crate::{
    BootError, Clock, Deployment, Overrides, RemoteTeg, SettingsError, TegAuthSetting, system_clock,
};

/// Everything that is open.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Store>,
    /// The right to embedded edges beside a store that several servers share.
    pub(crate) claim: Option<Claim>,
    pub(crate) teg: Arc<dyn Teg>,
    pub(crate) directory: Directory,
    pub(crate) own_keys: Arc<OwnKeys>,
    pub(crate) notifier: Arc<dyn Notifier>,
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
    let given_clock = overrides.clock.clone();
    let clock = overrides.clock.unwrap_or_else(system_clock);
    let store = match (overrides.store, &deployment.postgres) {
        (Some(store), _) => store,
        (None, Some(url)) => open_postgres(url, deployment, given_clock).await?,
        (None, None) => open_store(deployment, clock.clone()).await?,
    };
    let claim = match overrides.teg {
        Some(_) => None,
        None => claim::embedded_edges(deployment, &store).await?,
    };
    let directory = ourselves::open_directory(deployment).await?;
    let own_keys = ourselves::open_keys(deployment, &store, &clock).await?;
    let notifier = ourselves::open_notifier(deployment, &directory, &own_keys, &clock);
    let teg = match overrides.teg {
        Some(teg) => teg,
        None => open_teg(deployment, &directory, &store, clock.clone()).await?,
    };
    let keys = keys(store.as_ref()).await?;
    Ok(Opened {
        claim,
        store,
        teg,
        directory,
        own_keys,
        notifier,
        fetcher: open_fetcher(deployment),
        keys,
        clock,
    })
}

/// A Redis that is down now stops nothing here: the servers count by themselves until it is there.
pub(crate) fn open_limits(deployment: &Deployment) -> Result<Limits, BootError> {
    let limits = deployment.limits.clone();
    if limits.agent.is_none() && limits.address.is_none() {
        return Ok(limits);
    }
    let limiter: Arc<dyn Limiter> = match &deployment.redis {
        Some(url) => Arc::new(
            SharedLimiter::open(url)
                .map_err(|error| BootError::Settings(SettingsError::of("REDIS_URL", error)))?,
        ),
        None => Arc::new(LocalLimiter::default()),
    };
    Ok(Limits { limiter: Some(limiter), ..limits })
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

/// The clock is the database's own, unless a test has another.
async fn open_postgres(
    url: &str,
    deployment: &Deployment,
    clock: Option<Clock>,
) -> Result<Arc<dyn Store>, BootError> {
    let Deployment { writers, readers, .. } = *deployment;
    let store = PostgresStore::open(url, Options { writers, readers, clock }).await;
    Ok(Arc::new(store.map_err(|error| BootError::Store(error.into()))?))
}

async fn open_store(deployment: &Deployment, clock: Clock) -> Result<Arc<dyn Store>, BootError> {
    let path = deployment.database.clone();
    let store = blocking(move || SqliteStore::open(&path, clock)).await;
    Ok(Arc::new(store.map_err(|error| BootError::Store(error.into()))?))
}

async fn open_teg(
    deployment: &Deployment,
    directory: &Directory,
    store: &Arc<dyn Store>,
    clock: Clock,
) -> Result<Arc<dyn Teg>, BootError> {
    if let Some(remote) = &deployment.teg_http {
        // Servers and workers are one agent to the TEG.
        let shared = store.is_shared().then(|| store.clone());
        return remote_teg(remote, deployment, directory, shared, clock);
    }
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

/// The client of a TEG elsewhere. Nothing is called yet: a TEG that is down now stops nothing here.
fn remote_teg(
    remote: &RemoteTeg,
    deployment: &Deployment,
    directory: &Directory,
    shared: Option<Arc<dyn Store>>,
    clock: Clock,
) -> Result<Arc<dyn Teg>, BootError> {
    let auth = match (remote.auth, directory.tokens(), &remote.token) {
        (TegAuthSetting::Registry, Some(tokens), _) => TegAuth::Registry(tokens),
        (TegAuthSetting::Static, _, Some(token)) => TegAuth::Static(token.clone()),
        (TegAuthSetting::Did, ..) => TegAuth::Did,
        // The settings were checked: this is a mode without what it needs.
        (TegAuthSetting::Registry | TegAuthSetting::Static, ..) => {
            let problem = SettingsError::of("TEG_AUTH_MODE", "has no token to show");
            return Err(BootError::Settings(problem));
        }
    };
    let settings = HttpTegSettings {
        rail: remote.rail.clone(),
        service_token: remote.service_token.clone(),
        reputation_scale: remote.reputation_scale,
        limits: remote.limits,
        shared,
        faucet_open: deployment.faucet_open,
        ..HttpTegSettings::new(&remote.url, Did::clone(&deployment.config.did), auth, clock)
    };
    Ok(Arc::new(HttpTeg::new(settings)?))
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
