//! Executable checks tried on a sample: the one place where an agent has us compute for nothing,
//! so there is one bench for all of them, and it rests longer than it works.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use marketplace_acceptance::{Checks, Report};
use marketplace_escrow::DeliveryInput;
use tokio::sync::Semaphore;

use crate::delivery::CHECKS_TIME;
use crate::marketplace::Marketplace;
use crate::refusal::{Error, Refusal};

/// How many may wait for the bench.
const QUEUE: usize = 16;
/// After each run it rests so many times as long as it worked: at most a quarter of one core.
const REST: u32 = 3;

/// Where checks are tried, one sample at a time.
pub(crate) struct Bench {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Default for Bench {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(1)), waiting: AtomicUsize::new(0) }
    }
}

/// Leaves the queue, however the waiting ends.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Marketplace {
    /// Runs checks on a sample, as they would run on a delivery.
    ///
    /// # Errors
    /// When the checks cannot be read, the sample is too large, or too many wait.
    pub async fn try_checks(&self, checks: String, sample: Vec<u8>) -> Result<Report, Error> {
        if sample.len() > DeliveryInput::LARGEST_INLINE {
            let (field, problem) = ("inline", "must be at most 256 KiB".to_owned());
            return Err(Refusal::InvalidInput { field, problem }.into());
        }
        let bench = &self.inner.bench;
        if bench.waiting.fetch_add(1, Ordering::Relaxed) >= QUEUE {
            bench.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Refusal::TooBusy.into());
        }
        let place = Place(&bench.waiting);
        let permit = bench.free.clone().acquire_owned().await;
        let permit = permit.map_err(|error| Error::Fault(error.to_string()))?;
        drop(place);
        let started = Instant::now();
        let run = move || {
            let checks = Checks::parse(&checks)?;
            let started = Instant::now();
            Ok::<_, marketplace_acceptance::CheckError>(
                checks.run(&sample, &|| started.elapsed() > CHECKS_TIME),
            )
        };
        let report = tokio::task::spawn_blocking(run).await;
        let rest = started.elapsed() * REST;
        tokio::spawn(async move {
            tokio::time::sleep(rest).await;
            drop(permit);
        });
        let report = report.map_err(|error| Error::Fault(format!("a check died: {error}")))?;
        report.map_err(|error| {
            Refusal::InvalidInput { field: "checks", problem: error.to_string() }.into()
        })
    }
}
