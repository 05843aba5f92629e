//! `cargo xtask tidy`: the rules of the house that no compiler knows.

mod arrows;
mod code;
mod exceptions;
mod functions;
mod settings;

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::shell::{output, root};

pub(crate) use settings::names as setting_names;

/// A rule that is broken, and where.
pub(crate) struct Finding {
    place: String,
    rule: String,
}

impl Finding {
    fn new(place: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { place: place.into(), rule: rule.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.rule)
    }
}

/// A text file of the repository.
pub(crate) struct Source {
    /// From the top, with slashes.
    path: String,
    text: String,
}

pub(crate) fn run() -> Result<()> {
    let sources = sources()?;
    let mut findings = arrows::check()?;
    findings.extend(code::check(&sources)?);
    findings.extend(settings::check(&sources));
    if findings.is_empty() {
        eprintln!("tidy: {} files are in order", sources.len());
        return Ok(());
    }
    for finding in &findings {
        eprintln!("{finding}");
    }
    bail!("{} rules of the house are broken", findings.len())
}

/// Every text file that git tracks, or would.
fn sources() -> Result<Vec<Source>> {
    let mut git = std::process::Command::new("git");
    git.current_dir(root()).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = output(&mut git).context("tidy lists our files with git")?;
    let mut paths: Vec<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut sources = Vec::new();
    for path in paths {
        let file = root().join(Path::new(path));
        // A deleted file may still be in git's index; what is no text has no lines to check.
        let Ok(bytes) = std::fs::read(&file) else { continue };
        if let Ok(text) = String::from_utf8(bytes) {
            sources.push(Source { path: path.to_owned(), text });
        }
    }
    Ok(sources)
}
