//! The property tests: with one seed in the suite, with new ones in `cargo xtask verify properties`.
//!
//! A gate that draws a new seed each time refuses changes for what others broke. So the suite
//! looks at the same cases each time, and the search for new ones is a run of its own, whose finds
//! become tests.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::shell::{cargo, root, run};

/// Proptest reads its seed from here.
pub(crate) const SEED: &str = "PROPTEST_RNG_SEED";

/// Any number does; another one looks at other cases.
pub(crate) const OF_THE_SUITE: &str = "20261122";

const SEEDS: u64 = 20;

/// Runs the tests of all packages that use proptest, with seeds that the clock gives.
pub(crate) fn explore() -> Result<()> {
    let packages = packages()?;
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let first = clock.as_secs();
    let mut failed = Vec::new();
    for seed in first..first + SEEDS {
        eprintln!("== {SEED}={seed}");
        let mut command = cargo(["test", "--quiet", "--lib", "--tests", "--no-fail-fast"]);
        for package in &packages {
            command.args(["--package", package]);
        }
        if run(command.env(SEED, seed.to_string())).is_err() {
            failed.push(seed);
        }
    }
    if !failed.is_empty() {
        bail!("set {SEED} to one of these to see the failure again: {failed:?}");
    }
    println!("{SEEDS} seeds, {} packages: no property failed", packages.len());
    Ok(())
}

fn packages() -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("crates"))? {
        let manifest = entry?.path().join("Cargo.toml");
        if !manifest.is_file() {
            continue;
        }
        let manifest = fs::read_to_string(manifest)?;
        if manifest.lines().any(|line| line.starts_with("proptest")) {
            let name = manifest.lines().find_map(|line| line.strip_prefix("name = "));
            found.push(name.context("a package without a name")?.trim_matches('"').to_owned());
        }
    }
    found.sort();
    Ok(found)
}
