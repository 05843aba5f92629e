//! One server in a folder of its own.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt as _};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Binaries, ClusterError};

/// Who owns the server's databases; nobody is asked for a password.
const OWNER: &str = "marketplace";
/// Another program may take our free port before the server does.
const ATTEMPTS: usize = 5;

/// How the server runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether commits reach the disk. Tests may do without; a measurement without is worth
    /// nothing, and so is a test of crashes of the machine.
    pub durable: bool,
    /// Lines of the server's configuration, by name, such as `("shared_buffers", "512MB")`.
    pub parameters: Vec<(String, String)>,
    /// A certificate and its key in PEM, with which the server speaks TLS to whoever wants it.
    pub certificate: Option<(String, String)>,
}

impl Settings {
    /// For tests: fast, and not safe against a crash of the machine.
    #[must_use]
    pub fn fast() -> Self {
        Self { durable: false, parameters: Vec::new(), certificate: None }
    }

    /// For measurements: every commit reaches the disk.
    #[must_use]
    pub fn durable() -> Self {
        Self { durable: true, parameters: Vec::new(), certificate: None }
    }

    /// With one more line of configuration.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With TLS for whoever wants it.
    #[must_use]
    pub fn with_certificate(mut self, certificate: &str, key: &str) -> Self {
        self.certificate = Some((certificate.to_owned(), key.to_owned()));
        self
    }

    fn configuration(&self, port: u16, folder: &Path) -> String {
        let socket = folder.display();
        let mut text = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{socket}'\n\
             max_connections = 200\n"
        );
        if !self.durable {
            text.push_str("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n");
        }
        if self.certificate.is_some() {
            text.push_str("ssl = on\n");
        }
        for (name, value) in &self.parameters {
            text.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")));
        }
        text
    }
}

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Ends sessions, writes everything down.
    Fast,
    /// Like a crash of the server: it recovers from its log at the next start.
    Immediate,
}

impl Stop {
    const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Immediate => "immediate",
        }
    }
}

/// A running server. Gone, with its data, when dropped, and when the process that owns it ends in
/// whatever way.
#[derive(Debug)]
pub struct Cluster {
    binaries: Binaries,
    folder: PathBuf,
    port: u16,
    /// Waits for the end of its input, which is ours.
    watchdog: Child,
}

impl Cluster {
    /// Makes a server and starts it.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not start; the error has the server's own words.
    pub fn start(settings: &Settings) -> Result<Self, ClusterError> {
        let binaries = Binaries::find()?;
        let folder = new_folder(&binaries)?;
        // First of all, so that nothing stays behind whatever happens next.
        let watchdog = watch(&binaries, &folder)?;
        let mut cluster = Self { binaries, folder, port: 0, watchdog };
        cluster.init(settings)?;
        let mut failure = ClusterError::new("no free port");
        for _ in 0..ATTEMPTS {
            cluster.port = free_port()?;
            let text = settings.configuration(cluster.port, &cluster.folder);
            std::fs::write(cluster.data().join("postgresql.auto.conf"), text)
                .map_err(ClusterError::new)?;
            match cluster.resume() {
                Ok(()) => return Ok(cluster),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn init(&self, settings: &Settings) -> Result<(), ClusterError> {
        let mut init = self.binaries.command("initdb");
        init.arg("--pgdata").arg(self.data()).args(["--username", OWNER, "--auth=trust"]);
        init.args(["--encoding=UTF8", "--locale=C", "--no-instructions"]);
        if !settings.durable {
            init.arg("--no-sync");
        }
        self.run(&mut init)?;
        let Some((certificate, key)) = &settings.certificate else { return Ok(()) };
        // Where the server looks when nothing is said, and as it wants a key to be kept.
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = self.data().join(name);
            let mut options = std::fs::OpenOptions::new();
            let file = options.create_new(true).write(true).mode(0o600).open(&path);
            let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
            written.and_then(|()| self.binaries.give(&path)).map_err(ClusterError::new)?;
        }
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Where a database of the server is.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{OWNER}@127.0.0.1:{}/{database}", self.port)
    }

    /// The server's folder: its data is in `data`, its log in `log`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process id of the server, while it runs.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok()
    }

    /// Stops the server; its data stays.
    ///
    /// # Errors
    /// When it does not stop within a minute.
    pub fn stop(&self, how: Stop) -> Result<(), ClusterError> {
        self.run(self.control("stop").args(["--mode", how.name()]))
    }

    /// Kills the server's first process as the kernel would; the others follow by themselves.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&self) -> Result<(), ClusterError> {
        let process = self.process().ok_or_else(|| ClusterError::new("the server does not run"))?;
        self.run(Command::new("kill").args(["-KILL", &process.to_string()]))
    }

