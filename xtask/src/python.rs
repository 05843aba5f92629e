//! Virtual environments of Python, for programs of others that check ours.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell::{built, root, run};

/// The interpreter of the environment with a name; what its list asks for is fetched when it is not
/// there, or others are asked for.
pub(crate) fn environment(name: &str, requirements: &str) -> Result<PathBuf> {
    let folder = built(name);
    let python = folder.join("bin/python");
    let wanted = std::fs::read_to_string(root().join(requirements))
        .with_context(|| requirements.to_owned())?;
    let note = folder.join("installed.txt");
    if std::fs::read_to_string(&note).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut pip = Command::new(&python);
    pip.current_dir(root()).args(["-m", "pip", "install", "--quiet", "--requirement"]);
    run(pip.arg(requirements))?;
    std::fs::write(&note, wanted).with_context(|| note.display().to_string())?;
    Ok(python)
}
