//! The whole server in the test's own process: a real database, real HTTP on loopback, the embedded
//! TEG, and a clock that the test moves.
//!
//! `MARKETPLACE_TEST_STORE` says which database: `sqlite` (as without it), or `postgres`, where each
//! test has a database of its own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use clap::Parser;
use marketplace_boot::{Overrides, Server, Settings};
use marketplace_contract_kit::ManualClock;
use marketplace_engine::{Pace, Worker};
use marketplace_money::{Seconds, Timestamp};
use marketplace_postgres_cluster::{Database, Template, shared};
use marketplace_registry::AgentKey;
use tempfile::TempDir;

use crate::load::{Agent, Connection, Reply};

#[derive(Parser)]
struct Wrapped {
    #[command(flatten)]
    settings: Settings,
}

/// A server of one test. It must be [`TestApp::finish`]ed: that is where money is counted.
pub struct TestApp {
    /// Its time; it stands still until it is moved.
    pub clock: ManualClock,
    server: Option<Server>,
    worker: Option<Worker>,
    folder: TempDir,
    flags: Vec<String>,
    /// Where it is not SQLite.
    database: Option<Database>,
    finished: bool,
}

/// Of a PostgreSQL database, among what a server leaves.
const DUMP: &str = "market.sql";
const SWITCH: &str = "MARKETPLACE_TEST_STORE";

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.stdout(Stdio::null()).status()?;
    anyhow::ensure!(status.success(), "{:?}: {status}", command.get_program());
    Ok(())
}

/// A database of one test, if the switch says so.
async fn database() -> anyhow::Result<Option<Database>> {
    match std::env::var(SWITCH).unwrap_or_default().as_str() {
        "" | "memory" | "sqlite" => Ok(None),
        "postgres" => tokio::task::spawn_blocking(in_postgres).await?.map(Some),
        other => anyhow::bail!("{SWITCH}={other}: sqlite or postgres"),
    }
}

fn in_postgres() -> anyhow::Result<Database> {
    let fill = |url: &str| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime on a thread of its own");
        runtime.block_on(marketplace_store_postgres::migrate(url)).expect("it migrates");
    };
    let content = marketplace_store_postgres::schema();
    Ok(shared().database(Template { content: &content, fill: &fill })?)
}

