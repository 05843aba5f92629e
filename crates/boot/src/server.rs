//! A running server: opened, served, drained.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use axum::{Router, middleware};
use marketplace_a2a::{A2a, Cards, Trade};
use marketplace_api::{ApiSettings, App};
use marketplace_engine::{Edges, Marketplace, Measures, Pace, RandomIds};
use marketplace_mcp::Mcp;
use marketplace_ports::{Store, Teg};
use marketplace_registry::{LocalIdentity, RegistryObserver};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::drain::{Drain, release_readers};
use crate::edges::{self, Opened};
use crate::opening::{self, Opening};
use crate::{BootError, Clock, Deployment, Settings, figures, hooks, ourselves, work};

/// What tests put in the place of the real thing.
pub struct Overrides {
    /// Instead of the system's clock.
    pub clock: Option<Clock>,
    /// Instead of the embedded TEG.
    pub teg: Option<Arc<dyn Teg>>,
    /// Instead of the database of the settings.
    pub store: Option<Arc<dyn Store>>,
    /// Whether timers, outbox, payouts (unless the settings leave them to others) and signs of life
    /// run by themselves; else the caller works
    /// with a `Worker` of the engine of its own.
    pub run_worker: bool,
}

impl Default for Overrides {
    fn default() -> Self {
        Self { clock: None, teg: None, store: None, run_worker: true }
    }
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Every request was answered, every file is closed.
    Clean,
    /// Some requests were still running when the time to drain was over. What they committed
    /// stands.
    CutOff,
}

/// A server that serves. Dropping it without [`Server::shutdown`] stops it too, without waiting.
pub struct Server {
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    public_url: String,
    marketplace: Option<Marketplace>,
    store: Option<Arc<dyn Store>>,
    teg: Option<Arc<dyn Teg>>,
    drain: Drain,
    drain_time: Duration,
    serving: Option<JoinHandle<std::io::Result<()>>>,
    tasks: TaskTracker,
}

impl Server {
    /// Opens everything, starts the worker, and serves. When it returns, requests are answered.
    ///
    /// # Errors
    /// See [`BootError`]; then nothing runs.
    pub async fn start(settings: Settings, overrides: Overrides) -> Result<Self, BootError> {
        let deployment = settings.resolve()?;
        settings.print_masked(&deployment);
        for warning in &deployment.warnings {
            tracing::warn!("{warning}");
        }
        let setting = "LISTEN_ADDR";
        let bind_error = |source| BootError::Bind { address: deployment.listen, setting, source };
        let listener = TcpListener::bind(deployment.listen).await.map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        let figures = figures::bind(&deployment).await?;
        let metrics = figures.as_ref().and_then(|listener| listener.local_addr().ok());
        let run_worker = overrides.run_worker;
        let mut opened = edges::open(&deployment, overrides).await?;
        let marketplace = open_marketplace(&deployment, &opened).await?;
        let drain = Drain::new();
        let tasks = TaskTracker::new();
        let opening = opening::try_now(&marketplace, &deployment).await?;
        work::read_listings(&marketplace, &drain.stop, &tasks).await;
        if run_worker {
            work::live(&marketplace, opened.store.as_ref(), &drain.stop, &tasks).await?;
        }
        work::follow(&marketplace, &drain.stop, &tasks);
        if let Some(claim) = opened.claim.take() {
            tasks.spawn(claim.keep(drain.stop.clone()));
        }
        let public_url =
            deployment.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
        let app = app(&deployment, &opened, &marketplace, &drain, address, &public_url)?;
        tasks.spawn(stay_known(&deployment, &opened, &public_url, &drain));
        let pace = (run_worker && !deployment.no_worker).then(|| deployment.pace());
        if pace.is_some() {
            let keys = &opened.own_keys;
            hooks::tell(&deployment, &marketplace, keys, &public_url, &drain.stop, &tasks);
        }
        begin(opening, &marketplace, pace, &drain, &tasks);
        let serving = serve(listener, figures, app, &drain, &tasks);
        tracing::info!(%address, public_url, did = %deployment.config.did, "serving");
        Ok(Self {
            address,
            metrics,
            public_url,
            marketplace: Some(marketplace),
            store: Some(opened.store),
            teg: Some(opened.teg),
            drain,
            drain_time: deployment.drain,
            serving: Some(serving),
            tasks,
        })
    }

