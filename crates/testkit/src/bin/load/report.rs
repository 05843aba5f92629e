//! What a run found: a table for people, JSON for machines, and whether it is good enough.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use marketplace_testkit::crowd::{OfKind, StreamsReport, Tally};
use serde_json::{Value, json};

use super::progress::Memory;

/// Everything.
pub(crate) struct Report {
    pub(crate) agents: usize,
    pub(crate) elapsed: Duration,
    pub(crate) rate: Option<u32>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) memory: Memory,
    pub(crate) streams: Option<StreamsReport>,
    pub(crate) audit: Option<Value>,
}

impl Report {
    pub(crate) fn print(&self) {
        println!(
            "\n{:<18}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>9}{:>8}",
            "request",
            "count",
            "a second",
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "max ms",
            "refused",
            "errors"
        );
        for (kind, of_kind) in self.tally.kinds() {
            self.print_row(kind, of_kind);
        }
        let all = self.tally.all();
        self.print_row("all", all.clone());
        for (title, codes) in
            [("refused by their own fault", &all.refused), ("errors", &all.errors)]
        {
            for (code, count) in codes {
                println!("{title}: {code} {count}");
            }
        }
        for one in &self.memory.0 {
            println!(
                "{:<10} resident MiB: {} at the start, {} in the middle, {} at the end, {} at most; the \
                 last third over the middle one: {}",
                one.name,
                one.start() / 1_024,
                one.middle() / 1_024,
                one.end() / 1_024,
                one.most() / 1_024,
                one.growth().map_or_else(|| "too short".to_owned(), |share| format!("+{share} %"))
            );
        }
        if let Some(streams) = self.streams {
            println!(
                "streams: {} wanted, {} open at the end, {} failed",
                streams.wanted, streams.open, streams.failures
            );
        }
        if let Some(audit) = &self.audit {
            println!(
                "the books balance: {} orders, {} postings, {} open effects; TEG and books agree",
                audit["orders"], audit["postings"], audit["open_effects"]
            );
        }
    }

    fn print_row(&self, kind: &str, mut of_kind: OfKind) {
        of_kind.figures.elapsed = self.elapsed;
        let (figures, ms) =
            (&of_kind.figures, |per_mille| of_kind.figures.percentile_ms(per_mille));
        println!(
            "{kind:<18}{:>10}{:>10.1}{:>10.2}{:>10.2}{:>10.2}{:>10.2}{:>9}{:>8}",
            figures.count(),
            figures.per_second(),
            ms(500),
            ms(950),
            ms(990),
            ms(1_000),
            of_kind.refusal_count(),
            of_kind.error_count()
        );
    }

    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let kinds: serde_json::Map<String, Value> = self
            .tally
            .kinds()
            .into_iter()
            .map(|(kind, of_kind)| (kind.to_owned(), self.row(of_kind)))
            .collect();
        let memory = self.memory.0.iter().map(|one| {
            json!({
                "process": one.name, "start_kib": one.start(), "middle_kib": one.middle(),
                "end_kib": one.end(), "most_kib": one.most(),
                "growth_percent": one.growth(),
            })
        });
        let streams = self.streams.map(|streams| {
            json!({
                "wanted": streams.wanted, "open": streams.open, "failures": streams.failures,
            })
        });
        let report = json!({
            "agents": self.agents,
            "seconds": self.elapsed.as_secs_f64(),
            "mode": if self.rate.is_some() { "open" } else { "closed" },
            "target_rate": self.rate,
            "all": self.row(self.tally.all()),
            "requests": kinds,
            "memory": memory.collect::<Vec<_>>(),
            "streams": streams,
            "audit": self.audit,
        });
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, format!("{report:#}\n"))?;
        println!("figures: {}", path.display());
        Ok(())
    }

    fn row(&self, mut of_kind: OfKind) -> Value {
        of_kind.figures.elapsed = self.elapsed;
        let figures = &of_kind.figures;
        json!({
            "count": figures.count(),
            "per_second": figures.per_second(),
            "p50_ms": figures.percentile_ms(500),
            "p95_ms": figures.percentile_ms(950),
            "p99_ms": figures.percentile_ms(990),
            "max_ms": figures.percentile_ms(1_000),
            "refused": of_kind.refused,
            "errors": of_kind.errors,
        })
    }

    /// Good enough, or an error that says why not.
    pub(crate) fn judge(
        &self,
        p99_limit: Option<f64>,
        memory_limit: Option<u64>,
        memory_growth: Option<u64>,
    ) -> anyhow::Result<()> {
        let all = self.tally.all();
        anyhow::ensure!(all.error_count() == 0, "{} requests failed", all.error_count());
        anyhow::ensure!(all.figures.count() > 0, "nothing was asked");
        if let Some(streams) = self.streams {
            anyhow::ensure!(
                streams.failures == 0 && streams.open == streams.wanted,
                "{} streams failed, {} of {} are open",
                streams.failures,
                streams.open,
                streams.wanted
            );
        }
        let p99 = all.figures.percentile_ms(990);
        if let Some(limit) = p99_limit {
            anyhow::ensure!(p99 < limit, "the p99 is {p99} ms, the limit {limit} ms");
        }
        if let Some(limit) = memory_limit {
            for one in &self.memory.0 {
                let most = one.most() / 1_024;
                anyhow::ensure!(most < limit, "{} held {most} MiB, the limit is {limit}", one.name);
            }
        }
        memory_growth.map_or(Ok(()), |limit| self.judge_growth(limit))
    }

    fn judge_growth(&self, limit: u64) -> anyhow::Result<()> {
        for one in &self.memory.0 {
            let Some(growth) = one.growth() else {
                anyhow::bail!("the run was too short to say whether {} grows", one.name)
            };
            anyhow::ensure!(
                growth <= limit,
                "{} held {growth} % more in the last third of the run than in the middle one, the \
                 limit is {limit} %",
                one.name
            );
        }
        Ok(())
    }
}
