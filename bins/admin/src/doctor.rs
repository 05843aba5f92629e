//! `doctor`: what is wrong, and what to do about it.

use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use marketplace_boot::offline_audit;
use serde_json::{Value, json};

use crate::cli::DoctorArgs;
use crate::client::Client;
use crate::key_file;
use crate::report::table;

/// Proofs are accepted within a minute of the server's clock; a warning comes earlier.
const SKEW_WARNING_SECONDS: i64 = 30;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Well,
    Warning,
    Wrong,
}

impl Verdict {
    const fn name(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Warning => "warning",
            Self::Wrong => "WRONG",
        }
    }
}

struct Finding {
    check: &'static str,
    verdict: Verdict,
    says: String,
}

/// Checks a server or a file; fails when anything is wrong.
pub(crate) async fn run(args: &DoctorArgs, as_json: bool) -> Result<ExitCode> {
    let findings = match &args.database {
        Some(path) => vec![books(&offline_audit(path).await.context("the file")?.breaches())],
        None => server(args).await?,
    };
    let wrong = findings.iter().any(|finding| finding.verdict == Verdict::Wrong);
    if as_json {
        let list: Vec<Value> = findings
            .iter()
            .map(|f| json!({ "check": f.check, "verdict": f.verdict.name(), "says": f.says }))
            .collect();
        println!("{:#}", json!({ "ok": !wrong, "findings": list }));
    } else {
        let mut lines = table(&["check", "verdict", "says"]);
        for finding in &findings {
            lines.add_row([finding.check, finding.verdict.name(), &finding.says]);
        }
        println!("{lines}");
    }
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn server(args: &DoctorArgs) -> Result<Vec<Finding>> {
    let mut client = Client::new(&args.server)?;
    let mut findings = Vec::new();
    let healthy = match client.look("/healthz").await {
        Ok(response) => response,
        Err(error) => {
            let says = format!("{error:#}; is the server running? --database FILE checks its file");
            return Ok(vec![Finding { check: "reach", verdict: Verdict::Wrong, says }]);
        }
    };
    let says = format!("HTTP {} at {}", healthy.status().as_u16(), args.server.url);
    let reached = if healthy.status().is_success() { Verdict::Well } else { Verdict::Wrong };
    findings.push(Finding { check: "reach", verdict: reached, says });
    findings.push(clock(healthy.headers().get("date").and_then(|date| date.to_str().ok())));
    findings.push(ready(&client).await?);
    if let Some(path) = &args.key {
        client.log_in(&key_file::read(path)?).await?;
        findings.extend(audit(&client).await?);
    } else {
        let says = "not checked: pass --key FILE of an operator".to_owned();
        findings.push(Finding { check: "books", verdict: Verdict::Warning, says });
    }
    Ok(findings)
}

fn clock(date: Option<&str>) -> Finding {
    let here: DateTime<Utc> = SystemTime::now().into();
    let Some(there) = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()) else {
        let says = "the server does not say what time it is".to_owned();
        return Finding { check: "clock", verdict: Verdict::Warning, says };
    };
    let skew = here.signed_duration_since(there).num_seconds();
    let verdict = if skew.abs() > SKEW_WARNING_SECONDS { Verdict::Wrong } else { Verdict::Well };
    let says = format!("{skew} s from the server's; beyond 60 s no proof is accepted");
    Finding { check: "clock", verdict, says }
}

async fn ready(client: &Client) -> Result<Finding> {
    let response = client.look("/readyz").await?;
    let status = response.status();
    let says = response.text().await?;
    let says = says.trim().to_owned();
    let says = if says.is_empty() { format!("HTTP {}", status.as_u16()) } else { says };
    let verdict = if status.is_success() { Verdict::Well } else { Verdict::Wrong };
    Ok(Finding { check: "ready", verdict, says })
}

async fn audit(client: &Client) -> Result<Vec<Finding>> {
    let audit = client.get("/api/v1/admin/audit", &[]).await?;
    let breaches = audit["breaches"].as_array().context("the server sent no audit")?;
    let breaches: Vec<String> = breaches.iter().map(crate::report::inert).collect();
    let mut findings = vec![books(&breaches)];
    let reserves = &audit["reserves"];
    if let (Some(held), Some(booked)) = (reserves["held"].as_str(), reserves["booked"].as_str()) {
        // Transfers that are on their way make them differ for a moment.
        let verdict = if held == booked { Verdict::Well } else { Verdict::Warning };
        let says = format!("the TEG holds {held} AVT for us, our books say {booked} AVT");
        findings.push(Finding { check: "reserves", verdict, says });
    }
    let late = audit["late_timers"].as_u64().unwrap_or_default();
    let verdict = if late == 0 { Verdict::Well } else { Verdict::Warning };
    findings.push(Finding { check: "timers", verdict, says: format!("{late} are late") });
    Ok(findings)
}

fn books(breaches: &[String]) -> Finding {
    if breaches.is_empty() {
        let says = "every account, balance, escrow and hash agrees with the journal".to_owned();
        return Finding { check: "books", verdict: Verdict::Well, says };
    }
    Finding { check: "books", verdict: Verdict::Wrong, says: breaches.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks() {
        let check = |date: Option<String>, expect: &str| {
            assert_eq!(clock(date.as_deref()).verdict.name(), expect, "{date:?}");
        };
        let now = Utc::now();
        let at = |seconds| now + chrono::Duration::seconds(seconds);
        let http = |time: DateTime<Utc>| time.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        check(Some(http(now)), "ok");
        check(Some(http(at(20))), "ok");
        check(Some(http(at(90))), "WRONG");
        check(Some(http(at(-90))), "WRONG");
        check(Some("yesterday".to_owned()), "warning");
        check(None, "warning");
    }
}
