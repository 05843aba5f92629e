//! Figures of this process for Prometheus, in its text format.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};

/// Statuses 1xx to 5xx.
const CLASSES: usize = 5;

/// What happened since the start. Counters only, each a single atomic addition.
pub(crate) struct Metrics {
    started: Instant,
    reads: [AtomicU64; CLASSES],
    commands: [AtomicU64; CLASSES],
    busy_micros: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            reads: Default::default(),
            commands: Default::default(),
            busy_micros: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    /// A request was answered.
    pub(crate) fn answered(&self, method: &Method, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES) - 1;
        let counters = if method.is_safe() { &self.reads } else { &self.commands };
        counters[class].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.busy_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// The text that a scrape gets.
    pub(crate) fn render(&self, listings: usize, ready: bool) -> String {
        let mut text = String::with_capacity(1_500);
        let mut family = |name: &str, kind: &str, help: &str, lines: &[(String, u64)]| {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in lines {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let plain = |value: u64| [(String::new(), value)];
        family(
            "marketplace_http_requests_total",
            "counter",
            "Requests answered, by kind and status.",
            &[by_class("read", &self.reads), by_class("command", &self.commands)].concat(),
        );
        family(
            "marketplace_http_busy_microseconds_total",
            "counter",
            "Time between request and answer, summed.",
            &plain(self.busy_micros.load(Ordering::Relaxed)),
        );
        family(
            "marketplace_active_listings",
            "gauge",
            "Listings that a search can find.",
            &plain(listings as u64),
        );
        family(
            "marketplace_ready",
            "gauge",
            "Whether this server takes part.",
            &plain(u64::from(ready)),
        );
        family(
            "marketplace_uptime_seconds",
            "gauge",
            "Seconds since this server began.",
            &plain(self.started.elapsed().as_secs()),
        );
        text
    }
}

fn by_class(kind: &str, counters: &[AtomicU64; CLASSES]) -> Vec<(String, u64)> {
    let line = |(class, counter): (usize, &AtomicU64)| {
        let labels = format!("{{kind=\"{kind}\",status=\"{}xx\"}}", class + 1);
        (labels, counter.load(Ordering::Relaxed))
    };
    counters.iter().enumerate().map(line).collect()
}
