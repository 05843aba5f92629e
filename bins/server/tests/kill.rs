//! kill -9 under load, at a count for every day; `cargo xtask verify kill` does it twenty times.

use std::path::Path;

use marketplace_testkit::load::kill_under_load;

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Path::new(env!("CARGO_BIN_EXE_marketplace-server"));
    let report = kill_under_load(server, folder.path(), 3, 300).await.expect("a clean report");
    assert!(report.purchases >= 300 && report.completions > 0, "{report:?}");
}
