//! What the figures of `/metrics` say is wrong.

use super::finding::Finding;

/// Work that is later than this has nobody who does it.
const LATE_SECONDS: f64 = 60.0;
/// The TEG is looked at every minute.
const SEEN_SECONDS: f64 = 900.0;

/// A scrape.
pub(super) struct Figures<'a>(pub(super) &'a str);

impl Figures<'_> {
    /// The value of the series that is written like this, labels and all.
    fn value(&self, series: &str) -> Option<f64> {
        let mut lines = self.0.lines().filter(|line| !line.starts_with('#'));
        lines.find_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            if name == series { value.parse().ok() } else { None }
        })
    }

    /// The value of a label of a series of which there is one.
    fn label(&self, series: &str, label: &str) -> Option<String> {
        let line = self.0.lines().find(|line| line.starts_with(&format!("{series}{{")))?;
        let (_, rest) = line.split_once(&format!("{label}=\""))?;
        Some(rest.split('"').next()?.to_owned())
    }

    /// Everything that can be read from them; `now` is in seconds since 1970, `version` our own.
    pub(super) fn findings(&self, now: f64, version: &str) -> Vec<Finding> {
        let mut findings = vec![self.version(version)];
        findings.extend(self.withdrawals());
        findings.extend(self.reserves(now));
        findings.extend(self.cover());
        findings.extend(self.late());
        findings.extend(self.dead());
        findings.extend(self.disputes());
        findings
    }

    fn version(&self, ours: &str) -> Finding {
        match self.label("marketplace_build_info", "version") {
            Some(version) if version == ours => Finding::well("version", version),
            Some(version) => Finding::warning(
                "version",
                format!("the server is {version}, this tool is {ours}"),
                "use the tool of the server's image",
            ),
            None => Finding::warning(
                "version",
                "the server does not say which it is",
                "is /metrics what a marketplace answers?",
            ),
        }
    }

    fn withdrawals(&self) -> Option<Finding> {
        let stopped = |reason: &str| {
            self.value(&format!("marketplace_withdrawals_stopped{{reason=\"{reason}\"}}"))
        };
        let (breach, silent) = (stopped("reserves_breach")?, stopped("teg_unreachable")?);
        Some(if breach > 0.0 {
            let todo = "see RUNBOOK.md, \"Reserve breach\": marketplace-admin withdrawals list";
            Finding::wrong("withdrawals", "stopped: the TEG holds other than the books say", todo)
        } else if silent > 0.0 {
            let todo = "see RUNBOOK.md, \"Stuck edge\": is TEG_LAYER_URL up, is our account good?";
            Finding::wrong("withdrawals", "stopped: the TEG does not answer", todo)
        } else {
            Finding::well("withdrawals", "tokens go out")
        })
    }

    fn reserves(&self, now: f64) -> Option<Finding> {
        let seen = self.value("marketplace_reserves_seen_seconds")?;
        let delta = self.value("marketplace_reserves_delta")?;
        Some(if delta != 0.0 {
            let todo = "look again in two minutes; then RUNBOOK.md, \"Reserve breach\"";
            Finding::warning("TEG", format!("{delta} AVT there are not explained"), todo)
        } else if late(now, seen) {
            let todo = "is a worker running, and does the TEG answer it?";
            Finding::warning("TEG", "nobody has looked for a quarter of an hour", todo)
        } else {
            Finding::well("TEG", "it holds what the books say")
        })
    }

    fn cover(&self) -> Option<Finding> {
        let open = self.value("marketplace_open_exposure")?;
        Some(if open > 0.0 {
            let todo = "raise MARKETPLACE_STAKE, or set ESCROW_STAKE_POLICY=enforce";
            Finding::warning("stake", format!("orders hold {open} AVT more than it covers"), todo)
        } else {
            Finding::well("stake", "it covers what open orders hold")
        })
    }

    fn late(&self) -> Option<Finding> {
        let timer = self.value("marketplace_timer_lag_seconds")?;
        let outbox = self.value("marketplace_outbox_age_seconds")?;
        let says = format!("the oldest deadline is {timer} s late, the oldest message {outbox} s");
        Some(if timer > LATE_SECONDS || outbox > LATE_SECONDS {
            let todo = "see RUNBOOK.md, \"Late work\": does a worker run, what does its log say?";
            Finding::wrong("work", says, todo)
        } else {
            Finding::well("work", says)
        })
    }

    fn dead(&self) -> Option<Finding> {
        let dead = self.value("marketplace_outbox_dead")?;
        Some(if dead > 0.0 {
            let todo = "marketplace-admin outbox dead, then outbox retry --all";
            Finding::warning("messages", format!("{dead} were given up"), todo)
        } else {
            Finding::well("messages", "none was given up")
        })
    }

    fn disputes(&self) -> Option<Finding> {
        let open = self.value("marketplace_disputes_open")?;
        let says = format!("{open} are open");
        Some(if open > 100.0 {
            let todo =
                "see RUNBOOK.md, \"Dispute backlog\": marketplace-admin disputes list --open";
            Finding::warning("disputes", says, todo)
        } else {
            Finding::well("disputes", says)
        })
    }
}

/// Whether the last look was too long ago.
fn late(now: f64, seen: f64) -> bool {
    std::time::Duration::try_from_secs_f64(now).is_ok_and(|now| {
        let seen = std::time::Duration::try_from_secs_f64(seen).unwrap_or_default();
        now.saturating_sub(seen).as_secs_f64() > SEEN_SECONDS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_figures_say() {
        let well = "# HELP x y\n\
            marketplace_build_info{version=\"1.0.0\"} 1\n\
            marketplace_withdrawals_stopped{reason=\"teg_unreachable\"} 0\n\
            marketplace_withdrawals_stopped{reason=\"reserves_breach\"} 0\n\
            marketplace_reserves_seen_seconds 1000.0\n\
            marketplace_reserves_delta 0.0\n\
            marketplace_open_exposure 0.0\n\
            marketplace_timer_lag_seconds 0\n\
            marketplace_outbox_age_seconds 1\n\
            marketplace_outbox_dead 0\n\
            marketplace_disputes_open 2\n";
        let check = |old: &str, new: &str, expect: &[&str]| {
            assert!(well.contains(old), "{old}");
            let text = well.replace(old, new);
            let found = Figures(&text).findings(1100.0, "1.0.0");
            let bad: Vec<String> = found
                .iter()
                .filter(|finding| !finding.todo.is_empty())
                .map(|finding| format!("{} {}", finding.check, finding.verdict.name()))
                .collect();
            assert_eq!(bad, expect, "{new}");
        };
        check("# HELP", "# HELP", &[]);
        check("version=\"1.0.0\"", "version=\"1.1.0\"", &["version warning"]);
        check("unreachable\"} 0", "unreachable\"} 1", &["withdrawals WRONG"]);
        check("breach\"} 0", "breach\"} 1", &["withdrawals WRONG"]);
        check("delta 0.0", "delta -2.5", &["TEG warning"]);
        check("seconds 1000.0", "seconds 100.0", &["TEG warning"]);
        check("exposure 0.0", "exposure 4.5", &["stake warning"]);
        check("lag_seconds 0", "lag_seconds 61", &["work WRONG"]);
        check("age_seconds 1", "age_seconds 100", &["work WRONG"]);
        check("dead 0", "dead 7", &["messages warning"]);
        check("open 2", "open 101", &["disputes warning"]);
        check(well, "", &["version warning"]);
    }
}
