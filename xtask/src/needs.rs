//! Programs that the tests need beside Rust: installed where we may, else asked for in one line.

use std::path::Path;

use anyhow::{Context, Result, bail};
use marketplace_postgres_cluster::{Binaries, DEBIAN_PACKAGE, given};

use crate::shell::{exists, output, run};

/// A program and the Debian package that has it.
const NEEDS: &[(&str, &str)] = &[
    ("cc", "gcc"),                         // builds the bundled SQLite
    ("git", "git"),                        // lists our files for tidy
    ("bash", "bash"),                      // runs the README's flow
    ("curl", "curl"),                      // calls the server in it
    ("python3", "python3"),                // runs agents of others
    ("npm", "npm"),                        // builds the page for people
    ("chromium", "chromium"),              // tries the page
    ("kubectl", "kubernetes-client"),      // puts the manifests together
    ("promtool", "prometheus"),            // reads the alerts
    ("prometheus", "prometheus"),          // asks what the dashboard asks
    ("amtool", "prometheus-alertmanager"), // is told by it, and tells
    ("rclone", "rclone"),                  // copies backups elsewhere
    ("redis-server", "redis-server"),      // counts requests for several servers
];

/// Where Debian's packages of PostgreSQL look for settings before they make a server.
const POSTGRES_SETTINGS: &str = "/etc/postgresql-common/createcluster.d";

/// Makes sure that all of it is there. Never skips: a test that does not run proves nothing.
pub(crate) fn provide() -> Result<()> {
    let mut missing: Vec<&str> =
        NEEDS.iter().filter(|(program, _)| !exists(program)).map(|(_, package)| *package).collect();
    // Debian has this part of Python in a package of its own.
    if output(std::process::Command::new("python3").args(["-c", "import ensurepip"])).is_err() {
        missing.push("python3-venv");
    }
    // A server that is given needs only its client here.
    let has_postgres = Binaries::find().is_ok() || (given().is_some() && exists("psql"));
    if !has_postgres {
        missing.push(DEBIAN_PACKAGE);
    }
    // Debian keeps what makes a virtual environment in a package of its own.
    let venv =
        std::process::Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
    if !venv.is_ok_and(|ran| ran.status.success()) {
        missing.push("python3-venv");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    if !(exists("apt-get") && is_root()?) {
        bail!("please type: sudo apt-get install -y {packages}");
    }
    run(apt().arg("update"))?;
    let install = || run(apt().args(["install", "-y", "--no-install-recommends"]).args(&missing));
    if has_postgres { install() } else { without_a_server(install) }
}

fn apt() -> std::process::Command {
    let mut command = std::process::Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Only the programs are wanted: no server of the machine's own is made or started.
fn without_a_server(install: impl Fn() -> Result<()>) -> Result<()> {
    let settings = Path::new(POSTGRES_SETTINGS);
    let file = settings.join("marketplace-tests.conf");
    std::fs::create_dir_all(settings).with_context(|| POSTGRES_SETTINGS.to_owned())?;
    std::fs::write(&file, "create_main_cluster = false\n")
        .with_context(|| file.display().to_string())?;
    let installed = install();
    std::fs::remove_file(&file).with_context(|| file.display().to_string())?;
    installed
}

fn is_root() -> Result<bool> {
    Ok(output(std::process::Command::new("id").arg("-u"))?.trim() == "0")
}
