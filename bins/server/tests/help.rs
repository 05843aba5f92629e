//! The help text, which is the operator's first page: a change of it is seen in review.

use std::process::Command;

#[test]
fn help() {
    let server = env!("CARGO_BIN_EXE_marketplace-server");
    let output = Command::new(server).arg("--help").output().expect("the server starts");
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stdout));
}

#[test]
fn wrong_settings_end_with_2_and_say_all_that_is_wrong() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new(env!("CARGO_BIN_EXE_marketplace-server"))
        .args(["--listen=0.0.0.0:0", "--auth-mode=open", "--registry-url=registry:8000"])
        .current_dir(folder.path())
        .output()
        .expect("the server starts");
    assert_eq!(output.status.code(), Some(2));
    let says = String::from_utf8_lossy(&output.stderr);
    assert!(says.contains("AUTH_MODE: ") && says.contains("REGISTRY_URL: "), "{says}");
}
