//! `cargo xtask planted-bugs`: breaks one rule after the other in a copy of the repository, and
//! sees that the simulator or a contract suite catches each. A check that catches nothing is worth
//! nothing.

mod bounded;
mod catalogue;
mod copy;

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use clap::Args;

use crate::shell::{self, built, cargo};
use catalogue::{Bug, catalogue};
use copy::Copy;

#[derive(Args, Default)]
pub(crate) struct PlantedArgs {
    /// Only bugs with this in their name
    #[arg(long)]
    only: Option<String>,
    /// Show them, run nothing
    #[arg(long)]
    list: bool,
}

/// What catches bugs: its name in the catalogue, and how cargo builds and runs it.
pub(crate) struct Net {
    name: &'static str,
    package: &'static str,
    how: How,
}

enum How {
    /// The package's tests: which of its targets, and which of their tests.
    Tests { targets: &'static [&'static str], filter: &'static [&'static str] },
    /// The simulator, which needs nothing but the engine.
    Simulator,
}

impl Net {
    const fn whole(name: &'static str, package: &'static str) -> Net {
        Net { name, package, how: How::Tests { targets: &[], filter: &[] } }
    }

    fn build(&self) -> Vec<&'static str> {
        let package = ["--package", self.package];
        match self.how {
            How::Tests { targets, .. } => [&["test", "--no-run"], &package[..], targets].concat(),
            How::Simulator => {
                [&["build"], &package[..], &["--no-default-features", "--bins"]].concat()
            }
        }
    }

    fn run(&self) -> Vec<&'static str> {
        let package = ["--package", self.package];
        match self.how {
            How::Tests { targets, filter } => [&["test"], &package[..], targets, filter].concat(),
            How::Simulator => {
                let seeds = ["--bin", "simulate", "--", "--seeds", "200"];
                [&["run"], &package[..], &["--no-default-features"], &seeds[..]].concat()
            }
        }
    }
}

const NETS: &[Net] = &[
    Net { name: "simulate", package: "marketplace-testkit", how: How::Simulator },
    Net::whole("store-suite-sqlite", "marketplace-store-sqlite"),
    Net {
        name: "store-suite-postgres",
        package: "marketplace-store-postgres",
        how: How::Tests { targets: &["--test", "store"], filter: &["replicas::"] },
    },
    Net {
        name: "servers",
        package: "marketplace-boot",
        how: How::Tests { targets: &["--test", "replicas"], filter: &[] },
    },
    Net {
        name: "history",
        package: "marketplace-testkit",
        how: How::Tests { targets: &["--test", "history"], filter: &[] },
    },
    Net::whole("engine", "marketplace-engine"),
    Net::whole("disputes", "marketplace-disputes"),
    Net::whole("reputation", "marketplace-reputation"),
    Net::whole("search", "marketplace-search"),
    Net::whole("contract-kit", "marketplace-contract-kit"),
    Net::whole("teg-suite", "marketplace-teg"),
    Net::whole("a2a", "marketplace-a2a"),
    Net::whole("registry", "marketplace-registry"),
    Net::whole("limits", "marketplace-limits"),
];

/// How the simulator begins the line that says which promise is broken.
const VERDICTS: [&str; 2] = ["SEED ", "seed "];
const LONGEST_VERDICT: usize = 160;
/// A broken rule may make a net wait for ever.
const LONGEST_RUN: Duration = Duration::from_secs(900);

pub(crate) fn run(args: &PlantedArgs) -> Result<()> {
    let bugs = catalogue()?;
    let chosen: Vec<&Bug> = bugs
        .iter()
        .filter(|bug| args.only.as_ref().is_none_or(|part| bug.name.contains(part)))
        .collect();
    if args.list {
        for bug in chosen {
            println!("{:<36}{:<20}{}", bug.name, bug.net.name, bug.file);
        }
        return Ok(());
    }
    ensure!(!chosen.is_empty(), "no planted bug has this name");
    let copy = Copy::make(&built("planted").join("tree"))?;
    for net in NETS.iter().filter(|net| chosen.iter().any(|bug| bug.net.name == net.name)) {
        shell::run(&mut command(&copy, &net.build()))?;
        if let Some(says) = complaint(&copy, net)? {
            bail!("{} fails without any planted bug:\n{says}", net.name);
        }
    }
    let mut escaped = Vec::new();
    for bug in &chosen {
        let began = Instant::now();
        let sound = copy.plant(bug)?;
        let caught = caught(&copy, bug);
        copy.restore(bug, &sound)?;
        let seconds = began.elapsed().as_secs();
        if let Some(says) = caught? {
            println!("{:<36}caught by {} ({seconds} s): {says}", bug.name, bug.net.name);
        } else {
            println!("{:<36}ESCAPED {} ({seconds} s)", bug.name, bug.net.name);
            escaped.push(bug.name.as_str());
        }
    }
    if !escaped.is_empty() {
        bail!("{} of {} escaped: {}", escaped.len(), chosen.len(), escaped.join(", "));
    }
    println!("all {} planted bugs were caught", chosen.len());
    Ok(())
}

/// Every bug of the catalogue still fits the code; takes no time.
pub(crate) fn check_all_apply() -> Result<()> {
    for bug in catalogue()? {
        bug.apply(&std::fs::read_to_string(shell::root().join(&bug.file))?)?;
    }
    Ok(())
}

/// What the net says of a bug; nothing when it escapes.
fn caught(copy: &Copy, bug: &Bug) -> Result<Option<String>> {
    // A change that does not compile would be "caught" by the compiler and prove nothing.
    let built = command(copy, &bug.net.build()).output()?;
    if !built.status.success() {
        let errors = String::from_utf8_lossy(&built.stderr);
        bail!("planted bug {} does not compile:\n{errors}", bug.name);
    }
    complaint(copy, bug.net)
}

/// What the net says when it fails, or does not end.
fn complaint(copy: &Copy, net: &Net) -> Result<Option<String>> {
    let Some(output) = bounded::output(command(copy, &net.run()), LONGEST_RUN)? else {
        return Ok(Some(format!("did not end in {} s", LONGEST_RUN.as_secs())));
    };
    if output.status.success() {
        return Ok(None);
    }
    let lines = || output.printed.lines().map(str::trim);
    let verdict = lines().find(|line| VERDICTS.iter().any(|word| line.starts_with(word)));
    let verdict = verdict.or_else(|| lines().find(|line| line.ends_with("FAILED")));
    let verdict = verdict.or_else(|| lines().next_back()).unwrap_or_default();
    Ok(Some(verdict.chars().take(LONGEST_VERDICT).collect()))
}

fn command(copy: &Copy, args: &[&str]) -> Command {
    let mut command = cargo(args);
    command.current_dir(copy.folder()).env("CARGO_TARGET_DIR", built("planted").join("target"));
    command
}
