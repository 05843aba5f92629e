//! Agents written by others: the trade with clients as they are on PyPI, in virtual environments
//! of our own, against a server of its own. And what must not work.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use marketplace_postgres_cluster::{Cluster, Settings};

use crate::shell::{built, output, release, root, run};
use crate::suite::without_settings;
use crate::temporary::Server;
use crate::{python, readme};

/// Where the clients are listed, and what is run with them. Older clients want older versions of
/// what newer ones stand on.
const SUITES: [(&str, &[&str]); 2] = [
    ("requirements.txt", &["trade.py", "tools.py", "disputes.py", "attacks.py", "hooks.py"]),
    ("requirements-older.txt", &["older.py"]),
];
const SCRIPTS: &str = "xtask/agents";
/// How the README marks its program, and what that must print at its end.
const QUICK_START: &str = "```python quick-start\n";
const PROOF: &str = "COMPLETED";
/// Bodies of noise: in the suite, and when the check is run for itself.
const FEW: &str = "1000";
const MANY: &str = "10000";

/// The interpreter with the clients of a list.
fn interpreter(requirements: &str) -> Result<PathBuf> {
    let name = format!("agents/{}", requirements.trim_end_matches(".txt"));
    python::environment(&name, &format!("{SCRIPTS}/{requirements}"))
}

/// With the programs that are built already.
pub(crate) fn run_built() -> Result<()> {
    run_with(FEW)
}

/// The same with more noise.
pub(crate) fn run_long() -> Result<()> {
    run_with(MANY)
}

fn run_with(noise: &str) -> Result<()> {
    let guarded = Server::start("agents-guarded")?;
    // Gone with that server's folder.
    let (key, operator) = operator(guarded.folder())?;
    // Endpoints of the scripts are on this machine, where only the second server does not look.
    let settings = ["--fetch-private-addresses", "on", "--operator-dids", &operator];
    let server = Server::start_with("agents", &settings)?;
    let url = format!("http://{}", server.address);
    let other = format!("http://{}", guarded.address);
    for (requirements, scripts) in SUITES {
        let python = interpreter(requirements)?;
        for script in scripts {
            let mut command = Command::new(&python);
            command.current_dir(root().join(SCRIPTS)).env("PYTHONDONTWRITEBYTECODE", "1");
            command.env("PATH", readme::path()?).env("OPERATOR_KEY", &key);
            run(command.args([*script, &url, noise, &other]))?;
        }
    }
    quick_start(&server, &interpreter(SUITES[0].0)?)
}

/// A key file of an operator, and its DID.
fn operator(folder: &Path) -> Result<(PathBuf, String)> {
    let key = folder.join("operator.json");
    let mut command = Command::new(built("debug").join("marketplace-admin"));
    let did = output(command.args(["agent", "new", "--out"]).arg(&key))?;
    Ok((key, did.trim().to_owned()))
}

/// Many streams over one database that two servers share, in release build: times are measured.
pub(crate) fn run_streams() -> Result<()> {
    run(&mut release(["marketplace-server", "marketplace-teg"]))?;
    let cluster = Cluster::start(&Settings::fast())?;
    let mut command = Command::new(interpreter(SUITES[0].0)?);
    command.current_dir(root().join(SCRIPTS)).env("PYTHONDONTWRITEBYTECODE", "1").arg("streams.py");
    run(command.arg(built("release")).arg(cluster.url("postgres")))
}

/// The README's program for agents, as it stands there.
fn quick_start(server: &Server, python: &Path) -> Result<()> {
    let page = std::fs::read_to_string(root().join("README.md")).context("README.md")?;
    let program = page.split_once(QUICK_START).and_then(|(_, rest)| rest.split_once("```\n"));
    let (program, _) = program.context("README.md has no quick start in Python")?;
    let keys = "export SELLER_TOKEN=$(marketplace-admin agent new --out s.json >/dev/null; \
                marketplace-admin agent token --key s.json) \
                BUYER_TOKEN=$(marketplace-admin agent new --out b.json >/dev/null; \
                marketplace-admin agent token --key b.json); exec \"$0\" -c \"$1\"";
    let mut shell = Command::new("bash");
    let command = without_settings(&mut shell)
        .args(["-euc", keys])
        .arg(python)
        .arg(program)
        .current_dir(server.folder())
        .env("MARKETPLACE_URL", format!("http://{}", server.address))
        .env("PATH", readme::path()?);
    let output = command.output().context("bash")?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && printed.contains(PROOF),
        "the quick start of the README does not work:\n{printed}\n{errors}"
    );
    println!("the quick start of the README works");
    Ok(())
}
