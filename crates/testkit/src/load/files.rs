//! How many connections this process and those that it starts may hold.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Allows `count` open files and connections, for us and every process that we start from now on.
///
/// # Errors
/// When the system's bound for this user is lower: the error says what to do.
pub fn allow_open_files(count: u64) -> anyhow::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= count) {
        return Ok(());
    }
    anyhow::ensure!(
        limit.maximum.is_none_or(|most| most >= count),
        "this run needs {count} open files, the system allows {} (ulimit -Hn): raise the bound of \
         this user (nofile in /etc/security/limits.conf) or ask for fewer agents and streams",
        limit.maximum.unwrap_or(u64::MAX)
    );
    limit.current = Some(count);
    Ok(setrlimit(Resource::Nofile, limit)?)
}
