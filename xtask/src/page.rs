//! The page for people: `cargo xtask page` builds it, the suite tries it in a real browser,
//! `cargo xtask screenshots` takes pictures of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::shell::{built, exists, release, root, run};

/// The API's document as a test keeps it: the page's types are made from it.
const OPENAPI: &str = "crates/api/tests/http/snapshots/http__documents__openapi.snap";

/// What the page is made from, below `frontend`.
const SOURCES: &[&str] = &["src", "public", "index.html", "package-lock.json", "vite.config.ts"];

fn folder() -> PathBuf {
    root().join("frontend")
}

fn npm(args: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder()).args(args);
    command
}

/// Builds `frontend/dist`, which the next build of the server embeds.
pub(crate) fn build() -> Result<()> {
    if !exists("npm") {
        bail!("the page needs Node and npm: install Node 20 or later");
    }
    install()?;
    write_openapi()?;
    run(&mut npm(&["run", "--silent", "types"]))?;
    run(&mut npm(&["run", "--silent", "check"]))?;
    run(&mut npm(&["run", "--silent", "build"]))
}

/// For serving: builds what is missing or old, and goes on without a page where Node is not there.
pub(crate) fn refresh() -> Result<()> {
    if !exists("npm") {
        eprintln!("no npm here: the server comes without its page for people");
        return Ok(());
    }
    let made = fs::metadata(folder().join("dist/index.html")).and_then(|file| file.modified()).ok();
    let mut newest = newest(&root().join(OPENAPI))?;
    for source in SOURCES {
        newest = newest.max(self::newest(&folder().join(source))?);
    }
    if made.is_some_and(|made| made >= newest) { Ok(()) } else { build() }
}

/// The tests in a real browser, against the server as it was built.
pub(crate) fn test() -> Result<()> {
    let server = built("debug").join("marketplace-server");
    run(npm(&["test"]).env("MARKETPLACE_SERVER", server))
}

/// Pictures of all pages, narrow and wide, light and dark, for people to look at.
pub(crate) fn screenshots() -> Result<()> {
    build()?;
    crate::dev::build(false)?;
    let server = built("debug").join("marketplace-server");
    let out = built("screenshots");
    run(npm(&["run", "--silent", "screenshots"])
        .env("MARKETPLACE_SERVER", server)
        .env("SCREENSHOTS", &out))?;
    println!("pictures are in {}", out.display());
    Ok(())
}

/// What the page promises of its speed, measured against the release server.
pub(crate) fn metrics() -> Result<()> {
    build()?;
    run(&mut release(["marketplace-server"]))?;
    let server = built("release").join("marketplace-server");
    run(npm(&["run", "--silent", "metrics"]).env("MARKETPLACE_SERVER", server))
}

/// What the lock file says, from the package registry or its cache; once for each lock file.
fn install() -> Result<()> {
    let lock = fs::read(folder().join("package-lock.json"))?;
    let stamp = folder().join("node_modules/.installed-for");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    run(&mut npm(&["ci", "--no-audit", "--no-fund"]))?;
    fs::write(&stamp, lock).with_context(|| stamp.display().to_string())
}

/// The document without the head that the snapshot has.
fn write_openapi() -> Result<()> {
    let snapshot = fs::read_to_string(root().join(OPENAPI))?;
    let document = snapshot.splitn(3, "---\n").nth(2).context("a snapshot without its head")?;
    fs::write(folder().join("openapi.json"), document)?;
    Ok(())
}

/// When the file, or any file below the folder, was changed last.
fn newest(path: &Path) -> Result<SystemTime> {
    let metadata = fs::metadata(path).with_context(|| path.display().to_string())?;
    if !metadata.is_dir() {
        return Ok(metadata.modified()?);
    }
    let mut newest = SystemTime::UNIX_EPOCH;
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        // Made from the API's document, which is looked at itself.
        if !path.ends_with("schema.ts") {
            newest = newest.max(self::newest(&path)?);
        }
    }
    Ok(newest)
}
