//! Agents written by others: the trade with the stock Python clients, in a virtual environment of
//! our own, against a server of its own.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell::{built, root, run};
use crate::temporary::Server;

const REQUIREMENTS: &str = "xtask/agents/requirements.txt";
const SCRIPTS: [&str; 1] = ["trade.py"];

/// The interpreter with the clients; they are fetched when they are not there, or others are
/// asked for.
fn interpreter() -> Result<PathBuf> {
    let folder = built("agents");
    let python = folder.join("bin/python");
    let wanted = std::fs::read_to_string(root().join(REQUIREMENTS)).context(REQUIREMENTS)?;
    let note = folder.join("installed.txt");
    if std::fs::read_to_string(&note).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut pip = Command::new(&python);
    pip.current_dir(root()).args(["-m", "pip", "install", "--quiet", "--requirement"]);
    run(pip.arg(REQUIREMENTS))?;
    std::fs::write(&note, wanted).with_context(|| note.display().to_string())?;
    Ok(python)
}

/// With the programs that are built already.
pub(crate) fn run_built() -> Result<()> {
    let python = interpreter()?;
    let server = Server::start("agents")?;
    let url = format!("http://{}", server.address);
    for script in SCRIPTS {
        let mut command = Command::new(&python);
        command.current_dir(root().join("xtask/agents"));
        run(command.env("PYTHONDONTWRITEBYTECODE", "1").args([script, &url]))?;
    }
    Ok(())
}