    /// Where it serves.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Where it shows its figures, if not there.
    #[must_use]
    pub const fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// How agents reach it.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// The marketplace behind it.
    ///
    /// # Panics
    /// Never: it is there until the shutdown, which takes the server.
    #[must_use]
    pub fn marketplace(&self) -> &Marketplace {
        self.marketplace.as_ref().expect("only shutdown takes it, and shutdown takes the server")
    }

    /// Stops gently: no new connections, running requests finish, the worker stops, the files
    /// close. Cancels no order: after a restart everything is where it was.
    pub async fn shutdown(mut self) -> Stopped {
        let deadline = Instant::now() + self.drain_time;
        tracing::info!("stopping");
        self.drain.begin();
        self.marketplace().end_streams();
        let mut clean = true;
        if let Some(serving) = self.serving.take() {
            clean &= matches!(tokio::time::timeout_at(deadline, serving).await, Ok(Ok(Ok(()))));
        }
        self.tasks.close();
        clean &= tokio::time::timeout_at(deadline, self.tasks.wait()).await.is_ok();
        drop(self.marketplace.take());
        clean &= closed(self.teg.take(), deadline).await;
        clean &= closed(self.store.take(), deadline).await;
        if clean {
            tracing::info!("stopped");
            return Stopped::Clean;
        }
        tracing::warn!("stopped with requests still running, their commits stand");
        Stopped::CutOff
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(marketplace) = &self.marketplace {
            marketplace.end_streams();
        }
        self.drain.begin();
    }
}

/// Takes part, at once or when the books are open.
fn begin(
    opening: Opening,
    marketplace: &Marketplace,
    pace: Option<Pace>,
    drain: &Drain,
    tasks: &TaskTracker,
) {
    if opening != Opening::Done {
        let later = opening::stake_later(marketplace.clone(), drain.stop.clone());
        tasks.spawn(later);
    }
    let start = {
        let (marketplace, drain, tasks) = (marketplace.clone(), drain.clone(), tasks.clone());
        move || {
            if let Some(pace) = pace {
                work::work(&marketplace, pace, &drain.stop, &tasks);
            }
            drain.open();
        }
    };
    let Opening::Waiting(reason) = opening else {
        // Whoever waits at the port already must not be told that we are not ready.
        return start();
    };
    let (marketplace, stop) = (marketplace.clone(), drain.stop.clone());
    tasks.spawn(async move {
        if opening::keep_trying(&marketplace, reason, &stop).await {
            start();
        }
    });
}

/// Makes ourselves known beside everything else.
fn stay_known(
    deployment: &Deployment,
    opened: &Opened,
    public_url: &str,
    drain: &Drain,
) -> impl Future<Output = ()> + use<> {
    let did = deployment.config.did.as_str();
    let card = ourselves::card(&deployment.manifest(public_url), did, public_url);
    let publishes = deployment
        .registry_http
        .as_ref()
        .is_some_and(|registry| registry.credentials.is_some() || registry.developer_key.is_some());
    ourselves::stay_known(
        opened.own_keys.clone(),
        opened.directory.clone(),
        public_url.to_owned(),
        publishes.then_some(card),
        opened.clock.clone(),
        drain.stop.clone(),
    )
}

pub(crate) async fn open_marketplace(
    deployment: &Deployment,
    opened: &Opened,
) -> Result<Marketplace, BootError> {
    let edges = Edges {
        store: opened.store.clone(),
        teg: opened.teg.clone(),
        fetcher: opened.fetcher.clone(),
        notifier: opened.notifier.clone(),
        ids: Arc::new(RandomIds),
    };
    let marketplace = Marketplace::start(deployment.config.clone(), edges);
    if let Some(remote) = &opened.directory.remote {
        remote.observe(Arc::new(CountedRegistry(marketplace.measures().clone())));
    }
    marketplace.open_store().await?;
    // What ends from here on is heard as it happens; ranking and suggestions wait for the rest, the
    // server does not.
    let (learner, until) = (marketplace.clone(), marketplace.now().await?);
    tokio::spawn(async move {
        if let Err(error) = learner.learn_from_history(until).await {
            tracing::warn!(%error, "searches do not know the orders of the past");
        }
    });
    Ok(marketplace)
}

