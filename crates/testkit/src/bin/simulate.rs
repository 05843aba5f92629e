//! Runs seeds of the simulator and says which one breaks a promise.

use std::num::NonZero;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use marketplace_testkit::sim::{Options, Report, Sums, run_many};

/// Simulates the marketplace: agents, crashes, lost answers, leaping clocks.
#[derive(Parser)]
struct Arguments {
    /// How many seeds, counted up from the first.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Turns of the scheduler in each run.
    #[arg(long, default_value_t = Options::STEPS)]
    steps: u32,
    /// Shows how each order ended.
    #[arg(long)]
    orders: bool,
    /// Shows every line of every trace.
    #[arg(long)]
    verbose: bool,
    /// Shows what happened how often.
    #[arg(long)]
    coverage: bool,
    /// Runs side by side; as many as there are processors, unless said otherwise.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Arguments { seeds, seed, steps, orders, verbose, .. } = arguments;
    let started = Instant::now();
    let processors = || std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = arguments.threads.unwrap_or_else(processors);
    let told = |report: &Report| {
        if orders {
            println!("seed {}:\n  {}", report.options.seed, report.orders.join("\n  "));
        }
    };
    let sums = run_many(Options { seed, steps, verbose }, seeds, threads, &told);
    if arguments.coverage {
        for (name, times) in sums.coverage.iter() {
            println!("{times:9} {name}");
        }
    }
    for report in &sums.failed {
        println!("{}", report.story());
    }
    println!("{}", throughput(&sums, started.elapsed().as_millis()));
    if sums.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn throughput(sums: &Sums, millis: u128) -> String {
    let per_second = |count: u64| u128::from(count) * 1_000 / millis.max(1);
    format!(
        "{} seeds, {} commands, {} lines of trace in {}.{:03} s: {} seeds/s, {} commands/s, {} failed",
        sums.runs,
        sums.commands,
        sums.lines,
        millis / 1_000,
        millis % 1_000,
        per_second(sums.runs),
        per_second(sums.commands),
        sums.failed.len(),
    )
}
