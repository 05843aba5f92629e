//! `cargo xtask test`: what is needed is set up, then everything is tested. Nothing is skipped.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use marketplace_postgres_cluster::{Cluster, SERVER_VARIABLE, Settings, given};

use crate::shell::{built, cargo, output, root, run};
use crate::{agents, demo, deploy, machine, needs, page, planted, properties, readme, tidy};

struct Step {
    name: &'static str,
    run: fn() -> Result<()>,
}

/// Cheap checks first: they fail in seconds.
const STEPS: &[Step] = &[
    Step { name: "needs", run: needs::provide },
    Step { name: "format", run: || run(&mut cargo(["fmt", "--all", "--check"])) },
    Step { name: "tidy", run: tidy::run },
    Step { name: "planted bugs still apply", run: planted::check_all_apply },
    Step { name: "page", run: page::build },
    Step { name: "clippy", run: clippy },
    Step { name: "build", run: build },
    Step { name: "tests", run: tests },
    Step { name: "the same over PostgreSQL", run: over_postgres },
    Step { name: "doc tests", run: || run(&mut cargo(["test", "--workspace", "--doc"])) },
    Step { name: "order machine in the architecture page", run: machine::check },
    Step { name: "simulator", run: simulator },
    Step { name: "flow of the README", run: readme::run },
    Step { name: "demo", run: demo::run_built },
    Step { name: "agents written by others", run: agents::run_built },
    Step { name: "deployment", run: deploy::check },
    Step { name: "page in a browser", run: page::test },
];

/// All steps, or those from the named one on.
pub(crate) fn run_all(from: Option<&str>) -> Result<()> {
    let start = Instant::now();
    let mut times = Vec::new();
    let first = STEPS.iter().position(|step| from.is_none_or(|name| step.name == name));
    let Some(first) = first else {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        bail!("no such step; there are: {}", names.join(", "));
    };
    for step in &STEPS[first..] {
        let began = Instant::now();
        eprintln!("\n== {}", step.name);
        (step.run)().with_context(|| format!("step \"{}\" failed", step.name))?;
        let seconds = began.elapsed().as_secs();
        eprintln!("== {}: well, {seconds} s", step.name);
        times.push(format!("{:>5} s  {}", seconds, step.name));
    }
    println!("{}", times.join("\n"));
    println!("all {} steps passed in {} s", times.len(), start.elapsed().as_secs());
    Ok(())
}

fn clippy() -> Result<()> {
    let own = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    run(&mut cargo(own))
}

/// With nextest where it is installed: it runs the tests of all crates side by side, each in a
/// process of its own, which must not all make a database server first.
fn tests() -> Result<()> {
    let (url, cluster) = database_server()?;
    let nextest = output(&mut cargo(["nextest", "--version"])).is_ok();
    let mut command = if nextest {
        cargo(["nextest", "run", "--workspace", "--no-fail-fast"])
    } else {
        cargo(["test", "--workspace", "--lib", "--bins", "--tests", "--examples", "--no-fail-fast"])
    };
    let command = without_settings(&mut command).env(SERVER_VARIABLE, url);
    if std::env::var_os(properties::SEED).is_none() {
        command.env(properties::SEED, properties::OF_THE_SUITE);
    }
    let passed = run(command);
    drop(cluster);
    passed
}

/// The tests through HTTP once more, with the switch at the other store. Those of SQLite and of the
/// memory were among the tests before.
pub(crate) fn over_postgres() -> Result<()> {
    let (url, cluster) = database_server()?;
    // Of the whole workspace: package by package other features would be compiled.
    let mut command = cargo(["test", "--workspace", "--test", "http", "--test", "upgrade"]);
    let command = without_settings(&mut command);
    let passed = run(command.env(SERVER_VARIABLE, url).env("MARKETPLACE_TEST_STORE", "postgres"));
    drop(cluster);
    passed
}

/// Has the test of upgrades write what it reads, of the version that is built now.
pub(crate) fn write_release_data() -> Result<()> {
    for store in ["sqlite", "postgres"] {
        let (url, cluster) = database_server()?;
        let mut command = cargo(["test", "--package", "marketplace-testkit", "--test", "upgrade"]);
        let command = without_settings(&mut command).env(SERVER_VARIABLE, url);
        command.env("MARKETPLACE_TEST_STORE", store).env("MARKETPLACE_WRITE_RELEASE", "yes");
        let written = run(command);
        drop(cluster);
        written?;
    }
    Ok(())
}

/// The server that was given, or one of our own. That one goes with us, however we end.
fn database_server() -> Result<(String, Option<Cluster>)> {
    if let Some(url) = given() {
        return Ok((url, None));
    }
    let cluster = Cluster::start(&Settings::fast())?;
    Ok((cluster.url("postgres"), Some(cluster)))
}

/// Everything in one go: built package by package, the same crates would be compiled again for
/// each choice of features.
fn build() -> Result<()> {
    run(&mut cargo(["build", "--workspace", "--all-targets"]))
}

fn simulator() -> Result<()> {
    let simulate = built("debug").join("simulate");
    run(Command::new(simulate).current_dir(root()).args(["--seeds", "300"]))
}

/// The tests must not see the settings of whoever runs them.
pub(crate) fn without_settings(command: &mut Command) -> &mut Command {
    for name in tidy::setting_names() {
        command.env_remove(name);
    }
    command
}
