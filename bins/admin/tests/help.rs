//! The help texts, which are the operator's first pages: a change of one is seen in review.

use std::process::Command;

fn help(words: &[&str]) -> String {
    let admin = env!("CARGO_BIN_EXE_marketplace-admin");
    let output = Command::new(admin).args(words).arg("--help").output().expect("it starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn helps() {
    let commands: [&[&str]; 13] = [
        &[],
        &["agent"],
        &["agent", "new"],
        &["agent", "token"],
        &["orders", "list"],
        &["orders", "show"],
        &["withdrawals", "resolve"],
        &["outbox", "retry"],
        &["key", "rotate"],
        &["api-key", "issue"],
        &["verify-proof"],
        &["doctor"],
        &["demo"],
    ];
    let pages =
        commands.map(|words| format!("$ marketplace-admin {}\n{}", words.join(" "), help(words)));
    insta::assert_snapshot!(pages.join("\n"));
}