/// What the registry is asked counts among the other edges.
struct CountedRegistry(Measures);

impl RegistryObserver for CountedRegistry {
    fn asked(&self, verb: &'static str, outcome: &'static str) {
        self.0.called("registry", verb, outcome);
    }

    fn looked(&self, knew: bool) {
        self.0.looked("registry", knew);
    }
}

fn app(
    deployment: &Deployment,
    opened: &Opened,
    marketplace: &Marketplace,
    drain: &Drain,
    address: SocketAddr,
    public_url: &str,
) -> Result<Arc<App>, BootError> {
    let own_did = deployment.config.did.clone();
    let registry = opened.directory.registry.clone();
    let identity =
        LocalIdentity::new(own_did, Some(public_url), &opened.keys.access, registry.clone())
            .with_web(opened.fetcher.clone());
    Ok(Arc::new(App {
        marketplace: marketplace.clone(),
        identity: Arc::new(identity),
        registry,
        signed_by: Arc::new(|did, digest, signature| {
            marketplace_registry::decode_did_key(did)
                .is_ok_and(|key| marketplace_registry::verify_signature(&key, digest, signature))
        }),
        packet_text: Arc::new(marketplace_store_rows::packet_text),
        keys: opened.own_keys.clone(),
        settings: ApiSettings {
            auth_mode: deployment.auth_mode,
            public_url: public_url.to_owned(),
            listen: address,
            manifest: deployment.manifest(public_url),
            request_timeout: deployment.request_timeout,
        },
        limits: edges::open_limits(deployment)?,
        quote_key: opened.keys.quotes,
        ready: drain.ready.clone(),
        clock: opened.clock.clone(),
    }))
}

/// The other protocols over the same engine.
fn bindings(app: &Arc<App>) -> Router {
    let (settings, keys) = (&app.settings, app.keys.clone());
    let a2a = A2a {
        marketplace: app.marketplace.clone(),
        door: app.clone(),
        behaviour: Arc::new(Trade { quote_key: app.quote_key }),
        cards: Arc::new(Cards::new(&settings.manifest, &settings.public_url, true, keys)),
        settings: marketplace_a2a::Settings {
            public_url: settings.public_url.clone(),
            pushes: true,
            // Its answer comes before the request's time is over.
            longest_wait: settings.request_timeout.saturating_sub(Duration::from_secs(2)),
        },
        clock: app.clock.clone(),
    };
    let mcp = Mcp { marketplace: app.marketplace.clone(), quote_key: app.quote_key };
    marketplace_a2a::router(Arc::new(a2a)).merge(marketplace_mcp::router(mcp, app.clone()))
}

fn serve(
    listener: TcpListener,
    figures: Option<TcpListener>,
    app: Arc<App>,
    drain: &Drain,
    tasks: &TaskTracker,
) -> JoinHandle<std::io::Result<()>> {
    let stop = || drain.stop.clone().cancelled_owned();
    let bindings = bindings(&app);
    let mut router = marketplace_api::router(app, bindings)
        .layer(middleware::from_fn_with_state(drain.clone(), opening::hold_back))
        .layer(middleware::from_fn_with_state(drain.clone(), release_readers));
    if let Some(listener) = figures {
        let (outside, inside) = figures::apart(router);
        router = outside;
        let stop = stop();
        tasks
            .spawn(async move { axum::serve(listener, inside).with_graceful_shutdown(stop).await });
    }
    // Answers are small: waiting for more to send would only add to their time.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let stop = stop();
    tokio::spawn(async move { axum::serve(listener, service).with_graceful_shutdown(stop).await })
}

/// Waits until nobody else holds it, then closes it where closing may wait for the disk. Only then
/// may another server open the file.
pub(crate) async fn closed<T: ?Sized + Send + Sync + 'static>(
    held: Option<Arc<T>>,
    by: Instant,
) -> bool {
    let Some(held) = held else { return true };
    while Arc::strong_count(&held) > 1 {
        if Instant::now() >= by {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    tokio::task::spawn_blocking(move || drop(held)).await.is_ok()
}
