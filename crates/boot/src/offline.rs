//! Looking into a store while no server runs on it.

use std::path::Path;
use std::sync::Arc;

use marketplace_ports::{Audit, Store};
use marketplace_store_sqlite::SqliteStore;

use crate::{BootError, system_clock};

/// Checks the invariants of a SQLite file. Takes its lock, so that no server starts meanwhile;
/// minutes on a large file.
///
/// # Errors
/// When there is no such file, a server runs on it, or it cannot be read.
pub async fn offline_audit(path: &Path) -> Result<Audit, BootError> {
    // Opening would make an empty file, in which everything is well.
    if !path.is_file() {
        let reason = format!("{} is not a file", path.display());
        return Err(BootError::Store(reason.into()));
    }
    let path = path.to_owned();
    let opened = crate::edges::blocking(move || SqliteStore::open(&path, system_clock())).await;
    let store = Arc::new(opened.map_err(|error| BootError::Store(error.into()))?);
    let audit = store.audit().await?;
    crate::edges::blocking(move || drop(store)).await;
    Ok(audit)
}
