//! pgbench beside our own load: what the database server gives to a plain benchmark.

#![expect(clippy::float_arithmetic, reason = "figures for people, not money")]

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use marketplace_postgres_cluster::Server;

use super::postgres::processor;
use super::process::cpu_seconds;

/// What pgbench measured.
#[derive(Clone, Copy, Debug)]
pub struct Pgbench {
    /// Transactions a second, prepared, 64 clients.
    pub per_second: f64,
    /// Mean latency in milliseconds.
    pub latency_ms: f64,
    /// Processor seconds of the database server.
    pub server_cpu: f64,
    /// Processor seconds of pgbench.
    pub client_cpu: f64,
}

/// Fills pgbench's tables at `scale` and runs it for so long with 64 clients and two threads.
///
/// # Errors
/// When pgbench is not there or fails.
pub fn pgbench(server: &Server, scale: u32, length: Duration) -> anyhow::Result<Pgbench> {
    server.sql("postgres", "DROP DATABASE IF EXISTS pgbench")?;
    server.sql("postgres", "CREATE DATABASE pgbench")?;
    let url = server.url("pgbench");
    let filled = Command::new("pgbench")
        .args(["--initialize", "--quiet", "--scale", &scale.to_string(), &url])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .status()?;
    anyhow::ensure!(filled.success(), "pgbench cannot fill its tables: {filled}");
    server.sql("pgbench", "CHECKPOINT")?;
    let before = processor(server);
    let mut child = Command::new("pgbench")
        .args(["--protocol=prepared", "--client=64", "--jobs=2", "--no-vacuum"])
        .args(["--time", &length.as_secs().to_string(), &url])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut client_cpu = 0.0;
    let deadline = Instant::now() + length + Duration::from_secs(60);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        client_cpu = cpu_seconds(child.id()).unwrap_or(client_cpu);
        anyhow::ensure!(Instant::now() < deadline, "pgbench does not end");
        std::thread::sleep(Duration::from_millis(100));
    };
    let server_cpu = processor(server) - before;
    let mut text = String::new();
    if let Some(mut output) = child.stdout.take() {
        output.read_to_string(&mut text)?;
    }
    anyhow::ensure!(status.success(), "pgbench failed: {status} {text}");
    server.sql("postgres", "DROP DATABASE pgbench")?;
    let number = |marker: &str| -> anyhow::Result<f64> {
        let rest = text.split(marker).nth(1).unwrap_or_default();
        let word = rest.split_whitespace().next().unwrap_or_default();
        word.parse().map_err(|_| anyhow::anyhow!("pgbench says something else: {text}"))
    };
    Ok(Pgbench {
        per_second: number("tps = ")?,
        latency_ms: number("latency average = ")?,
        server_cpu,
        client_cpu,
    })
}
