//! What a PostgreSQL server did during a run: transactions, syncs, processor time, what its
//! sessions waited for, and which balance was the hottest.

#![expect(clippy::float_arithmetic, reason = "figures for people, not money")]

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use marketplace_postgres_cluster::{ClusterError, Server, Settings};

use super::process::cpu_seconds;

/// A private server with every commit on the disk, as large as a small machine's would be; one that
/// counts what each statement costs, where it is wanted.
///
/// # Errors
/// When PostgreSQL is not installed, or does not start.
pub fn durable_server(counts_statements: bool) -> Result<Arc<Server>, ClusterError> {
    let mut settings = Settings::durable()
        .with("shared_buffers", "1GB")
        .with("max_wal_size", "8GB")
        .with("wal_buffers", "16MB")
        .with("checkpoint_timeout", "15min");
    if counts_statements {
        settings = settings.with("shared_preload_libraries", "pg_stat_statements");
    }
    Server::private(&settings).map(Arc::new)
}

/// Counts of a database, to be compared with earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    named: BTreeMap<&'static str, u64>,
    processor: f64,
}

const QUERIES: &[(&str, &str)] = &[
    ("transactions", "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"),
    ("deadlocks", "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"),
    ("syncs", "SELECT wal_sync FROM pg_stat_wal"),
    ("wal bytes", "SELECT wal_bytes FROM pg_stat_wal"),
    ("batches", "SELECT count(*) FROM batches WHERE outcomes IS NOT NULL"),
    ("sets", "SELECT coalesce(sum(length(outcomes)), 0) FROM batches"),
    (
        "conflicts",
        "SELECT coalesce(sum(length(outcomes) - length(replace(outcomes, 'c', ''))), 0) FROM batches",
    ),
    ("updates", "SELECT sum(n_tup_upd) FROM pg_stat_user_tables"),
    ("updates in place", "SELECT sum(n_tup_hot_upd) FROM pg_stat_user_tables"),
];

impl Counts {
    /// As they are now.
    ///
    /// # Errors
    /// In the server's words.
    pub fn read(server: &Server, database: &str) -> Result<Self, ClusterError> {
        let parts: Vec<String> = QUERIES.iter().map(|(_, query)| format!("({query})")).collect();
        let answer = server.sql(database, &format!("SELECT {}", parts.join(", ")))?;
        let numbers = answer.split('|').map(|text| text.trim().parse().unwrap_or(0));
        let named = QUERIES.iter().map(|(name, _)| *name).zip(numbers).collect();
        Ok(Self { named, processor: processor(server) })
    }

    /// What happened in between.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let less = |(name, now): (&&'static str, &u64)| {
            (*name, now.saturating_sub(before.named.get(name).copied().unwrap_or(0)))
        };
        let processor = self.processor - before.processor;
        Self { named: self.named.iter().map(less).collect(), processor }
    }

    /// A count by its name.
    #[must_use]
    pub fn of(&self, name: &str) -> f64 {
        self.named.get(name).map_or(0.0, |count| *count as f64)
    }

    /// Seconds of processor time of all processes of the server.
    #[must_use]
    pub fn processor(&self) -> f64 {
        self.processor
    }
}

/// Seconds of processor time that a private server has used in all its processes.
#[must_use]
pub fn processor(server: &Server) -> f64 {
    let Some(first) = server.cluster().and_then(|cluster| cluster.process()) else { return 0.0 };
    let living = children(first).into_iter().filter_map(cpu_seconds).sum::<f64>();
    living + cpu_seconds(first).unwrap_or(0.0) + gone(first)
}

fn stat(process: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn children(parent: u32) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_child = |process: &u32| {
        stat(*process).and_then(|fields| fields.get(1)?.parse().ok()) == Some(parent)
    };
    names.filter(is_child).collect()
}

/// Of children that have ended.
fn gone(parent: u32) -> f64 {
    let Some(fields) = stat(parent) else { return 0.0 };
    let hundredths = fields.iter().skip(13).take(2).filter_map(|text| text.parse::<u32>().ok());
    f64::from(hundredths.sum::<u32>()) / 100.0
}

