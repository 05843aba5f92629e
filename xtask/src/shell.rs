//! Running other programs, with what is run shown first.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The top of the repository.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// Where cargo puts what it builds with a profile's folder name.
pub(crate) fn built(folder: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    root().join(target.unwrap_or_else(|| PathBuf::from("target"))).join(folder)
}

/// Cargo, at the top of the repository, with the variables of a caller's own shell: what `cargo run`
/// says about this program would make build scripts that watch those variables (ring) run again.
pub(crate) fn cargo(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(args);
    for (name, _) in std::env::vars_os() {
        let of_this_program =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(of_this_program) {
            command.env_remove(name);
        }
    }
    command
}

/// Shows the command, runs it, and fails when it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    eprintln!("$ {line}");
    let status = command.status().with_context(|| format!("cannot start: {line}"))?;
    if !status.success() {
        bail!("{line}: {status}");
    }
    Ok(())
}

/// What the command prints.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command.output().with_context(|| format!("cannot start: {line}"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{line}: {}\n{errors}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{line} printed no UTF-8"))
}

/// A program of the testkit that needs nothing but the engine, in release build.
pub(crate) fn testkit(program: &str, args: &[String]) -> Result<()> {
    let own = ["run", "--release", "--package", "marketplace-testkit", "--no-default-features"];
    run(cargo(own).args(["--bin", program, "--"]).args(args))
}

/// An example of the disputes' crate, in release build.
pub(crate) fn disputes(words: &[&str]) -> Result<()> {
    let own = ["run", "--release", "--package", "marketplace-disputes", "--example"];
    run(cargo(own).args(words))
}

/// The comparison of two sizes of a PostgreSQL database, in release build.
pub(crate) fn scale(args: &[String]) -> Result<()> {
    let own = ["run", "--release", "--package", "marketplace-testkit", "--no-default-features"];
    run(cargo(own).args(["--features", "scale", "--bin", "verify-scale", "--"]).args(args))
}

/// The programs of the product.
pub(crate) const PROGRAMS: [&str; 4] =
    ["marketplace-server", "marketplace-worker", "marketplace-admin", "marketplace-teg"];

/// Builds these programs as they are released. All packages are named whichever of them are asked
/// for: cargo chooses features by the packages, and would compile them again for another choice.
/// Only the programs asked for are linked, which takes each a minute or two.
pub(crate) fn release<'a>(programs: impl IntoIterator<Item = &'a str>) -> Command {
    let packages = [
        "marketplace-server",
        "marketplace-worker",
        "marketplace-admin",
        "marketplace-teg-server",
        "marketplace-testkit",
    ];
    let mut build = cargo(["build", "--release"]);
    build.args(packages.iter().flat_map(|name| ["--package", name]));
    build.args(programs.into_iter().flat_map(|name| ["--bin", name]));
    build
}

/// A program of the testkit that starts the server beside it, in release build.
pub(crate) fn with_server(program: &str, args: &[String]) -> Result<()> {
    let beside = ["marketplace-server", "marketplace-worker", "marketplace-teg"];
    run(&mut release(beside.into_iter().chain([program])))?;
    run(Command::new(built("release").join(program)).current_dir(root()).args(args))
}

/// Whether a program can be found.
pub(crate) fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut words = vec![name.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}
