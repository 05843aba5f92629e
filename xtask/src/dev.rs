//! `cargo xtask dev`: a marketplace with everything embedded, authentication on, and demo agents.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::page;
use crate::shell::{self, built, cargo, root};

/// Beside the keys of the demo agents.
const OPERATOR_KEY: &str = "data/demo/operator.json";

#[derive(Args)]
pub(crate) struct DevArgs {
    /// Where to serve
    #[arg(long, default_value = "127.0.0.1:8020")]
    listen: SocketAddr,
    /// Build with optimisation: slower to build, faster to serve
    #[arg(long)]
    release: bool,
    /// No demo agents and listings
    #[arg(long)]
    bare: bool,
}

/// Server and admin tool.
pub(crate) fn build(release: bool) -> Result<()> {
    let mut build = if release {
        shell::release(["marketplace-server", "marketplace-admin"])
    } else {
        cargo(["build", "--package", "marketplace-server", "--package", "marketplace-admin"])
    };
    shell::run(&mut build)
}

pub(crate) fn run(args: &DevArgs) -> Result<()> {
    page::refresh()?;
    build(args.release)?;
    // Asked before anything starts: else the demo agents would go to whoever serves there.
    if let Err(error) = TcpListener::bind(args.listen) {
        bail!("{} is in use ({error}): stop what serves there, or pass --listen", args.listen);
    }
    let folder = built(if args.release { "release" } else { "debug" });
    let operator = operator(&folder)?;
    if !args.bare {
        // It waits until the server is ready; then its lines tell how to go on.
        Command::new(folder.join("marketplace-admin"))
            .current_dir(root())
            .args(["demo", "--url", &format!("http://{}", args.listen), "--wait", "60"])
            .spawn()
            .context("cannot start marketplace-admin")?;
    }
    let mut server = Command::new(folder.join("marketplace-server"));
    server.current_dir(root()).args(["--listen", &args.listen.to_string()]);
    if std::env::var_os("OPERATOR_DIDS").is_none() {
        server.args(["--operator-dids", &operator]);
    }
    become_server(server)
}

/// The DID of a key that may see everything, made once: for `orders list` and `doctor`.
fn operator(folder: &Path) -> Result<String> {
    let path = root().join(OPERATOR_KEY);
    if !path.exists() {
        let mut new = Command::new(folder.join("marketplace-admin"));
        new.current_dir(root()).args(["agent", "new", "--out", OPERATOR_KEY]);
        return Ok(shell::output(&mut new)?.trim().to_owned());
    }
    let file: serde_json::Value = serde_json::from_slice(&std::fs::read(path)?)?;
    file["did"].as_str().map(str::to_owned).context("the operator's key file has no DID in it")
}

/// This process becomes the server, so that Ctrl-C and every signal reach it directly.
#[cfg(unix)]
fn become_server(mut server: Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(server.exec()).context("cannot start marketplace-server")
}

#[cfg(not(unix))]
fn become_server(mut server: Command) -> Result<()> {
    shell::run(&mut server)
}
