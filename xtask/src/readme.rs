//! The README's flow by curl, run as it stands there against a fresh server.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::dev;
use crate::shell::{built, root};
use crate::suite::without_settings;
use crate::temporary::Server;

/// How the README marks the blocks of the flow.
const FENCE: &str = "```sh flow\n";
const FENCE_END: &str = "```\n";
/// What the README writes for the address of the server.
const ADDRESS: &str = "127.0.0.1:8020";
/// What the flow must show at its end.
const PROOF: [&str; 2] = ["\"status\":\"COMPLETED\"", "\"available\":\"5\""];

/// Builds the server and the admin tool, then runs the flow.
pub(crate) fn build_and_run() -> Result<()> {
    dev::build(false)?;
    run()
}

/// With the programs that are built already.
pub(crate) fn run() -> Result<()> {
    let page = std::fs::read_to_string(root().join("README.md")).context("README.md")?;
    let server = Server::start("readme")?;
    let script = script(&page)?.replace(ADDRESS, &server.address.to_string());
    let printed = run_script(&server, &script)?;
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

/// Where programs are looked for: ours first.
pub(crate) fn path() -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(built("debug")).chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(path)?)
}

fn run_script(server: &Server, script: &str) -> Result<String> {
    let output = without_settings(&mut Command::new("bash"))
        .args(["-c", script])
        .current_dir(server.folder())
        .env("PATH", path()?)
        .output()
        .context("bash")?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the flow of the README fails:\n{printed}\n{errors}");
    Ok(printed)
}
