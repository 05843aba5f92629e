//! The running server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::serve::ListenerExt as _;
use marketplace_money::{Amount, Timestamp};
use marketplace_registry::{EmbeddedRegistry, RegistryServer};
use marketplace_teg::server::{KnownTokens, TegServer, with_faults};
use marketplace_teg::{EmbeddedTeg, EmbeddedTegSettings};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::callers::EdgeCallers;
use crate::{EdgeAuth, EdgeError, EdgeSettings};

const TEG_FILE: &str = "teg.db";
const REGISTRY_FILE: &str = "registry.db";
/// For requests that run when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// A server that serves. Dropping it stops it without waiting.
pub struct EdgeNode {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl EdgeNode {
    /// Opens the books and the directory, and serves.
    ///
    /// # Errors
    /// See [`EdgeError`]; then nothing runs.
    pub async fn start(settings: EdgeSettings) -> Result<Self, EdgeError> {
        settings.check()?;
        let router = open(&settings).await?;
        let bind_error = |source| EdgeError::Bind { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        let (stop, stopped) = watch::channel(false);
        let serving = serve(listener, router, stopped);
        tracing::info!(%address, owner = settings.owner, "serving: its tokens are play money");
        if settings.auth == EdgeAuth::Did {
            tracing::warn!("TEG_AUTH=did: whoever calls is believed");
        }
        if settings.faults || settings.fault_percent > 0 {
            let percent = settings.fault_percent;
            tracing::warn!(percent, seed = settings.fault_seed, "requests fail on purpose");
        }
        Ok(Self { address, stop, serving })
    }

    /// Where it serves.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops gently: running requests finish, the files close.
    ///
    /// # Errors
    /// When serving had failed before.
    pub async fn shutdown(mut self) -> Result<(), EdgeError> {
        // Nobody listens when serving has ended by itself.
        let _ = self.stop.send(true);
        match tokio::time::timeout(DRAIN, &mut self.serving).await {
            Ok(Ok(served)) => served.map_err(EdgeError::Serve),
            Ok(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
            Err(_) => {
                tracing::warn!("stopped with requests still running, their commits stand");
                self.serving.abort();
                Ok(())
            }
        }
    }
}

impl Drop for EdgeNode {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

async fn open(settings: &EdgeSettings) -> Result<Router, EdgeError> {
    let clock: marketplace_teg::Clock = Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    });
    let owner = settings.owner()?;
    let fee = settings.fee()?;
    let books = EmbeddedTegSettings {
        owner: owner.clone(),
        genesis: settings.genesis()?,
        // The server says what each transfer costs.
        transfer_fee: Amount::ZERO,
        faucet_open: settings.faucet_open(),
        clock: clock.clone(),
    };
    let path = settings.data_dir.join(TEG_FILE);
    let node = blocking(move || EmbeddedTeg::open(&path, books)).await?;
    let (path, reserved) = (settings.data_dir.join(REGISTRY_FILE), owner.clone());
    let directory = blocking(move || EmbeddedRegistry::open(&path, reserved)).await;
    let directory = Arc::new(directory.map_err(EdgeError::Registry)?);
    let registry = RegistryServer::new(directory, owner, settings.accounts()?, clock)?;
    let callers = EdgeCallers {
        registry: registry.clone(),
        known: KnownTokens(settings.tokens()?),
        bare_dids: settings.auth == EdgeAuth::Did,
    };
    let teg = marketplace_teg::server::router(TegServer {
        node: Arc::new(node),
        callers: Arc::new(callers),
        fee,
        service_token: settings.service_token.clone(),
    });
    let router = teg.merge(registry.router()).fallback(RegistryServer::not_found);
    Ok(match settings.faults()? {
        Some(faults) => with_faults(router, faults),
        None => router,
    })
}

fn serve(
    listener: TcpListener,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) -> JoinHandle<std::io::Result<()>> {
    // Answers are small: waiting for more to send would only add to their time.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let stop = async move {
        // An error says that the server was dropped.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stop).await })
}

/// Opening a file migrates and locks it: work for a thread that may wait.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// From now on listens to SIGINT and SIGTERM; what it returns resolves when one comes.
///
/// # Errors
/// When the system does not let us listen.
#[cfg(unix)]
pub fn stop_signal() -> Result<impl Future<Output = ()>, EdgeError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(EdgeError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(EdgeError::Signals)?;
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
pub fn stop_signal() -> Result<impl Future<Output = ()>, EdgeError> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
