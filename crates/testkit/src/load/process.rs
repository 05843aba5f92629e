//! The server as a process of its own, as an operator runs it.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::http::Connection;

/// A start takes less, but for one over very many listings.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; killed when dropped.
pub struct ServerProcess {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl ServerProcess {
    /// Starts `binary` on a free port of loopback over the data of `folder`, and waits until it is
    /// ready.
    ///
    /// # Errors
    /// When it does not start or does not get ready in 60 s.
    pub async fn start(
        binary: &Path,
        folder: &Path,
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        Self::start_within(PATIENCE, binary, folder, environment).await
    }

    /// As [`ServerProcess::start`], over data that takes longer to read.
    ///
    /// # Errors
    /// When it does not start or does not get ready in time.
    pub async fn start_within(
        patience: Duration,
        binary: &Path,
        folder: &Path,
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        Self::launch(binary, "--listen", folder, environment, patience).await
    }

    /// A worker, which tells on its own address how it is.
    ///
    /// # Errors
    /// When it does not start or does not get ready in 60 s.
    pub async fn start_worker(
        binary: &Path,
        folder: &Path,
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        Self::launch(binary, "--worker-listen", folder, environment, PATIENCE).await
    }

    async fn launch(
        binary: &Path,
        listen: &str,
        folder: &Path,
        environment: &[(&str, &str)],
        patience: Duration,
    ) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut child = Command::new(binary)
            .args([listen, &address.to_string()])
            .env("DATA_DIR", folder)
            .env("LOG_LEVEL", "warn")
            .envs(environment.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(errors) = child.stderr.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(errors).lines().map_while(Result::ok) {
                    eprintln!("    server: {line}");
                }
            });
        }
        let mut process = Self { child, address };
        process.wait_until_ready(patience).await?;
        Ok(process)
    }

    async fn wait_until_ready(&mut self, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("the server ended at once: {status}");
            }
            if let Ok(mut connection) = Connection::open(self.address).await
                && let Ok(reply) = connection.send("GET", "/readyz", None, "").await
                && reply.status == 200
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::bail!("the server is not ready after {patience:?}")
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// kill -9, and waits until it is gone.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// A TEG and a registry for several servers; killed when dropped.
pub struct EdgeProcess {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl EdgeProcess {
    /// Starts `binary` on a free port of loopback, with its data in `folder`, and waits until it
    /// listens. Whoever calls is believed.
    ///
    /// # Errors
    /// When it does not start or does not listen in 60 s.
    pub async fn start(binary: &Path, folder: &Path) -> anyhow::Result<Self> {
        let address = free_address()?;
        let child = Command::new(binary)
            .args(["--listen", &address.to_string(), "--auth", "did", "--data-dir", "edge"])
            .env("LOG_LEVEL", "error")
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let process = Self { child, address };
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if Connection::open(address).await.is_ok() {
                return Ok(process);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::bail!("the TEG does not listen after 60 s")
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for EdgeProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

/// Processor seconds that a process has used, user and system.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "a figure for people, not money")]
pub fn cpu_seconds(process: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    // Linux counts in hundredths of a second on every platform we run on.
    Some(f64::from(user + system) / 100.0)
}

/// Resident memory of a process in KiB.
#[must_use]
pub fn resident_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// A binary beside the one that runs.
///
/// # Errors
/// When it has not been built.
pub fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    anyhow::ensure!(path.exists(), "{name} is not built, run it through cargo xtask");
    Ok(path)
}
