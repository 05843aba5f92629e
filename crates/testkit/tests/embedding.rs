//! A crate outside the workspace embeds the marketplace by path: built and run as its agent would.

use std::path::Path;
use std::process::Command;

#[test]
fn a_foreign_crate_lists_buys_and_accepts() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The workspace's own folder: what our tests have built already need not be built again.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a target folder");
    let data = tempfile::tempdir().expect("a temporary folder");
    // The same versions as ours, so that nothing new has to be fetched.
    let lock = here.join("embedding/Cargo.lock");
    std::fs::copy(here.join("../../Cargo.lock"), &lock).expect("a lock file");
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--manifest-path"])
        .arg(here.join("embedding/Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .arg("--")
        .arg(data.path())
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "seller has 5 AVT");
}
