//! One server for each file: an advisory lock on a file beside it.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::OpenError;

/// Held as long as the store is open; the system gives it back when the process dies.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    pub(crate) fn acquire(database: &Path) -> Result<Self, OpenError> {
        let path = || database.display().to_string();
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        // The lock file is never deleted: a waiting opener would lock a name that is gone.
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(name)
            .map_err(|source| OpenError::Io { path: path(), source })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path() }),
            Err(TryLockError::Error(source)) => Err(OpenError::Io { path: path(), source }),
        }
    }
}