    /// Starts the server again after [`Self::stop`] or [`Self::kill`], on the same port.
    ///
    /// # Errors
    /// When it does not start within a minute; the error has the end of its log.
    pub fn resume(&self) -> Result<(), ClusterError> {
        let log = self.folder.join("log");
        self.run(self.control("start").arg("--log").arg(&log)).map_err(|error| {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let from = text.len().saturating_sub(2_000);
            ClusterError::new(format_args!("{error}\n{}", text.get(from..).unwrap_or(&text)))
        })
    }

    /// Stops and starts.
    ///
    /// # Errors
    /// As both.
    pub fn restart(&self, how: Stop) -> Result<(), ClusterError> {
        self.stop(how)?;
        self.resume()
    }

    fn control(&self, what: &str) -> Command {
        let mut command = self.binaries.command("pg_ctl");
        command.arg(what).arg("--pgdata").arg(self.data()).args(["--wait", "--timeout", "60"]);
        command
    }

    /// Nothing that the server inherits may be ours: a pipe held by it would never end.
    fn run(&self, command: &mut Command) -> Result<(), ClusterError> {
        let errors = self.folder.join("errors");
        let file = std::fs::File::create(&errors).map_err(ClusterError::new)?;
        command.current_dir(&self.folder).stdout(Stdio::null()).stderr(file);
        let program = format!("{command:?}");
        let status = command.status();
        let status = status
            .map_err(|error| ClusterError::new(format_args!("cannot start {program}: {error}")))?;
        if status.success() {
            return Ok(());
        }
        let said = std::fs::read_to_string(&errors).unwrap_or_default();
        Err(ClusterError::new(format_args!("{program}: {status}\n{said}")))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The watchdog does the work: one way for every end.
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

fn new_folder(binaries: &Binaries) -> Result<PathBuf, ClusterError> {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    let name = format!("marketplace-postgres-{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    // Left behind by a process of the same number before the machine was started again.
    let _ = std::fs::remove_dir_all(&folder);
    let made = std::fs::DirBuilder::new().mode(0o700).create(&folder);
    made.and_then(|()| binaries.give(&folder))
        .map_err(|error| ClusterError::new(format_args!("{}: {error}", folder.display())))?;
    Ok(folder)
}

/// A shell that outlives us: at the end of its input it stops the server and removes the folder.
/// Signals to our group, such as Ctrl-C, are not for it.
fn watch(binaries: &Binaries, folder: &Path) -> Result<Child, ClusterError> {
    const SCRIPT: &str = "trap '' HUP INT TERM; read -r _; folder=$1; shift; \
         \"$@\"; rm -rf \"$folder\"";
    let stop = binaries.command("pg_ctl");
    let mut shell = Command::new("sh");
    shell.args(["-c", SCRIPT, "watchdog"]).arg(folder);
    shell.arg(stop.get_program()).args(stop.get_args());
    shell.args(["stop", "--mode", "immediate", "--wait", "--timeout", "20", "--pgdata"]);
    shell.arg(folder.join("data")).current_dir(std::env::temp_dir()).process_group(0);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.spawn().map_err(|error| ClusterError::new(format_args!("cannot start sh: {error}")))
}

fn free_port() -> Result<u16, ClusterError> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(ClusterError::new)?;
    Ok(listener.local_addr().map_err(ClusterError::new)?.port())
}
