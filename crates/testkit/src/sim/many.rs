//! Many seeds, side by side.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Coverage, Options, Report, lock, run};

/// A run takes a fraction of a second. One that takes so long does not end at all, and no other
/// way than to end the process ends it.
const LONGEST_RUN: Duration = Duration::from_secs(300);

/// What many runs found.
#[derive(Debug, Default)]
pub struct Sums {
    /// How many runs there were.
    pub runs: u64,
    /// Change sets that were committed.
    pub commands: u64,
    /// Lines of all traces.
    pub lines: u64,
    /// What happened how often.
    pub coverage: Coverage,
    /// Runs that found something. After the first, no new ones were begun.
    pub failed: Vec<Report>,
}

/// Runs `count` seeds from `first.seed` up on so many threads. `told` sees each report.
///
/// Ends the process when a run does not end.
///
/// # Panics
/// When a run panics.
#[must_use]
pub fn run_many(
    first: Options,
    count: u64,
    threads: usize,
    told: &(dyn Fn(&Report) + Sync),
) -> Sums {
    let sums = Mutex::new(Sums::default());
    let (next, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let running = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return;
            }
            let seed = first.seed.wrapping_add(index);
            lock(&running).insert(seed, Instant::now());
            let report = run(Options { seed, ..first });
            lock(&running).remove(&seed);
            told(&report);
            if report.failure.is_some() {
                next.store(count, Ordering::Relaxed);
            }
            lock(&sums).add(report);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| watch(&running, &over));
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        let ended: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        over.store(true, Ordering::Relaxed);
        ended.into_iter().for_each(|ended| ended.expect("a run panicked"));
    });
    sums.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn watch(running: &Mutex<BTreeMap<u64, Instant>>, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(20));
        let late = |(_, begun): &(&u64, &Instant)| begun.elapsed() > LONGEST_RUN;
        if let Some((seed, _)) = lock(running).iter().find(late) {
            println!("SEED {seed}: the run does not end");
            std::process::exit(1);
        }
    }
}

impl Sums {
    fn add(&mut self, report: Report) {
        self.runs += 1;
        self.commands += report.commands;
        self.lines += report.lines;
        self.coverage.merge(&report.coverage);
        if report.failure.is_some() {
            self.failed.push(report);
        }
    }
}

impl Report {
    /// What a developer needs to see of a failure; empty when there was none.
    #[must_use]
    pub fn story(&self) -> String {
        let Some(failure) = &self.failure else { return String::new() };
        let Options { seed, steps, .. } = self.options;
        format!(
            "{}\n\nSEED {seed}: {}\nagain: cargo xtask simulate --seeds 1 --seed {seed} --steps \
             {steps} --verbose",
            failure.trace.join("\n"),
            failure.what
        )
    }
}
