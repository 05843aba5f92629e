//! Three servers and two workers over one PostgreSQL database, killed again and again, at a length
//! for every day; `cargo xtask verify replicas` does it for minutes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use marketplace_testkit::replicas::{ReplicasPlan, trade_over_replicas};

/// Of another package, in the folder of our own.
fn beside(worker: &Path, name: &str) -> PathBuf {
    let path = worker.with_file_name(name);
    assert!(path.exists(), "{name} is not built; please type: cargo build --workspace --bins");
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_once_whoever_is_killed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let worker = Path::new(env!("CARGO_BIN_EXE_marketplace-worker"));
    let plan = ReplicasPlan {
        server: beside(worker, "marketplace-server"),
        worker: worker.to_owned(),
        teg: beside(worker, "marketplace-teg"),
        folder: folder.path().to_owned(),
        length: Duration::from_secs(9),
        clients: 8,
        database_restarts: 2,
        seed: 7,
    };
    let report = trade_over_replicas(plan).await.expect("a clean report");
    assert!(report.kills >= 10, "{report:?}");
    assert!(report.ended_by_timers() > 0 && report.commands > report.orders(), "{report:?}");
}
