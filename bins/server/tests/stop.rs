//! The server as a process: it says where it serves, stops on a signal, and ends with 0.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

struct Running {
    process: Child,
    /// What it logs, from the line after "serving".
    log: BufReader<ChildStderr>,
    /// What it logged until then.
    start: String,
}

fn server(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marketplace-server"));
    command.args(["--listen=127.0.0.1:0", "--log-level=info"]).current_dir(folder);
    command.stderr(Stdio::piped());
    command
}

fn start(folder: &Path) -> Running {
    let mut process = server(folder).spawn().expect("the server starts");
    let mut log = BufReader::new(process.stderr.take().expect("its log is piped"));
    let mut start = String::new();
    while !start.contains(" serving ") {
        let read = log.read_line(&mut start).expect("its log is text");
        assert!(read > 0, "it ended before it served:\n{start}");
    }
    Running { process, log, start }
}

fn signal(process: &Child, name: &str) {
    let id = process.id().to_string();
    let sent = Command::new("kill").args([name, &id]).status().expect("kill is there");
    assert!(sent.success());
}

#[test]
fn a_signal_stops_it_gently() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["-TERM", "-INT"] {
        let mut server = start(folder.path());
        assert!(server.start.contains("play money"), "{}", server.start);
        assert!(server.start.contains("AUTH_MODE=required"), "{}", server.start);
        signal(&server.process, name);
        let status = server.process.wait().expect("it ends");
        let rest: Vec<String> = server.log.lines().map_while(Result::ok).collect();
        assert_eq!(status.code(), Some(0), "{name}: {rest:?}");
    }
}

#[test]
fn a_second_server_on_the_file_says_why_it_does_not_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut first = start(folder.path());
    let second = server(folder.path()).output().expect("it ends by itself");
    assert_eq!(second.status.code(), Some(1));
    let says = String::from_utf8_lossy(&second.stderr);
    assert!(says.contains("in use by another server"), "{says}");
    signal(&first.process, "-TERM");
    assert_eq!(first.process.wait().expect("it ends").code(), Some(0));
}
