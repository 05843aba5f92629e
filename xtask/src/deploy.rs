//! What is in `deploy/`: checked by schema, started as it says, and looked at with a real
//! Prometheus.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use marketplace_postgres_cluster::{Cluster, Settings};

use crate::python;
use crate::shell::{PROGRAMS, built, cargo, output, release, root, run};
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
    let scripts = Scripts::new()?;
    run(&mut scripts.script("schemas.py"))?;
    let alerts = root().join("deploy/prometheus");
    run(Command::new("promtool").current_dir(alerts).args(["test", "rules", "alerts.test.yml"]))?;
    run(&mut scripts.with_programs("backup.py", "debug"))?;
    let cluster = Cluster::start(&Settings::fast())?;
    let url = cluster.url("postgres");
    run(scripts.with_programs("live.py", "debug").arg(&url))?;
    run(scripts.with_programs("rolling.py", "debug").arg(&url).args(["1", "4"]))
}

/// A longer rolling update, of release builds: forth and back between this version and one that
/// calls itself the next, side by side.
pub(crate) fn rolling() -> Result<()> {
    let next = built("release").join("next-version");
    std::fs::create_dir_all(&next)?;
    run(release(PROGRAMS).env("MARKETPLACE_VERSION", "1.0.1"))?;
    for program in PROGRAMS {
        std::fs::copy(built("release").join(program), next.join(program)).context(program)?;
    }
    run(&mut release(PROGRAMS))?;
    let cluster = Cluster::start(&Settings::durable())?;
    let mut rolling = Scripts::new()?.with_programs("rolling.py", "release");
    rolling.env("PROGRAMS_NEXT", next);
    run(rolling.arg(cluster.url("postgres")).args(["5", "16"]))
}

/// What looks at `deploy/`, and what runs it.
struct Scripts {
    python: PathBuf,
}

impl Scripts {
    fn new() -> Result<Self> {
        Ok(Self { python: python::environment("deploy", "xtask/deploy/requirements.txt")? })
    }

    fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.current_dir(root()).env("PYTHONDONTWRITEBYTECODE", "1");
        command.arg(root().join("xtask/deploy").join(name));
        without_settings(&mut command);
        command
    }

    fn with_programs(&self, name: &str, profile: &str) -> Command {
        let mut command = self.script(name);
        command.arg(built(profile));
        command
    }
}
