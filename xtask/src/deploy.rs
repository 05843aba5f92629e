//! What is in `deploy/`: checked by schema, started as it says, and looked at with a real
//! Prometheus.

use std::process::Command;

use anyhow::{Context, Result};
use marketplace_postgres_cluster::{Cluster, Settings};

use crate::python;
use crate::shell::{built, cargo, output, root, run};
use crate::suite::without_settings;

const SETTINGS: &str = "deploy/SETTINGS.md";

/// Writes the reference of all settings from the programs themselves.
pub(crate) fn write_settings() -> Result<()> {
    let own = ["run", "--quiet", "--package", "marketplace-admin", "--", "settings"];
    let page = output(&mut cargo(own))?;
    std::fs::write(root().join(SETTINGS), page).context(SETTINGS)
}

/// With the programs that are built already.
pub(crate) fn check() -> Result<()> {
    let python = python::environment("deploy", "xtask/deploy/requirements.txt")?;
    let script = |name: &str| {
        let mut command = Command::new(&python);
        command.current_dir(root()).env("PYTHONDONTWRITEBYTECODE", "1");
        command.arg(root().join("xtask/deploy").join(name));
        command
    };
    run(&mut script("schemas.py"))?;
    run(Command::new("promtool").current_dir(root().join("deploy/prometheus")).args([
        "test",
        "rules",
        "alerts.test.yml",
    ]))?;
    let cluster = Cluster::start(&Settings::fast())?;
    let mut backup = script("backup.py");
    run(without_settings(&mut backup).arg(built("debug")))?;
    let mut live = script("live.py");
    run(without_settings(&mut live).arg(built("debug")).arg(cluster.url("postgres")))
}
