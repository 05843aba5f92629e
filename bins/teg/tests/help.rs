//! The help text, which is the operator's first page: a change of it is seen in review.

use std::process::Command;

fn teg() -> Command {
    Command::new(env!("CARGO_BIN_EXE_marketplace-teg"))
}

#[test]
fn help() {
    let output = teg().arg("--help").output().expect("the TEG starts");
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stdout));
}

#[test]
fn wrong_settings_end_with_2() {
    let check = |flags: &[&str], expect: &str| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = teg().args(flags).current_dir(folder.path()).output();
        let output = output.expect("the TEG starts");
        let says = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && says.contains(expect), "{flags:?}: {says}");
    };
    check(&["--listen=0.0.0.0:0", "--auth=did"], "TEG_AUTH");
    check(&["--listen=0.0.0.0:0", "--faults"], "--faults");
    check(&["--listen=127.0.0.1:0", "--fault-percent=5", "--fault-kinds=fire"], "fire");
    check(&["--listen=127.0.0.1:0", "--accounts=nobody"], "TEG_ACCOUNTS");
    check(&["--listen=127.0.0.1:0", "--genesis=-1"], "TEG_GENESIS");
}
