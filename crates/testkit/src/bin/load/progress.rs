//! What is seen while a run goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use marketplace_testkit::crowd::{Streams, StreamsReport, Tally};
use marketplace_testkit::load::resident_kib;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Resident memory of one process over a run.
#[derive(Clone, Debug)]
pub(crate) struct Resident {
    pub(crate) name: String,
    process: u32,
    /// One for each look, in KiB.
    samples: Vec<u64>,
}

impl Resident {
    pub(crate) fn start(&self) -> u64 {
        self.samples.first().copied().unwrap_or(0)
    }

    pub(crate) fn middle(&self) -> u64 {
        self.samples.get(self.samples.len() / 2).copied().unwrap_or(0)
    }

    pub(crate) fn end(&self) -> u64 {
        self.samples.last().copied().unwrap_or(0)
    }

    pub(crate) fn most(&self) -> u64 {
        self.samples.iter().copied().max().unwrap_or(0)
    }

    /// By how many per cent the last third of the run held more than the middle one, each by its
    /// median; nothing where there are too few looks. The first third warms up.
    pub(crate) fn growth(&self) -> Option<u64> {
        let third = self.samples.len() / 3;
        let (before, last) = self.samples.split_at_checked(self.samples.len() - third)?;
        let middle = before.get(third..)?;
        let median = |looks: &[u64]| {
            let mut looks = looks.to_vec();
            looks.sort_unstable();
            looks.get(looks.len() / 2).copied()
        };
        let (middle, last) = (median(middle)?, median(last)?);
        (middle > 0).then(|| last.saturating_sub(middle) * 100 / middle)
    }
}

/// Of all processes that we started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(pub(crate) Vec<Resident>);

impl Memory {
    /// Begins.
    pub(crate) fn watch(processes: Vec<(String, u32)>) -> Self {
        let resident = |(name, process)| Resident { name, process, samples: Vec::new() };
        let mut memory = Self(processes.into_iter().map(resident).collect());
        memory.look();
        memory
    }

    fn look(&mut self) {
        for one in &mut self.0 {
            one.samples.extend(resident_kib(one.process));
        }
    }

    fn line(&self) -> String {
        let mib = |one: &Resident| format!("{} {} MiB", one.name, one.end() / 1_024);
        self.0.iter().map(mib).collect::<Vec<_>>().join(", ")
    }
}

type Seen = (Memory, Option<StreamsReport>);

/// Prints a line now and then.
pub(crate) struct Progress {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Seen>,
}

impl Progress {
    pub(crate) fn start(
        tally: Arc<Tally>,
        mut memory: Memory,
        streams: Option<Streams>,
        every: Duration,
    ) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let begun = Instant::now();
            loop {
                let over = tokio::time::timeout(every, &mut stopped).await.is_ok();
                memory.look();
                let streams = streams.as_ref().map(Streams::report);
                print(begun.elapsed(), &tally, every, &memory, streams);
                if over {
                    return (memory, streams);
                }
            }
        });
        Self { stop, task }
    }

    /// Looks a last time.
    pub(crate) async fn finish(self) -> anyhow::Result<Seen> {
        // Whoever listens there lives until it hears this.
        let _ = self.stop.send(());
        Ok(self.task.await?)
    }
}

fn print(
    elapsed: Duration,
    tally: &Tally,
    every: Duration,
    memory: &Memory,
    streams: Option<StreamsReport>,
) {
    let mut recent = tally.recent();
    recent.elapsed = every;
    let (errors, refusals) = tally.failures();
    let streams = streams.map_or_else(String::new, |streams| {
        format!("   streams {} open, {} failed", streams.open, streams.failures)
    });
    println!(
        "{:>5.0} s   {:>7.0}/s   p50 {:>7.2} ms   p99 {:>7.2} ms   refusals {refusals}   errors \
         {errors}{streams}   {}",
        elapsed.as_secs_f64(),
        recent.per_second(),
        recent.percentile_ms(500),
        recent.percentile_ms(990),
        memory.line()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_to_the_end_is_told_from_what_warms_up() {
        let check = |samples: Vec<u64>, expect: Option<u64>| {
            let one = Resident { name: "server".into(), process: 0, samples };
            assert_eq!(one.growth(), expect, "{one:?}");
        };
        let looks = |size: fn(u64) -> u64| (0..60).map(size).collect::<Vec<_>>();
        check(looks(|_| 500), Some(0));
        check(looks(|look| 100 + 20 * look.min(20)), Some(0));
        check(looks(|look| 100 + 10 * look), Some(50));
        check(looks(|look| if look == 50 { 9_000 } else { 500 }), Some(0));
        check(looks(|look| 900 - look), Some(0));
        check(vec![500, 900], None);
        check(Vec::new(), None);
    }
}
