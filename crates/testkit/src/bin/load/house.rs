//! The servers of a run: those that are named, or some of our own.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use marketplace_postgres_cluster::Database;
use marketplace_registry::{AgentKey, secret_from_text};
use marketplace_testkit::load::{Fleet, FleetPlan, audit, durable_server};
use serde_json::Value;

use super::{Arguments, StoreKind};

/// Servers to trade at.
pub(crate) struct House {
    pub(crate) addresses: Vec<SocketAddr>,
    /// Whoever may ask for the audit.
    operator: Option<AgentKey>,
    audience: Option<String>,
    // Dropped in this order: the processes before their database.
    fleet: Option<Fleet>,
    _database: Option<Database>,
}

/// An audit reads everything that a long run left behind.
const REQUEST_TIMEOUT: &str = "600";
/// For the TEG and the books to agree when nobody trades any more.
const PATIENCE: Duration = Duration::from_secs(60);

impl House {
    pub(crate) async fn open(arguments: &Arguments) -> anyhow::Result<Self> {
        if arguments.url.is_empty() { own(arguments).await } else { named(arguments) }
    }

    /// Processes that we started, by their names.
    pub(crate) fn processes(&self) -> Vec<(String, u32)> {
        self.fleet.iter().flat_map(Fleet::processes).collect()
    }

    /// Asks for the audit until TEG and books agree; nothing where there is no operator's key.
    pub(crate) async fn audit(&self) -> anyhow::Result<Option<Value>> {
        let (Some(operator), Some(server)) = (&self.operator, self.addresses.first()) else {
            println!("no --operator-key: the audit is left out");
            return Ok(None);
        };
        let audience = self.audience.clone().unwrap_or_else(|| format!("http://{server}"));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = audit(*server, operator, &audience).await?;
            let reserves = &found["reserves"];
            if reserves["held"].is_string() && reserves["held"] == reserves["booked"] {
                return Ok(Some(found));
            }
            anyhow::ensure!(Instant::now() < deadline, "TEG and books do not agree: {found}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

async fn own(arguments: &Arguments) -> anyhow::Result<House> {
    let operator = AgentKey::generate()?;
    let operators = operator.did().to_string();
    let settings = [
        ("FAUCET", "on"),
        ("OPERATOR_DIDS", operators.as_str()),
        ("REQUEST_TIMEOUT_SECONDS", REQUEST_TIMEOUT),
    ];
    let database = match arguments.store {
        StoreKind::Sqlite => None,
        StoreKind::Postgres => Some(durable_server(false)?.empty_database()?),
    };
    let url = database.as_ref().map(Database::url);
    let several = database.is_some();
    let fleet = Fleet::start(FleetPlan {
        database: url.as_deref(),
        servers: if several { arguments.servers } else { 1 },
        workers: if several { arguments.workers } else { 0 },
        settings: &settings,
    })
    .await?;
    println!("{} server(s) and {} worker(s) are ready", fleet.servers.len(), fleet.workers.len());
    Ok(House {
        addresses: fleet.addresses(),
        operator: Some(operator),
        audience: None,
        fleet: Some(fleet),
        _database: database,
    })
}

fn named(arguments: &Arguments) -> anyhow::Result<House> {
    let addresses = arguments.url.iter().map(|url| address(url)).collect::<anyhow::Result<_>>()?;
    let audience = arguments.audience.clone();
    let first = arguments.url.first().map(|url| url.trim_end_matches('/').to_owned());
    Ok(House {
        addresses,
        operator: arguments.operator_key.as_deref().map(key).transpose()?,
        audience: audience.or(first),
        fleet: None,
        _database: None,
    })
}

fn address(url: &str) -> anyhow::Result<SocketAddr> {
    let host = url.strip_prefix("http://").with_context(|| format!("{url}: plain http:// only"))?;
    let host = host.trim_end_matches('/');
    let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    host.to_socket_addrs()?.next().with_context(|| format!("{url} has no address"))
}

fn key(path: &Path) -> anyhow::Result<AgentKey> {
    let what = || path.display().to_string();
    let file: Value = serde_json::from_slice(&std::fs::read(path).with_context(what)?)?;
    let secret = file["d"].as_str().and_then(secret_from_text).with_context(what)?;
    let did = file["did"].as_str().with_context(what)?.parse()?;
    Ok(AgentKey::from_secret(&secret).named(did))
}