/// What the statements of a database cost for each of `lifecycles`, the dearest first.
///
/// # Errors
/// In the server's words; also when it does not count.
pub fn slowest_statements(
    server: &Server,
    database: &str,
    lifecycles: usize,
) -> Result<String, ClusterError> {
    let query = format!(
        "SELECT lpad(round((total_exec_time * 1000 / {lifecycles})::numeric, 1)::text, 8)
             || ' µs ' || lpad(calls::text, 7) || ' calls ' || lpad((wal_bytes / {lifecycles})::bigint::text, 6)
             || ' bytes of log: ' || left(regexp_replace(query, '\\s+', ' ', 'g'), 100)
         FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
         WHERE d.datname = '{database}' AND query NOT LIKE '%bench_waits%'
         ORDER BY total_exec_time DESC LIMIT 20"
    );
    server.sql("postgres", &query)
}

/// Samples what sessions wait for, twenty times a second, until it is dropped.
pub struct Sampler {
    psql: Child,
}

const SAMPLE: &str = "
DO $$ BEGIN
  FOR round IN 1..100000 LOOP
    INSERT INTO bench_waits
      SELECT CASE WHEN state <> 'active' THEN 'idle: ' || state
                  ELSE coalesce(wait_event_type || ': ' || wait_event, 'running') END, count(*)
      FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND state IS NOT NULL
      GROUP BY 1;
    INSERT INTO bench_waits
      SELECT 'not granted: ' || locktype || ' ' || coalesce(relation::regclass::text, ''), count(*)
      FROM pg_locks WHERE NOT granted GROUP BY 1;
    PERFORM pg_stat_clear_snapshot();
    COMMIT;
    PERFORM pg_sleep(0.05);
    COMMIT;
  END LOOP;
END $$";

impl Sampler {
    /// Begins.
    ///
    /// # Errors
    /// When the table for the samples cannot be made, or psql does not start.
    pub fn start(server: &Server, database: &str) -> anyhow::Result<Self> {
        let table = "DROP TABLE IF EXISTS bench_waits;
                     CREATE UNLOGGED TABLE bench_waits (what TEXT, sessions BIGINT)";
        server.sql(database, table)?;
        let mut psql = Command::new("psql");
        psql.args(["--no-psqlrc", "--quiet", "--dbname", &server.url(database)]);
        psql.args(["--command", SAMPLE]).stdin(Stdio::null()).stderr(Stdio::null());
        Ok(Self { psql: psql.spawn()? })
    }

    /// Ends, and says what the sessions did, the most frequent first.
    ///
    /// # Errors
    /// In the server's words.
    pub fn finish(mut self, server: &Server, database: &str) -> Result<String, ClusterError> {
        let stop = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE query LIKE '%bench_waits%' AND pid <> pg_backend_pid()";
        server.sql(database, stop)?;
        let _ = self.psql.wait();
        let shares = "SELECT what, round(100.0 * sum(sessions) / sum(sum(sessions)) OVER (), 1)
                      FROM bench_waits GROUP BY 1 ORDER BY 2 DESC LIMIT 9";
        let answer = server.sql(database, shares)?;
        let lines = answer.lines().map(|line| line.replace('|', " ") + " %");
        Ok(lines.collect::<Vec<_>>().join(", "))
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        let _ = self.psql.kill();
        let _ = self.psql.wait();
    }
}

/// The balances that the most batches changed, with the share of batches that did.
///
/// # Errors
/// In the server's words.
pub fn hottest_balances(server: &Server, database: &str) -> Result<String, ClusterError> {
    let query = "SELECT left(account, 26), round(100.0 * count(DISTINCT batch)
                   / (SELECT count(*) FROM batches WHERE outcomes IS NOT NULL), 1)
                 FROM postings WHERE balance IS NOT NULL GROUP BY 1 ORDER BY 2 DESC LIMIT 2";
    let answer = server.sql(database, query)?;
    let lines = answer.lines().map(|line| line.replace('|', " in ") + " % of all batches");
    Ok(lines.collect::<Vec<_>>().join(", "))
}
