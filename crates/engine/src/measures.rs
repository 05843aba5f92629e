//! What happens inside this process, counted for Prometheus: batches, commits, calls at the edges.
//!
//! Sums over processes make sense of these; figures of the whole house are in [`crate::House`].

use std::sync::LazyLock;
use std::time::Duration;

use marketplace_ports::{FetchError, NotifyError, TegError};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Commands in a batch.
const SIZES: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
/// Seconds that a load or a commit takes.
const SECONDS: [f64; 13] =
    [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0];

/// Which edge, which verb, how it ended.
type Call = [(&'static str, &'static str); 3];
/// Which cache, and whether it knew.
type Look = [(&'static str, &'static str); 2];

/// Spans that no collector got, and why: of the whole process, for that is who is traced.
static SPANS_LOST: LazyLock<Family<[(&'static str, &'static str); 1], Counter>> =
    LazyLock::new(Family::default);

/// Why a span was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanLoss {
    /// Too many waited for the collector.
    Full,
    /// The collector did not take it.
    Refused,
}

impl SpanLoss {
    const ALL: [Self; 2] = [Self::Full, Self::Refused];

    /// So many more.
    pub fn count(self, spans: usize) {
        self.counter().inc_by(spans as u64);
    }

    /// How many so far, in this process.
    #[must_use]
    pub fn counted(self) -> u64 {
        self.counter().get()
    }

    fn counter(self) -> Counter {
        let reason = match self {
            Self::Full => "full",
            Self::Refused => "refused",
        };
        SPANS_LOST.get_or_create(&[("reason", reason)]).clone()
    }
}

/// Clones count together.
#[derive(Clone, Debug)]
pub struct Measures {
    batch_commands: Histogram,
    load_seconds: Histogram,
    commit_seconds: Histogram,
    pub(crate) conflicts: Counter,
    edge_calls: Family<Call, Counter>,
    cache_looks: Family<Look, Counter>,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            batch_commands: Histogram::new(SIZES),
            load_seconds: Histogram::new(SECONDS),
            commit_seconds: Histogram::new(SECONDS),
            conflicts: Counter::default(),
            edge_calls: Family::default(),
            cache_looks: Family::default(),
        }
    }
}

impl Measures {
    /// Makes them part of what a scrape gets.
    pub fn register(&self, registry: &mut Registry) {
        let seconds = || Unit::Seconds;
        registry.register(
            "marketplace_batch_commands",
            "Commands that were decided together",
            self.batch_commands.clone(),
        );
        registry.register_with_unit(
            "marketplace_load",
            "Time to load what a batch is decided on",
            seconds(),
            self.load_seconds.clone(),
        );
        registry.register_with_unit(
            "marketplace_commit",
            "Time to commit a batch",
            seconds(),
            self.commit_seconds.clone(),
        );
        registry.register(
            "marketplace_conflicts",
            "Commands that were decided again, because others were faster",
            self.conflicts.clone(),
        );
        registry.register(
            "marketplace_edge_calls",
            "Calls to the outside, by edge, verb and outcome",
            self.edge_calls.clone(),
        );
        for loss in SpanLoss::ALL {
            // So that it is there before the first one.
            loss.count(0);
        }
        registry.register(
            "marketplace_trace_spans_lost",
            "Spans that no collector got, because too many waited, or it did not take them",
            SPANS_LOST.clone(),
        );
        registry.register(
            "marketplace_cache_lookups",
            "Looks into caches, and whether they knew",
            self.cache_looks.clone(),
        );
    }

    /// A batch of so many commands is decided.
    pub(crate) fn batch(&self, commands: usize) {
        self.batch_commands.observe(u32::try_from(commands).map_or(f64::MAX, f64::from));
    }

    pub(crate) fn loaded(&self, took: Duration) {
        self.load_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn committed(&self, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
    }

    /// An edge was called, with its verb, and ended so. Whoever opens edges that the engine does not
    /// see tells of them here.
    pub fn called(&self, edge: &'static str, verb: &'static str, outcome: &'static str) {
        let labels = [("edge", edge), ("verb", verb), ("outcome", outcome)];
        self.edge_calls.get_or_create(&labels).inc();
    }

    /// Somebody looked into a cache.
    pub fn looked(&self, cache: &'static str, knew: bool) {
        let outcome = if knew { "hit" } else { "miss" };
        self.cache_looks.get_or_create(&[("cache", cache), ("outcome", outcome)]).inc();
    }
}

/// How a call ended, in one word.
pub(crate) trait Outcome {
    fn outcome(&self) -> &'static str;
}

impl Outcome for TegError {
    fn outcome(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Unavailable { .. } => "unavailable",
            Self::Unknown { .. } => "unknown",
            Self::Unsupported { .. } => "unsupported",
        }
    }
}

impl Outcome for FetchError {
    fn outcome(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl Outcome for NotifyError {
    fn outcome(&self) -> &'static str {
        match self {
            Self::NoEndpoint => "no_endpoint",
            Self::Refused(_) => "refused",
            Self::Unavailable { .. } => "unavailable",
        }
    }
}
