//! A worker in a process of its own: what servers do beside requests, and nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use marketplace_api::{METRICS_TYPE, worker_metrics};
use marketplace_engine::{Marketplace, Pace};
use marketplace_ports::{Store, Teg};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::opening::{self, Opening};
use crate::server::{closed, open_marketplace};
use crate::{BootError, Overrides, Settings, Stopped, edges, hooks, work};

/// A store that takes longer to tell the time is no store to work with.
const PATIENCE: Duration = Duration::from_secs(2);

/// A running worker. It gives no signs of life: whether servers run decides on downtime, a worker
/// can do nobody's duty.
pub struct WorkerProcess {
    address: SocketAddr,
    marketplace: Option<Marketplace>,
    store: Option<Arc<dyn Store>>,
    teg: Option<Arc<dyn Teg>>,
    stop: CancellationToken,
    ready: Arc<AtomicBool>,
    drain_time: Duration,
    serving: Option<JoinHandle<std::io::Result<()>>>,
    tasks: TaskTracker,
}

impl WorkerProcess {
    /// Opens the shared database and the edges, starts to work, and tells how it is at `listen`.
    ///
    /// # Errors
    /// See [`BootError`]; [`BootError::NothingShared`] when it could not see what servers see.
    pub async fn start(
        settings: Settings,
        listen: SocketAddr,
        overrides: Overrides,
    ) -> Result<Self, BootError> {
        let deployment = settings.resolve()?;
        let own_files = deployment.teg_http.is_none() || deployment.registry_http.is_none();
        let is_given = overrides.store.is_some() && overrides.teg.is_some();
        if !is_given && (deployment.postgres.is_none() || own_files) {
            return Err(BootError::NothingShared);
        }
        settings.print_masked(&deployment);
        let bind_error = |source| {
            let setting = "WORKER_LISTEN_ADDR";
            BootError::Bind { address: listen, setting, source }
        };
        let listener = TcpListener::bind(listen).await.map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        let opened = edges::open(&deployment, overrides).await?;
        let marketplace = open_marketplace(&deployment, &opened).await?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        work::follow(&marketplace, &stop, &tasks);
        work::read_listings(&marketplace, &stop, &tasks).await;
        let ready = Arc::new(AtomicBool::new(false));
        let opening = opening::try_now(&marketplace, &deployment).await?;
        begin(opening, &marketplace, deployment.pace(), &ready, &stop, &tasks);
        let public_url = deployment.public_url.clone();
        let public_url = public_url.unwrap_or_else(|| format!("http://{}", deployment.listen));
        hooks::tell(&deployment, &marketplace, &opened.own_keys, &public_url, &stop, &tasks);
        let health = Arc::new(Health {
            marketplace: marketplace.clone(),
            ready: ready.clone(),
            started: Instant::now(),
        });
        let serving = serve(listener, health, stop.clone());
        tracing::info!(%address, "working");
        Ok(Self {
            address,
            marketplace: Some(marketplace),
            store: Some(opened.store),
            teg: Some(opened.teg),
            stop,
            ready,
            drain_time: deployment.drain,
            serving: Some(serving),
            tasks,
        })
    }

    /// Where it tells how it is.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops gently: finishes what it is at, gives back the rest, closes everything.
    pub async fn shutdown(mut self) -> Stopped {
        let deadline = tokio::time::Instant::now() + self.drain_time;
        tracing::info!("stopping");
        self.ready.store(false, Ordering::SeqCst);
        self.stop.cancel();
        self.tasks.close();
        let mut clean = tokio::time::timeout_at(deadline, self.tasks.wait()).await.is_ok();
        if let Some(serving) = self.serving.take() {
            clean &= matches!(tokio::time::timeout_at(deadline, serving).await, Ok(Ok(Ok(()))));
        }
        drop(self.marketplace.take());
        clean &= closed(self.teg.take(), deadline).await;
        clean &= closed(self.store.take(), deadline).await;
        if clean { Stopped::Clean } else { Stopped::CutOff }
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Works, at once or when the books are open. The stake is the servers' to fill up.
fn begin(
    opening: Opening,
    marketplace: &Marketplace,
    pace: Pace,
    ready: &Arc<AtomicBool>,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) {
    let start = {
        let (marketplace, ready) = (marketplace.clone(), ready.clone());
        let (stop, tasks) = (stop.clone(), tasks.clone());
        move || {
            work::work(&marketplace, pace, &stop, &tasks);
            ready.store(!stop.is_cancelled(), Ordering::SeqCst);
        }
    };
    let Opening::Waiting(reason) = opening else { return start() };
    let (marketplace, stop) = (marketplace.clone(), stop.clone());
    tasks.spawn(async move {
        if opening::keep_trying(&marketplace, reason, &stop).await {
            start();
        }
    });
}

struct Health {
    marketplace: Marketplace,
    ready: Arc<AtomicBool>,
    started: Instant,
}

fn serve(
    listener: TcpListener,
    health: Arc<Health>,
    stop: CancellationToken,
) -> JoinHandle<std::io::Result<()>> {
    let router = Router::new()
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(health);
    let stopped = stop.cancelled_owned();
    tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await })
}

async fn readyz(State(health): State<Arc<Health>>) -> (StatusCode, &'static str) {
    if !health.ready.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping, or waiting for the TEG\n");
    }
    match tokio::time::timeout(PATIENCE, health.marketplace.now()).await {
        Ok(Ok(_)) => (StatusCode::OK, "ready\n"),
        Ok(Err(_)) | Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"),
    }
}

async fn metrics(State(health): State<Arc<Health>>) -> impl IntoResponse {
    let ready = health.ready.load(Ordering::Relaxed);
    let text = worker_metrics(&health.marketplace, ready, health.started).await;
    ([(header::CONTENT_TYPE, METRICS_TYPE)], text)
}
