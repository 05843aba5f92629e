//! The same load over PostgreSQL: one server, three servers, and pgbench on the same database
//! server in the same run.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use marketplace_postgres_cluster::Server;
use marketplace_testkit::load::{
    Counts, Figures, Fleet, FleetPlan, Pgbench, Population, Sampler, ServerProcess, cpu_seconds,
    drive, durable_server, hottest_balances, pgbench, resident_kib, slowest_statements,
};

use super::{Arguments, plan};

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let postgres = durable_server(arguments.statements)?;
    let version = postgres.sql("postgres", "SHOW server_version")?;
    println!("PostgreSQL {version}, fsync on, {} clients", arguments.clients);
    let plain = plain(&postgres, arguments)?;
    for servers in &arguments.servers {
        side_by_side(&postgres, *servers, plain, arguments).await?;
    }
    Ok(())
}

fn plain(postgres: &Server, arguments: &Arguments) -> anyhow::Result<Pgbench> {
    let length = Duration::from_secs(arguments.seconds);
    let plain = pgbench(postgres, arguments.pgbench_scale, length)?;
    println!(
        "pgbench -s {} -M prepared -c 64 -j 2: {:.0} transactions/s, mean {:.1} ms, cpu: postgres \
         {:.1} s, pgbench {:.1} s in {} s",
        arguments.pgbench_scale,
        plain.per_second,
        plain.latency_ms,
        plain.server_cpu,
        plain.client_cpu,
        arguments.seconds
    );
    Ok(plain)
}

async fn side_by_side(
    postgres: &Arc<Server>,
    count: usize,
    plain: Pgbench,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    let database = postgres.empty_database()?;
    let url = database.url();
    let fleet = Fleet::start(FleetPlan {
        database: Some(&url),
        servers: count,
        workers: 0,
        settings: &[("FAUCET", "on")],
    })
    .await?;
    let servers = &fleet.servers;
    println!("\n{count} server(s):");
    let enrolled = Instant::now();
    let first = servers.first().ok_or_else(|| anyhow::anyhow!("at least one server"))?.address;
    let (buyers, sellers) = (arguments.buyers, arguments.sellers);
    let population = Population::enroll(first, buyers, sellers, "0.001").await?;
    println!("  {buyers} buyers and {sellers} sellers enrolled in {:.1?}", enrolled.elapsed());
    let run = Run { postgres, database: database.name(), servers };
    let many = run.measure(&Arc::new(population), sellers, plain, arguments).await?;
    anyhow::ensure!(many.failures == 0, "some lifecycles failed");
    Ok(())
}

struct Run<'a> {
    postgres: &'a Server,
    database: &'a str,
    servers: &'a [ServerProcess],
}

impl Run<'_> {
    async fn measure(
        &self,
        population: &Arc<Population>,
        sellers: usize,
        plain: Pgbench,
        arguments: &Arguments,
    ) -> anyhow::Result<Figures> {
        let addresses: Vec<SocketAddr> = self.servers.iter().map(|server| server.address).collect();
        if arguments.statements {
            let count = "CREATE EXTENSION IF NOT EXISTS pg_stat_statements";
            self.postgres.sql("postgres", count)?;
            self.postgres.sql("postgres", "SELECT pg_stat_statements_reset()")?;
        }
        let sampler = Sampler::start(self.postgres, self.database)?;
        let before = Counts::read(self.postgres, self.database)?;
        let servers_before = self.processors();
        let own_before = cpu_seconds(std::process::id()).unwrap_or(0.0);
        let figures = drive(&addresses, population.clone(), plan(arguments, sellers)).await?;
        let own = cpu_seconds(std::process::id()).unwrap_or(0.0) - own_before;
        let servers: Vec<String> = self
            .processors()
            .iter()
            .zip(&servers_before)
            .map(|(after, before)| format!("{:.1}", after - before))
            .collect();
        let waits = sampler.finish(self.postgres, self.database)?;
        // A session reports its counts at most once a second.
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let counts = Counts::read(self.postgres, self.database)?.since(&before);
        println!("  {sellers} sellers {figures}");
        println!(
            "  lifecycles for each pgbench transaction: {:.2}",
            figures.per_second() / plain.per_second
        );
        println!(
            "  cpu seconds, warm-up included: servers {}, postgres {:.1}, load generator {own:.1}",
            servers.join(" + "),
            counts.processor()
        );
        self.print_batches(&counts, figures.count())?;
        if arguments.statements {
            let costs = slowest_statements(self.postgres, self.database, figures.count().max(1))?;
            println!("  for each lifecycle, warm-up included:\n{costs}");
        }
        println!("  sessions: {waits}");
        println!("  hottest balances: {}", hottest_balances(self.postgres, self.database)?);
        let resident: Vec<String> = self
            .servers
            .iter()
            .map(|server| format!("{} MiB", resident_kib(server.id()).unwrap_or(0) / 1_024))
            .collect();
        println!("  resident: {}", resident.join(", "));
        Ok(figures)
    }

    fn print_batches(&self, counts: &Counts, lifecycles: usize) -> anyhow::Result<()> {
        let batches = counts.of("batches").max(1.0);
        println!(
            "  {batches:.0} batches of {:.1} commands, {:.0} conflicts; for each batch {:.2} \
             transactions (reads, locks, sealing included) and {:.2} syncs of the log; {:.1} KiB of \
             log for each lifecycle; {:.0} % of updates in place",
            counts.of("sets") / batches,
            counts.of("conflicts"),
            counts.of("transactions") / batches,
            counts.of("syncs") / batches,
            counts.of("wal bytes") / 1_024.0 / (lifecycles.max(1) as f64),
            100.0 * counts.of("updates in place") / counts.of("updates").max(1.0)
        );
        let each = |name| counts.of(name) / (lifecycles.max(1) as f64);
        println!(
            "  for each lifecycle, warm-up included: {:.3} transactions, {:.3} syncs of the log; {:.0} \
             deadlocks in all",
            each("transactions"),
            each("syncs"),
            counts.of("deadlocks")
        );
        Ok(())
    }

    fn processors(&self) -> Vec<f64> {
        self.servers.iter().map(|server| cpu_seconds(server.id()).unwrap_or(0.0)).collect()
    }
}