impl TestApp {
    /// Starts a server with these flags on an empty folder.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(flags: &[&str]) -> anyhow::Result<Self> {
        let clock = ManualClock::new(Timestamp::from_micros(1_800_000_000_000_000));
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let folder = tempfile::tempdir()?;
        let database = database().await?;
        let (server, worker) = (None, None);
        let mut app = Self { clock, server, worker, folder, flags, database, finished: false };
        app.open().await?;
        Ok(app)
    }

    /// Starts a server over a copy of what another one left (see [`TestApp::leave`]), at its time.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restored(left: &Path, at: Timestamp, flags: &[&str]) -> anyhow::Result<Self> {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let folder = tempfile::tempdir()?;
        for file in std::fs::read_dir(left)? {
            let file = file?;
            std::fs::copy(file.path(), folder.path().join(file.file_name()))?;
        }
        let database = match std::env::var(SWITCH).as_deref() {
            Ok("postgres") => {
                let database = shared().empty_database()?;
                let mut psql = Command::new("psql");
                psql.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname"]);
                run(psql.arg(database.url()).arg("--file").arg(left.join(DUMP)))?;
                Some(database)
            }
            _ => None,
        };
        let (clock, server, worker) = (ManualClock::new(at), None, None);
        let mut app = Self { clock, server, worker, folder, flags, database, finished: false };
        app.open().await?;
        Ok(app)
    }

    /// Stops the server and leaves its files in a folder, with a dump of its database where that is
    /// not a file.
    ///
    /// # Errors
    /// When something cannot be copied.
    pub async fn leave(mut self, to: &Path) -> anyhow::Result<()> {
        self.finished = true;
        self.stop().await;
        // What another release left would stay among it.
        let _ = std::fs::remove_dir_all(to);
        std::fs::create_dir_all(to)?;
        for file in std::fs::read_dir(self.folder.path())? {
            let file = file?;
            if file.path().extension().is_some_and(|extension| extension == "db") {
                std::fs::copy(file.path(), to.join(file.file_name()))?;
            }
        }
        let Some(database) = &self.database else { return Ok(()) };
        let mut dump = Command::new("pg_dump");
        dump.args(["--no-owner", "--no-privileges", "--rows-per-insert=100", "--dbname"]);
        run(dump.arg(database.url()).arg("--file").arg(to.join(DUMP)))
    }

    async fn open(&mut self) -> anyhow::Result<()> {
        let folder = self.folder.path().display().to_string();
        let mut flags = vec!["server", "--listen", "127.0.0.1:0", "--data-dir", &folder];
        // Tests trade more with one seller than strangers may; a test of the limit sets it.
        if !self.flags.iter().any(|flag| flag.starts_with("--exposure-base")) {
            flags.push("--exposure-base=off");
        }
        flags.extend(self.flags.iter().map(String::as_str));
        let url = self.database.as_ref().map(Database::url);
        flags.extend(url.iter().flat_map(|url| ["--database-url", url]));
        let settings = Wrapped::try_parse_from(flags)?.settings;
        let clock = self.clock.clone();
        let overrides = Overrides {
            clock: Some(Arc::new(move || clock.now())),
            run_worker: false,
            ..Overrides::default()
        };
        let server = Server::start(settings, overrides).await?;
        self.worker = Some(Worker::new(server.marketplace().clone(), Pace::default()).await?);
        self.server = Some(server);
        Ok(())
    }

    /// The running server.
    ///
    /// # Panics
    /// Never: it runs until the test is finished.
    #[must_use]
    pub fn server(&self) -> &Server {
        self.server.as_ref().expect("the server runs until the test is finished")
    }

    /// Stops the server gently and starts it again over the same files.
    ///
    /// # Errors
    /// When it does not start again.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop().await;
        self.open().await
    }

    async fn stop(&mut self) {
        self.worker = None;
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
    }

    /// A connection to it.
    ///
    /// # Errors
    /// When it does not accept one.
    pub async fn connect(&self) -> anyhow::Result<Connection> {
        Ok(Connection::open(self.server().addr()).await?)
    }

    /// An agent with a fresh key and an access token.
    ///
    /// # Errors
    /// When the server does not give one.
    pub async fn agent(&self) -> anyhow::Result<Agent> {
        self.enroll(&AgentKey::generate()?).await
    }

    /// An access token for a key.
    ///
    /// # Errors
    /// When the server does not give one.
    pub async fn enroll(&self, key: &AgentKey) -> anyhow::Result<Agent> {
        let audience = self.server().public_url().to_owned();
        Agent::enroll_key(&mut self.connect().await?, key, &audience, self.clock.now()).await
    }

    /// An agent that has had its share of the faucet.
    ///
    /// # Errors
    /// When the server says no.
    pub async fn rich_agent(&self) -> anyhow::Result<Agent> {
        let agent = self.agent().await?;
        let reply = self.post(&agent, "/api/v1/wallet/faucet", "{}").await?;
        anyhow::ensure!(reply.status == 200, "faucet: {}", reply.body);
        Ok(agent)
    }

    /// A POST as an agent.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn post(&self, agent: &Agent, path: &str, body: &str) -> anyhow::Result<Reply> {
        Ok(self.connect().await?.send("POST", path, Some(&agent.token), body).await?)
    }

    /// A GET as an agent.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn get(&self, agent: &Agent, path: &str) -> anyhow::Result<Reply> {
        Ok(self.connect().await?.send("GET", path, Some(&agent.token), "").await?)
    }

    /// Moves the clock, then works until nothing is left to do.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn pass(&mut self, time: Seconds) -> anyhow::Result<()> {
        self.clock.advance(time);
        if let Some(worker) = &mut self.worker {
            while worker.tick().await?.any() {}
        }
        Ok(())
    }

    /// Counts everything and stops: the books balance, the outbox is empty, the TEG holds what
    /// the books say.
    ///
    /// # Errors
    /// When any of that is not so.
    pub async fn finish(mut self) -> anyhow::Result<()> {
        self.finished = true;
        self.pass(Seconds(120)).await?;
        let audit = self.server().marketplace().audit().await?;
        anyhow::ensure!(audit.breaches().is_empty(), "{:?}", audit.breaches());
        anyhow::ensure!(audit.open_effects == 0, "{} effects are open", audit.open_effects);
        let reserves = self.server().marketplace().reserves().await?;
        anyhow::ensure!(reserves.held == reserves.booked, "{reserves:?}");
        self.stop().await;
        Ok(())
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !self.finished && !std::thread::panicking() {
            panic!("a TestApp was forgotten: call finish(), which counts the money");
        }
    }
}
