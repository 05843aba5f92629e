//! The worker as a process: it works on what servers share, and says so when nothing is shared.

use std::process::Command;

fn worker() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marketplace-worker"));
    command.arg("--worker-listen=127.0.0.1:0");
    command
}

#[test]
fn it_does_not_work_on_the_file_of_a_server() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for flags in [
        &["--database-url=sqlite:market.db"][..],
        &[],
        &["--database-url=postgres://127.0.0.1:1/none"],
    ] {
        let output = worker().args(flags).current_dir(folder.path()).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        let says = String::from_utf8_lossy(&output.stderr);
        assert!(says.contains("belongs to its one server"), "{says}");
    }
    let left = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 0, "it made a file that is not its own");
}

#[test]
fn help() {
    let output = worker().arg("--help").output().expect("it starts");
    let says = String::from_utf8_lossy(&output.stdout);
    for word in ["WORKER_LISTEN_ADDR", "DATABASE_URL", "TEG_LAYER_URL", "/readyz"] {
        assert!(says.contains(word), "{word}: {says}");
    }
}
