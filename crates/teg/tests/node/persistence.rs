//! What a file keeps, and who may open it.

use std::path::Path;

use crate::common::{GENESIS, avt, code, did, order, settings};
use marketplace_money::Amount;
use marketplace_ports::{HistoryCursor, Teg};
use marketplace_teg::{EmbeddedTeg, EmbeddedTegSettings, OpenError};
use uuid::Uuid;

fn open(path: &Path) -> Result<EmbeddedTeg, OpenError> {
    EmbeddedTeg::open(path, settings())
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/teg.db");
    let teg = open(&path).unwrap();
    teg.faucet(&did("buyer")).await.unwrap();
    let pulled = teg.pull(&order(1, "buyer", "5.125")).await.unwrap();
    let paid = teg.transfer(&order(2, "seller", "5")).await.unwrap();
    teg.signal(&paid.id, true).await.unwrap();
    teg.stake(Uuid::from_u128(3), avt("1000")).await.unwrap();
    let (audit, history) =
        (teg.audit().await.unwrap(), teg.history(&HistoryCursor::default(), 10).await.unwrap());
    drop(teg);

    let more = EmbeddedTegSettings { genesis: Amount::from_avt(99), ..settings() };
    let teg = EmbeddedTeg::open(&path, more).unwrap();
    assert_eq!(teg.audit().await.unwrap(), audit, "a second genesis, or something lost");
    assert!(audit.is_clean());
    assert_eq!(teg.history(&HistoryCursor::default(), 10).await.unwrap(), history);
    assert_eq!(teg.pull(&order(1, "buyer", "5.125")).await.unwrap(), pulled);
    assert_eq!(teg.transfer(&order(2, "seller", "5")).await.unwrap(), paid);
    assert_eq!(code(&teg.transfer(&order(1, "seller", "5")).await), "idempotency_mismatch");
    assert_eq!(code(&teg.faucet(&did("buyer")).await), "faucet_used");
    assert_eq!(code(&teg.signal(&paid.id, true).await), "already_signaled");
    teg.stake(Uuid::from_u128(3), avt("1000")).await.unwrap();
    assert_eq!(teg.balance().await.unwrap().staked, avt("1000"));
    assert_eq!(teg.audit().await.unwrap(), audit);
}

#[tokio::test]
async fn one_server_for_each_file_under_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("teg.db");
    let teg = open(&path).unwrap();
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for name in [path.clone(), link, folder.path().join(".").join("teg.db")] {
        let refused = open(&name).unwrap_err();
        assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
        assert!(refused.to_string().contains("in use by another server"), "{refused}");
    }
    assert_eq!(teg.balance().await.unwrap().available, GENESIS);
    drop(teg);
    drop(open(&path).unwrap());
}

#[tokio::test]
async fn a_file_keeps_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("teg.db");
    drop(open(&path).unwrap());
    let stranger = EmbeddedTegSettings { owner: did("stranger"), ..settings() };
    let refused = EmbeddedTeg::open(&path, stranger).unwrap_err();
    assert!(matches!(refused, OpenError::OtherOwner { .. }), "{refused}");
    assert_eq!(open(&path).unwrap().balance().await.unwrap().available, GENESIS);
}

#[tokio::test]
async fn what_is_no_database_is_told_clearly() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage.db");
    std::fs::write(
        &garbage,
        "this is not a database, but long enough to be taken for one".repeat(99),
    )
    .unwrap();
    let refused = open(&garbage).unwrap_err();
    assert!(matches!(refused, OpenError::Database { .. }), "{refused}");
    let refused = open(folder.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Database { .. }), "{refused}");
    let refused = open(&garbage.join("teg.db")).unwrap_err();
    assert!(matches!(refused, OpenError::Io { .. }), "{refused}");
}
