//! The file: who may open it, who may read it, and what a killed server leaves.

use crate::market::{Market, did};
use marketplace_ports::{OrderFilter, Store};
use marketplace_store_sqlite::OpenError;

#[tokio::test]
async fn a_file_has_one_server() {
    let mut market = Market::new();
    let refused = market.open().unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    assert!(refused.to_string().contains("in use by another server"), "{refused}");
    // Nor under another name.
    #[cfg(unix)]
    {
        let link = market.folder.path().join("link.db");
        std::os::unix::fs::symlink(market.path(), &link).unwrap();
        assert!(matches!(market.open_at(link), Err(OpenError::InUse { .. })));
    }
    market.reopen();
    assert!(matches!(market.open(), Err(OpenError::InUse { .. })));
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let market = Market::new();
    let path = market.folder.path().join("notes.txt");
    std::fs::write(&path, "not a database, ".repeat(100)).unwrap();
    let refused = market.open_at(path.clone()).unwrap_err();
    assert!(matches!(refused, OpenError::Database { .. }), "{refused}");
    assert_eq!(std::fs::read_to_string(path).unwrap().len(), 1_600);
    let refused = market.open_at(market.folder.path().join("notes.txt").join("x.db")).unwrap_err();
    assert!(matches!(refused, OpenError::Io { .. }), "{refused}");
}

#[tokio::test]
async fn odd_names_are_names_of_files() {
    let mut market = Market::new();
    market.close();
    for name in ["a b.db", "a?mode=memory", "50%23.db", "a#b", "ü.db"] {
        let path = market.folder.path().join(name);
        drop(market.open_at(path.clone()).unwrap());
        assert!(path.is_file(), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn only_its_owner_reads_a_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let market = Market::new();
    for suffix in ["", "-wal", "-shm"] {
        let mut path = market.path().into_os_string();
        path.push(suffix);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
}

/// The files as they are in the middle of everything are what a killed process leaves: the log is
/// not in the database yet, nobody said goodbye.
#[tokio::test]
async fn a_killed_server_loses_nothing_that_was_answered() {
    let mut market = Market::new();
    let ids = market.fill().await;
    let killed = market.folder.path().join("killed.db");
    let mut log = market.path().into_os_string();
    log.push("-wal");
    std::fs::copy(market.path(), &killed).unwrap();
    std::fs::copy(log, market.folder.path().join("killed.db-wal")).unwrap();
    let store = market.open_at(killed).unwrap();
    assert_eq!(store.audit().await.unwrap(), market.store().audit().await.unwrap());
    assert_eq!(store.audit().await.unwrap().breaches(), [""; 0]);
    for id in ids {
        assert_eq!(store.order(id).await, market.store().order(id).await);
    }
    let events = store.events_after(0, 100).await.unwrap();
    assert_eq!(events, market.store().events_after(0, 100).await.unwrap());
    assert_eq!(events.len(), 3);
}

/// Chains and counters go on where they were.
#[tokio::test]
async fn lists_go_on_after_a_restart() {
    let mut market = Market::new();
    let mut ids = Vec::from(market.fill().await);
    for _ in 0..3 {
        market.reopen();
        let (id, set) = market.purchase(&did("buyer"), &did("seller"), "");
        market.write(set).await;
        ids.push(id);
    }
    ids.reverse();
    for as_seller in [false, true] {
        let agent = if as_seller { did("seller") } else { did("buyer") };
        let filter = OrderFilter { agent, as_seller, status: None, cursor: None, limit: 10 };
        let page = market.store().orders(&filter).await.unwrap();
        let found: Vec<_> = page.items.iter().map(|order| order.id).collect();
        assert_eq!(found, ids);
    }
    let lines = market.store().statement(&did("buyer"), None, 10).await.unwrap().items;
    assert_eq!(lines.len(), 1 + 5);
    assert_eq!(market.breaches().await, [""; 0]);
}
