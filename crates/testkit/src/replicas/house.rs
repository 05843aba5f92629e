//! The processes, and who kills them.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use marketplace_money::Did;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::ReplicasPlan;
use crate::load::{Connection, free_address};
use crate::sim::Rng;

const SERVERS: usize = 3;
const WORKERS: usize = 2;
const OWNER: &str = "did:agentvault:marketplace-v1";
/// Between two kills, in milliseconds.
const SHORTEST_PEACE: i64 = 150;
const LONGEST_PEACE: i64 = 700;
const PAUSE: Duration = Duration::from_millis(50);
/// For the first start, with migrations.
const START: Duration = Duration::from_secs(60);

/// A process that is started again whenever it is killed; gone when dropped.
struct Member {
    name: String,
    binary: PathBuf,
    arguments: Vec<String>,
    address: SocketAddr,
    folder: PathBuf,
    environment: Vec<(&'static str, String)>,
    child: Option<Child>,
}

impl Member {
    fn start(&mut self) -> anyhow::Result<()> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join(format!("{}.log", self.name)))?;
        let child = Command::new(&self.binary)
            .args(&self.arguments)
            .env("LOG_LEVEL", "warn")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        self.child = Some(child);
        Ok(())
    }

    fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// A process may also have ended by itself, when the database was not there at its start.
    fn start_if_ended(&mut self) -> anyhow::Result<()> {
        match self.child.as_mut().map(Child::try_wait).transpose()? {
            Some(None) => Ok(()),
            Some(Some(_)) | None => self.start(),
        }
    }

    async fn is_ready(&self) -> bool {
        let asked = async {
            let mut connection = Connection::open(self.address).await?;
            connection.send("GET", "/readyz", None, "").await
        };
        let reply = tokio::time::timeout(Duration::from_secs(2), asked).await;
        matches!(reply, Ok(Ok(reply)) if reply.status == 200)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// All processes but the database.
pub(super) struct House {
    /// Those that are killed: the servers first, then the workers.
    members: Arc<Mutex<Vec<Member>>>,
    addresses: Vec<SocketAddr>,
    _teg: Member,
}

/// The one who kills.
pub(super) struct Chaos {
    stop: Arc<AtomicBool>,
    task: JoinHandle<anyhow::Result<usize>>,
}

impl House {
    /// Starts the TEG, and then one after the other.
    pub(super) async fn open(
        plan: &ReplicasPlan,
        database: &str,
        operator: &Did,
    ) -> anyhow::Result<Self> {
        let mut teg = teg(plan)?;
        teg.start()?;
        wait_for(START, async || Connection::open(teg.address).await.is_ok()).await?;
        let environment = environment(database, &teg.address, operator);
        let mut members = Vec::new();
        for number in 0..SERVERS + WORKERS {
            let address = free_address()?;
            let (kind, binary, listen, more) = if number < SERVERS {
                ("server", &plan.server, "--listen", &["--no-worker"][..])
            } else {
                ("worker", &plan.worker, "--worker-listen", &[][..])
            };
            let mut member = Member {
                name: format!("{kind}-{number}"),
                binary: binary.clone(),
                arguments: vec![listen.to_owned(), address.to_string()],
                address,
                folder: plan.folder.clone(),
                environment: environment.clone(),
                child: None,
            };
            member.arguments.extend(more.iter().map(|word| (*word).to_owned()));
            member.start()?;
            wait_for(START, async || member.is_ready().await).await?;
            members.push(member);
        }
        let addresses = members.iter().take(SERVERS).map(|member| member.address).collect();
        Ok(Self { members: Arc::new(Mutex::new(members)), addresses, _teg: teg })
    }

    /// Of the servers.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Kills one after the other until it is stopped.
    pub(super) fn chaos(&self, seed: u64) -> Chaos {
        let stop = Arc::new(AtomicBool::new(false));
        let (members, stopped) = (self.members.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let (mut rng, mut kills) = (Rng::new(seed), 0);
            while !stopped.load(Ordering::SeqCst) {
                let peace = rng.within(SHORTEST_PEACE, LONGEST_PEACE);
                tokio::time::sleep(Duration::from_millis(u64::try_from(peace)?)).await;
                let mut members = members.lock().await;
                for member in members.iter_mut() {
                    member.start_if_ended()?;
                }
                let victim = rng.index(SERVERS + WORKERS);
                if let Some(member) = members.get_mut(victim) {
                    member.kill()?;
                    member.start()?;
                    kills += 1;
                }
            }
            Ok(kills)
        });
        Chaos { stop, task }
    }

    /// Waits until all are ready.
    pub(super) async fn is_well(&self, patience: Duration) -> anyhow::Result<()> {
        wait_for(patience, async || {
            let mut members = self.members.lock().await;
            for member in members.iter_mut() {
                if member.start_if_ended().is_err() || !member.is_ready().await {
                    return false;
                }
            }
            true
        })
        .await
    }
}

impl Chaos {
    /// Says how many were killed.
    pub(super) async fn stop(self) -> anyhow::Result<usize> {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await?
    }
}

fn teg(plan: &ReplicasPlan) -> anyhow::Result<Member> {
    let address = free_address()?;
    let words = ["--owner", OWNER, "--auth", "did", "--data-dir", "edge", "--listen"];
    let mut arguments: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    arguments.push(address.to_string());
    Ok(Member {
        name: "teg".to_owned(),
        binary: plan.teg.clone(),
        arguments,
        address,
        folder: folder(&plan.folder)?,
        environment: Vec::new(),
        child: None,
    })
}

fn folder(path: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(path)?;
    Ok(path.to_owned())
}

fn environment(database: &str, teg: &SocketAddr, operator: &Did) -> Vec<(&'static str, String)> {
    let teg = format!("http://{teg}");
    vec![
        ("AGENT_DID", OWNER.to_owned()),
        ("DATABASE_URL", database.to_owned()),
        ("OPERATOR_DIDS", operator.to_string()),
        ("PUBLIC_URL", super::clients::PUBLIC_URL.to_owned()),
        ("TEG_LAYER_URL", teg.clone()),
        ("REGISTRY_URL", teg),
        ("TEG_AUTH_MODE", "did".to_owned()),
        ("TEG_REQUESTS_PER_HOUR", "0".to_owned()),
        ("EXPOSURE_BASE", "off".to_owned()),
        ("TEG_TRANSFERS_PER_HOUR", "0".to_owned()),
    ]
}

async fn wait_for(patience: Duration, mut is_so: impl AsyncFnMut() -> bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if is_so().await {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    anyhow::bail!("a process does not get ready: see its log")
}
