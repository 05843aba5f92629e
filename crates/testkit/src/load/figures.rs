//! Throughput and latency of one run.

use std::fmt;
use std::time::Duration;

/// What was measured.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    latencies_us: Vec<u32>,
    /// How long the run took.
    pub elapsed: Duration,
    /// Processor time of the server in the run, where it is a process of its own.
    pub server_cpu: Option<f64>,
    /// Requests that did not do what they should.
    pub failures: u64,
}

impl Figures {
    /// Nothing yet, of a run that takes so long.
    #[must_use]
    pub fn over(elapsed: Duration) -> Self {
        Self { elapsed, ..Self::default() }
    }

    /// Adds one finished lifecycle.
    pub fn record(&mut self, latency: Duration) {
        self.latencies_us.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    /// Joins what another client measured.
    pub fn join(&mut self, other: &Self) {
        self.latencies_us.extend(&other.latencies_us);
        self.failures += other.failures;
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.latencies_us.len()
    }

    /// How many a second.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "a figure for people, not money")]
    pub fn per_second(&self) -> f64 {
        self.count() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that `per_mille` of all do not exceed, in milliseconds.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "a figure for people, not money")]
    pub fn percentile_ms(&self, per_mille: usize) -> f64 {
        let mut sorted = self.latencies_us.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * per_mille / 1000).min(sorted.len().saturating_sub(1));
        f64::from(sorted.get(at).copied().unwrap_or(0)) / 1000.0
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>8.0}/s   p50 {:>6.2} ms   p99 {:>6.2} ms   n {}   failures {}",
            self.per_second(),
            self.percentile_ms(500),
            self.percentile_ms(990),
            self.count(),
            self.failures
        )?;
        match self.server_cpu {
            Some(cpu) => {
                write!(f, "   server cpu {cpu:.1} s in {:.1} s", self.elapsed.as_secs_f64())
            }
            None => Ok(()),
        }
    }
}
