//! Programs that the tests need beside Rust: installed where we may, else asked for in one line.

use anyhow::{Result, bail};

use crate::shell::{exists, output, run};

/// A program and the Debian package that has it.
const NEEDS: &[(&str, &str)] = &[
    ("cc", "gcc"),    // builds the bundled SQLite
    ("git", "git"),   // lists our files for tidy
    ("bash", "bash"), // runs the README's flow
    ("curl", "curl"), // calls the server in it
];

/// Makes sure that all of it is there. Never skips: a test that does not run proves nothing.
pub(crate) fn provide() -> Result<()> {
    let missing: Vec<&str> =
        NEEDS.iter().filter(|(program, _)| !exists(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    if !(exists("apt-get") && is_root()?) {
        bail!("please type: sudo apt-get install -y {packages}");
    }
    let apt = || {
        let mut command = std::process::Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run(apt().arg("update"))?;
    run(apt().args(["install", "-y", "--no-install-recommends"]).args(&missing))
}

fn is_root() -> Result<bool> {
    Ok(output(std::process::Command::new("id").arg("-u"))?.trim() == "0")
}
