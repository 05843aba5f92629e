//! The server that tests share, and the databases that they make in it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Binaries, Cluster, ClusterError, Database, HOW_TO_INSTALL, Settings};

/// The environment variable by which `cargo xtask test` names the server of the whole run.
pub const SERVER_VARIABLE: &str = "MARKETPLACE_TEST_POSTGRES";

/// A server in which databases can be made: one of our own, or one that was given.
#[derive(Debug)]
pub struct Server {
    psql: PathBuf,
    /// A database of it that exists.
    url: String,
    cluster: Option<Cluster>,
    /// Held while a template is made, so that a process makes each one once.
    templates: Mutex<()>,
}

/// What a fresh database begins with.
#[derive(Clone, Copy)]
pub struct Template<'a> {
    /// Names the content: another text whenever the content changes.
    pub content: &'a str,
    /// Fills an empty database, given its URL.
    pub fill: &'a dyn Fn(&str),
}

/// The server that all tests of the process share: the one that `cargo xtask test` started, or
/// the one of a `DATABASE_URL` of `postgres://`, or one of our own.
///
/// # Panics
/// When there is none and none can be started: tests are never skipped. The message says what to
/// type.
#[must_use]
pub fn shared() -> Arc<Server> {
    static SHARED: OnceLock<Arc<Server>> = OnceLock::new();
    let open = || {
        let server = match given() {
            Some(url) => Ok(Server::at(&url)),
            None => Server::private(&Settings::fast()),
        };
        match server {
            Ok(server) => Arc::new(server),
            Err(error) => panic!("these tests need a PostgreSQL server: {error}"),
        }
    };
    SHARED.get_or_init(open).clone()
}

/// The URL of a server that was given by the environment.
#[must_use]
pub fn given() -> Option<String> {
    let named = std::env::var(SERVER_VARIABLE).ok();
    let usual = std::env::var("DATABASE_URL").ok();
    let is_ours = |url: &String| url.starts_with("postgres:") || url.starts_with("postgresql:");
    named.or_else(|| usual.filter(is_ours))
}

impl Server {
    /// A server that runs already, by the URL of one of its databases. Whoever it names may make
    /// databases.
    #[must_use]
    pub fn at(url: &str) -> Self {
        // Such a server may be elsewhere: its client is enough, wherever it is.
        let psql = Binaries::find().map_or_else(|_| "psql".into(), |found| found.program("psql"));
        Self { psql, url: url.to_owned(), cluster: None, templates: Mutex::default() }
    }

    /// A server of our own.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn private(settings: &Settings) -> Result<Self, ClusterError> {
        let cluster = Cluster::start(settings)?;
        let mut server = Self::at(&cluster.url("postgres"));
        server.cluster = Some(cluster);
        Ok(server)
    }

    /// Our own server's handle, to stop and start it.
    #[must_use]
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    /// Where a database of the server is.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        with_database(&self.url, database)
    }

    /// Runs statements in a database; says what they answer, a line for each row, fields parted
    /// by `|`.
    ///
    /// # Errors
    /// In the server's words.
    pub fn sql(&self, database: &str, statements: &str) -> Result<String, ClusterError> {
        self.sql_at(&self.url(database), statements)
    }

    fn sql_at(&self, url: &str, statements: &str) -> Result<String, ClusterError> {
        let mut psql = Command::new(&self.psql);
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        psql.args(["--set", "ON_ERROR_STOP=1", "--dbname", url, "--command", statements]);
        let output = psql.output();
        let output = output.map_err(|error| {
            ClusterError::new(format_args!("cannot start psql ({error}); {HOW_TO_INSTALL}"))
        })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(ClusterError::new(format_args!("{statements}: {said}")));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// An empty database.
    ///
    /// # Errors
    /// In the server's words.
    pub fn empty_database(self: &Arc<Self>) -> Result<Database, ClusterError> {
        let name = fresh_name("test");
        self.sql_at(&self.url, &format!("CREATE DATABASE {name}"))?;
        Ok(Database::new(self, name))
    }

    /// A database that begins as the template says. The template is filled once for the server,
    /// whichever process comes first.
    ///
    /// # Errors
    /// In the server's words.
    pub fn database(self: &Arc<Self>, template: Template<'_>) -> Result<Database, ClusterError> {
        let name = fresh_name("test");
        let from = format!("marketplace_{:016x}", digest(template.content));
        let copy = format!("CREATE DATABASE {name} TEMPLATE {from}");
        if self.sql_at(&self.url, &copy).is_err() {
            self.make_template(&from, template)?;
            self.sql_at(&self.url, &copy)?;
        }
        Ok(Database::new(self, name))
    }

    /// Filled under another name and renamed: nobody sees it half full, and of two processes the
    /// slower one throws its own away.
    fn make_template(&self, name: &str, template: Template<'_>) -> Result<(), ClusterError> {
        let _alone = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        let known = format!("SELECT 1 FROM pg_database WHERE datname = '{name}'");
        if !self.sql_at(&self.url, &known)?.is_empty() {
            return Ok(());
        }
        let draft = fresh_name("template");
        self.sql_at(&self.url, &format!("CREATE DATABASE {draft}"))?;
        (template.fill)(&self.url(&draft));
        let renamed = self.sql_at(&self.url, &format!("ALTER DATABASE {draft} RENAME TO {name}"));
        if let Err(error) = renamed {
            self.sql_at(&self.url, &format!("DROP DATABASE {draft} WITH (FORCE)"))?;
            if self.sql_at(&self.url, &known)?.is_empty() {
                return Err(error);
            }
        }
        Ok(())
    }

    pub(crate) fn drop_database(&self, name: &str) -> Result<(), ClusterError> {
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        self.sql_at(&self.url, &drop).map(|_| ())
    }
}

/// A name that no other process gives.
fn fresh_name(kind: &str) -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{kind}_{}_{number}_{}", std::process::id(), since.as_micros())
}

/// FNV-1a: the same in every process, which the standard library's hasher does not promise.
fn digest(content: &str) -> u64 {
    content.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The same server's URL with another database in it.
fn with_database(url: &str, database: &str) -> String {
    let (place, parameters) = url.split_once('?').map_or((url, None), |(a, b)| (a, Some(b)));
    let authority = place.find("://").map_or(0, |at| at + 3);
    let end = place[authority..].find('/').map_or(place.len(), |at| authority + at);
    let parameters = parameters.map(|text| format!("?{text}")).unwrap_or_default();
    format!("{}/{database}{parameters}", &place[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_of_the_same_server() {
        let check = |url: &str, expect: &str| assert_eq!(with_database(url, "new"), expect);
        check("postgres://a:b@c:1/old", "postgres://a:b@c:1/new");
        check("postgres://c", "postgres://c/new");
        check("postgres://c/", "postgres://c/new");
        check("postgresql://c/old?sslmode=require", "postgresql://c/new?sslmode=require");
        check("postgres://c?x=/y", "postgres://c/new?x=/y");
    }
}
