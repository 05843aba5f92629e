//! Where PostgreSQL's programs are, and as whom they run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::ClusterError;

/// The Debian package that has everything.
pub const DEBIAN_PACKAGE: &str = "postgresql";
/// What to type where the programs are missing.
pub const HOW_TO_INSTALL: &str = "please type: sudo apt-get install -y postgresql";

/// A folder with the server's programs, and the user who may run them.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
    /// Somebody else, when we are root: the server refuses to be root.
    user: Option<User>,
}

#[derive(Clone, Debug)]
struct User {
    uid: u32,
    gid: u32,
}

impl Binaries {
    /// Looks in `PG_BIN`, then for the newest version where Debian puts them, then in `PATH`.
    ///
    /// # Errors
    /// When they are nowhere: the error says what to type.
    pub fn find() -> Result<Self, ClusterError> {
        let folder = named().or_else(newest_of_debian).or_else(in_path);
        let folder = folder.ok_or_else(|| {
            ClusterError::new(format_args!("PostgreSQL is not installed; {HOW_TO_INSTALL}"))
        })?;
        Ok(Self { folder, user: user()? })
    }

    /// A program of the server's.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A command for one of the server's programs, as a user who may run it.
    pub(crate) fn command(&self, name: &str) -> Command {
        let program = self.program(name);
        let mut command = match &self.user {
            None => Command::new(program),
            Some(User { uid, gid }) => {
                let mut command = Command::new("setpriv");
                command.args([format!("--reuid={uid}"), format!("--regid={gid}")]);
                command.arg("--clear-groups").arg(program);
                command
            }
        };
        command.stdin(Stdio::null());
        command
    }

    /// Gives a folder to the user who runs the programs.
    pub(crate) fn give(&self, folder: &Path) -> std::io::Result<()> {
        match &self.user {
            None => Ok(()),
            Some(user) => std::os::unix::fs::chown(folder, Some(user.uid), Some(user.gid)),
        }
    }
}

fn has_all(folder: &Path) -> bool {
    ["initdb", "postgres", "pg_ctl", "psql"].iter().all(|name| folder.join(name).is_file())
}

fn named() -> Option<PathBuf> {
    std::env::var_os("PG_BIN").map(PathBuf::from)
}

fn newest_of_debian() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let folders = versions.filter_map(|entry| Some(entry.ok()?.path()));
    let numbered = folders.filter_map(|path| Some((version(&path)?, path.join("bin"))));
    numbered.filter(|(_, bin)| has_all(bin)).max().map(|(_, bin)| bin)
}

fn in_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find(|folder| has_all(folder))
}

/// Nobody when we are an ordinary user ourselves.
fn user() -> Result<Option<User>, ClusterError> {
    let id = Command::new("id").arg("-u").output().map_err(ClusterError::new)?;
    if id.stdout.trim_ascii() != b"0" {
        return Ok(None);
    }
    let accounts = std::fs::read_to_string("/etc/passwd").map_err(ClusterError::new)?;
    let user = ["postgres", "nobody"].iter().find_map(|name| find_user(&accounts, name));
    let user = user.ok_or_else(|| {
        ClusterError::new("PostgreSQL does not run as root, and there is no user for it")
    })?;
    Ok(Some(user))
}

fn find_user(accounts: &str, name: &str) -> Option<User> {
    let mut lines = accounts.lines().map(|line| line.split(':'));
    let mut fields = lines.find_map(|mut line| (line.next()? == name).then_some(line))?;
    let uid = fields.nth(1)?.parse().ok()?;
    Some(User { uid, gid: fields.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_from_their_file() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:104:,,,:/var/lib:/bin/sh\n";
        let check = |name: &str, expect: Option<(u32, u32)>| {
            let found = find_user(accounts, name).map(|user| (user.uid, user.gid));
            assert_eq!(found, expect, "{name}");
        };
        check("postgres", Some((101, 104)));
        check("root", Some((0, 0)));
        check("x", None);
        check("", None);
    }
}
