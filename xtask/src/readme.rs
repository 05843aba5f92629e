//! The README's flow by curl, run as it stands there against a fresh server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::dev;
use crate::shell::{built, root};
use crate::suite::without_settings;

/// How the README marks the blocks of the flow.
const FENCE: &str = "```sh flow\n";
const FENCE_END: &str = "```\n";
/// What the README writes for the address of the server.
const ADDRESS: &str = "127.0.0.1:8020";
/// What the flow must show at its end.
const PROOF: [&str; 2] = ["\"status\":\"COMPLETED\"", "\"available\":\"5\""];

pub(crate) fn run() -> Result<()> {
    dev::build(false)?;
    let page = std::fs::read_to_string(root().join("README.md")).context("README.md")?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let script = script(&page)?.replace(ADDRESS, &address.to_string());
    let folder = std::env::temp_dir().join(format!("marketplace-readme-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = serve_and_run(address, &folder, &script);
    std::fs::remove_dir_all(&folder)?;
    let printed = result?;
    for proof in PROOF {
        ensure!(
            printed.contains(proof),
            "the flow of the README does not print {proof}:\n{printed}"
        );
    }
    eprintln!("the flow of the README works");
    Ok(())
}

/// All blocks of the flow, one after the other.
fn script(page: &str) -> Result<String> {
    let blocks: Vec<&str> = page
        .split(FENCE)
        .skip(1)
        .map(|rest| rest.split_once(FENCE_END).map_or(rest, |(block, _)| block))
        .collect();
    ensure!(!blocks.is_empty(), "README.md has no block that starts with {}", FENCE.trim_end());
    Ok(format!("set -euo pipefail\n{}", blocks.concat()))
}

fn serve_and_run(address: SocketAddr, folder: &Path, script: &str) -> Result<String> {
    let programs = built("debug");
    let mut command = Command::new(programs.join("marketplace-server"));
    command.current_dir(folder).args(["--listen", &address.to_string()]).stderr(Stdio::null());
    let mut server =
        Stopping(without_settings(&mut command).spawn().context("marketplace-server")?);
    wait_until_ready(address, &mut server)?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(programs).chain(std::env::split_paths(&path));
    let output = without_settings(&mut Command::new("bash"))
        .args(["-c", script])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(path)?)
        .output()
        .context("bash")?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the flow of the README fails:\n{printed}\n{errors}");
    Ok(printed)
}

fn wait_until_ready(address: SocketAddr, server: &mut Stopping) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if let Some(status) = server.0.try_wait()? {
            bail!("the server ended at once: {status}");
        }
        if is_ready(address).unwrap_or(false) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("the server is not ready after 60 s")
}

fn is_ready(address: SocketAddr) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

/// A process that does not outlive its use.
struct Stopping(Child);

impl Drop for Stopping {
    fn drop(&mut self) {
        // It may have ended by itself; its data is thrown away in any case.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
