//! A server for the time of one task: on a free port, over a folder that goes with it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::shell::built;
use crate::suite::without_settings;

/// A ready server; gone, with its data, when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    folder: PathBuf,
    process: Child,
}

impl Server {
    /// Starts what was built before, and waits until it is ready.
    pub(crate) fn start(name: &str) -> Result<Self> {
        Self::start_with(name, &[])
    }

    /// The same with more settings.
    pub(crate) fn start_with(name: &str, settings: &[&str]) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let folder =
            std::env::temp_dir().join(format!("marketplace-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let mut command = Command::new(built("debug").join("marketplace-server"));
        command.current_dir(&folder).args(["--listen", &address.to_string()]).args(settings);
        command.stderr(Stdio::null());
        let process = without_settings(&mut command).spawn().context("marketplace-server")?;
        let mut server = Self { address, folder, process };
        server.wait_until_ready()?;
        Ok(server)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait()? {
                bail!("the server ended at once: {status}");
            }
            if is_ready(self.address).unwrap_or(false) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the server is not ready after 60 s")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; its data is thrown away in any case.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Whether a server answers there that takes requests.
pub(crate) fn is_ready(address: SocketAddr) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}
