//! Runs seeds of the simulator and says which one breaks a promise.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use marketplace_testkit::sim::{Coverage, Options, Report, run};

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
    /// Runs side by side.
    #[arg(long)]
    threads: Option<usize>,
}

#[derive(Default)]
struct Sums {
    runs: u64,
    commands: u64,
    lines: u64,
    coverage: Coverage,
    failed: Vec<Report>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let started = Instant::now();
    let sums = Mutex::new(Sums::default());
    let next = AtomicU64::new(0);
    let threads = arguments
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&arguments, &next, &sums));
        }
    });
    let sums = sums.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    report(&arguments, &sums, started.elapsed().as_millis())
}

/// Takes seeds until there are none left, or one has failed.
fn work(arguments: &Arguments, next: &AtomicU64, sums: &Mutex<Sums>) {
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if index >= arguments.seeds {
            return;
        }
        let seed = arguments.seed.wrapping_add(index);
        let steps = arguments.steps;
        let report = run(Options { seed, steps, verbose: arguments.verbose });
        if arguments.orders {
            println!("seed {seed}:\n  {}", report.orders.join("\n  "));
        }
        let mut sums = sums.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        sums.runs += 1;
        sums.commands += report.commands;
        sums.lines += report.lines;
        sums.coverage.merge(&report.coverage);
        if report.failure.is_some() {
            sums.failed.push(report);
            next.store(arguments.seeds, Ordering::Relaxed);
        }
    }
}

fn report(arguments: &Arguments, sums: &Sums, millis: u128) -> ExitCode {
    for report in &sums.failed {
        let Some(failure) = &report.failure else { continue };
        for line in &failure.trace {
            println!("{line}");
        }
        let Options { seed, steps, .. } = report.options;
        println!("\nSEED {seed}: {}", failure.what);
        println!("again: simulate --seeds 1 --seed {seed} --steps {steps} --verbose");
    }
    if arguments.coverage {
        for (name, times) in sums.coverage.iter() {
            println!("{times:9} {name}");
        }
    }
    let per_second = |count: u64| u128::from(count) * 1_000 / millis.max(1);
    println!(
        "{} seeds, {} commands, {} lines in {}.{:03} s: {} seeds/s, {} commands/s, {} failed",
        sums.runs,
        sums.commands,
        sums.lines,
        millis / 1_000,
        millis % 1_000,
        per_second(sums.runs),
        per_second(sums.commands),
        sums.failed.len(),
    );
    if sums.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
