//! The database's clock, made to run fast: a function of the same name that is found before
//! PostgreSQL's own. Nothing in the product knows of it.
//!
//! Whenever it jumps, a server's sign of life is written in the same transaction. Otherwise the
//! market would take the jump for downtime, in which all its clocks stand still.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use marketplace_postgres_cluster::{Database, Server};
use tokio::task::JoinHandle;

const INSTALL: &str = "
CREATE SCHEMA fast;
CREATE TABLE fast.shift (seconds BIGINT NOT NULL);
INSERT INTO fast.shift VALUES (0);
CREATE FUNCTION fast.clock_timestamp() RETURNS TIMESTAMPTZ LANGUAGE sql VOLATILE AS
  'SELECT pg_catalog.clock_timestamp() + (SELECT seconds FROM fast.shift) * INTERVAL ''1 second''';";

/// Seconds of a jump; about fifty jumps a second.
pub(super) const WHILE_TRADING: u32 = 40;
/// When nobody is in a hurry any more.
pub(super) const TO_THE_END: u32 = 600;
/// One statement's share: a restart of the database ends it, and the next one begins.
const JUMPS: u32 = 25;
const PAUSE: Duration = Duration::from_millis(50);

/// The clock of a database.
#[derive(Clone)]
pub(super) struct FastClock {
    server: Arc<Server>,
    database: String,
}

/// Gives a database such a clock, before anybody has opened it.
pub(super) fn install(database: &Database) -> anyhow::Result<FastClock> {
    let name = database.name();
    database.sql(INSTALL)?;
    database.sql(&format!("ALTER DATABASE {name} SET search_path = public, fast, pg_catalog"))?;
    Ok(FastClock { server: database.server().clone(), database: name.to_owned() })
}

/// A clock that jumps until it is stopped.
pub(super) struct Running {
    clock: FastClock,
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl FastClock {
    /// Lets it jump, so many seconds at a time.
    pub(super) fn run(&self, seconds: u32) -> Running {
        let stop = Arc::new(AtomicBool::new(false));
        let (clock, stopped) = (self.clone(), stop.clone());
        let task = tokio::task::spawn_blocking(move || {
            while !stopped.load(Ordering::SeqCst) {
                if clock.jump(seconds).is_err() {
                    // The database is being restarted.
                    std::thread::sleep(PAUSE);
                }
            }
        });
        Running { clock: self.clone(), stop, task }
    }

    fn jump(&self, seconds: u32) -> anyhow::Result<()> {
        let jumps = format!(
            "DO $$ BEGIN FOR jump IN 1..{JUMPS} LOOP
               UPDATE fast.shift SET seconds = seconds + {seconds};
               INSERT INTO servers (id, at)
                 VALUES ('fast', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
                 ON CONFLICT (id) DO UPDATE SET at = excluded.at;
               COMMIT;
               PERFORM pg_sleep(0.02);
               COMMIT;
             END LOOP; END $$"
        );
        self.server.sql(&self.database, &jumps)?;
        Ok(())
    }

    /// Waits until every order has come to its end.
    pub(super) async fn no_order_is_open(&self, patience: Duration) -> anyhow::Result<()> {
        let open = "SELECT count(*) FROM orders_not_completed
                    WHERE status IN ('PENDING', 'ESCROW_FUNDED')";
        let deadline = Instant::now() + patience;
        let mut last = String::new();
        while Instant::now() < deadline {
            match self.server.sql(&self.database, open) {
                Ok(count) if count == "0" => return Ok(()),
                Ok(count) => last = format!("{count} orders are open"),
                Err(error) => last = error.to_string(),
            }
            tokio::time::sleep(PAUSE * 4).await;
        }
        anyhow::bail!("the timers of some orders never fired: {last}")
    }

    /// How far it has gone ahead.
    pub(super) fn hours(&self) -> anyhow::Result<u64> {
        let shift = self.server.sql(&self.database, "SELECT seconds / 3600 FROM fast.shift")?;
        Ok(shift.parse()?)
    }
}

impl Running {
    /// The same clock at another speed.
    pub(super) async fn faster(self, seconds: u32) -> Self {
        let clock = self.clock.clone();
        self.stop().await;
        clock.run(seconds)
    }

    /// From now on it goes like everybody's.
    pub(super) async fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = self.task.await;
    }
}
