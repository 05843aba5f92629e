//! A server comes, keeps what it must over its own crashes, and goes with whoever started it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use marketplace_postgres_cluster::{Server, Settings, Stop, Template, shared};

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_server_survives_its_crashes_and_leaves_nothing_behind() {
    let server = Arc::new(Server::private(&Settings::durable().with("work_mem", "5MB")).unwrap());
    let folder = server.cluster().unwrap().folder().to_owned();
    let database = server.empty_database().unwrap();
    database.sql("CREATE TABLE a (b INT); INSERT INTO a VALUES (7)").unwrap();
    assert_eq!(database.sql("SHOW work_mem; SHOW fsync").unwrap(), "5MB\non");
    server.cluster().unwrap().restart(Stop::Immediate).unwrap();
    assert_eq!(database.sql("SELECT b FROM a").unwrap(), "7");
    server.cluster().unwrap().kill().unwrap();
    // Its other processes notice by themselves; until then the new one does not start.
    wait_until("the server comes again", || server.cluster().unwrap().resume().is_ok());
    assert_eq!(database.sql("SELECT b FROM a").unwrap(), "7");
    let process = server.cluster().unwrap().process().unwrap();
    assert!(is_alive(process));
    drop(database);
    drop(server);
    assert!(!is_alive(process));
    assert!(!folder.exists());
}

/// Whether a process runs: one that has ended may wait for its parent to ask how.
fn is_alive(process: u32) -> bool {
    let mut ps = Command::new("ps");
    let output = ps.args(["-o", "stat=", "-p", &process.to_string()]).output().expect("ps");
    let state = String::from_utf8(output.stdout).expect("text");
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

#[test]
fn a_server_goes_with_a_process_that_is_killed() {
    let own = std::env::current_exe().unwrap();
    let mut child = Command::new(own)
        .args(["--exact", "child_of_the_test_above", "--nocapture", "--include-ignored"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines
        .map_while(Result::ok)
        .find_map(|line| line.split_once("server in ").map(|(_, rest)| rest.to_owned()));
    let (folder, process) = line.as_deref().and_then(|line| line.split_once('|')).unwrap();
    let process: u32 = process.parse().unwrap();
    assert!(Path::new(folder).exists() && is_alive(process));
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the folder goes", || !Path::new(folder).exists());
    assert!(!is_alive(process));
}

/// Not a test by itself: it waits to be killed.
#[test]
#[ignore = "the test above runs it in a process of its own"]
fn child_of_the_test_above() {
    let server = Server::private(&Settings::fast()).unwrap();
    let cluster = server.cluster().unwrap();
    println!("\nserver in {}|{}", cluster.folder().display(), cluster.process().unwrap());
    std::thread::park_timeout(Duration::from_secs(60));
}

#[test]
fn each_test_has_a_database_of_its_own_from_a_template() {
    let server = shared();
    let fill = |url: &str| {
        let (_, name) = url.rsplit_once('/').unwrap();
        shared().sql(name, "CREATE TABLE a (b INT)").unwrap();
    };
    let content = format!("one table a, {}", std::process::id());
    let template = Template { content: &content, fill: &fill };
    let (first, second) = (server.database(template).unwrap(), server.database(template).unwrap());
    first.sql("INSERT INTO a VALUES (1)").unwrap();
    assert_eq!(first.sql("SELECT COUNT(*) FROM a").unwrap(), "1");
    assert_eq!(second.sql("SELECT COUNT(*) FROM a").unwrap(), "0");
    assert!(second.sql("SELECT c FROM a").unwrap_err().to_string().contains("\"c\""));
    let name = first.name().to_owned();
    drop(first);
    let known = format!("SELECT COUNT(*) FROM pg_database WHERE datname = '{name}'");
    assert_eq!(second.sql(&known).unwrap(), "0");
}
