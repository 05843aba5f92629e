//! `doctor`: what is wrong, and what to do about it.

mod figures;
mod finding;

use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use marketplace_boot::offline_audit;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::cli::DoctorArgs;
use crate::client::Client;
use crate::key_file;
use crate::report::{inert, table};
use figures::Figures;
use finding::{Finding, Verdict};

/// Proofs are accepted within a minute of the server's clock; a warning comes earlier.
const SKEW_WARNING_SECONDS: i64 = 30;

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
            .map(|f| {
                let verdict = f.verdict.name();
                json!({ "check": f.check, "verdict": verdict, "says": f.says, "do": f.todo })
            })
            .collect();
        println!("{:#}", json!({ "ok": !wrong, "findings": list }));
    } else {
        let mut lines = table(&["check", "verdict", "says", "what to do"]);
        for finding in &findings {
            let (verdict, says) = (finding.verdict.name(), finding.says.as_str());
            lines.add_row([finding.check, verdict, says, finding.todo]);
        }
        println!("{lines}");
    }
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn server(args: &DoctorArgs) -> Result<Vec<Finding>> {
    let mut client = Client::new(&args.server)?;
    let url = args.server.url.as_str();
    let healthy = match client.look("/healthz").await {
        Ok(response) => response,
        Err(error) => {
            let todo = "is the server running? --database FILE checks its file";
            return Ok(vec![Finding::wrong("reach", format!("{error:#}"), todo)]);
        }
    };
    let says = format!("HTTP {} at {url}", healthy.status().as_u16());
    let mut findings = vec![if healthy.status().is_success() {
        Finding::well("reach", says)
    } else {
        Finding::wrong("reach", says, "is this a marketplace, or a proxy without one behind it?")
    }];
    findings.extend(from_outside(url));
    findings.push(clock(healthy.headers().get("date").and_then(|date| date.to_str().ok())));
    findings.push(ready(&client).await?);
    findings.push(door(&client).await?);
    findings.push(card(&client, url).await?);
    findings.extend(figures(&client, args.metrics_url.as_deref()).await?);
    if let Some(path) = &args.key {
        client.log_in(&key_file::read(path)?).await?;
        findings.extend(audit(&client).await?);
    } else {
        let todo = "pass --key FILE of an operator";
        findings.push(Finding::warning("books", "not checked", todo));
    }
    Ok(findings)
}

/// Tokens travel in every request.
fn from_outside(url: &str) -> Option<Finding> {
    let rest = url.strip_prefix("http://")?;
    let is_near = ["127.", "localhost", "[::1]"].iter().any(|host| rest.starts_with(host));
    let todo = "put a proxy with TLS in front, and use its https:// URL";
    (!is_near).then(|| Finding::warning("TLS", "tokens travel in plain text", todo))
}

fn clock(date: Option<&str>) -> Finding {
    let here: DateTime<Utc> = SystemTime::now().into();
    let Some(there) = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()) else {
        let todo = "does a proxy take the Date header away?";
        return Finding::warning("clock", "the server does not say what time it is", todo);
    };
    let skew = here.signed_duration_since(there).num_seconds();
    let says = format!("{skew} s from the server's; beyond 60 s no proof is accepted");
    if skew.abs() > SKEW_WARNING_SECONDS {
        let todo = "set the clock here or there; servers want NTP";
        return Finding::wrong("clock", says, todo);
    }
    Finding::well("clock", says)
}

/// A server that is open to everybody shows them elsewhere.
async fn figures(client: &Client, elsewhere: Option<&str>) -> Result<Vec<Finding>> {
    let scrape = match elsewhere {
        Some(url) => client.look_at(&format!("{}/metrics", url.trim_end_matches('/'))).await?,
        None => client.look("/metrics").await?,
    };
    if scrape.status() == StatusCode::NOT_FOUND {
        let todo =
            "--metrics-url: where METRICS_LISTEN_ADDR can be reached, as by kubectl port-forward";
        return Ok(vec![Finding::warning("figures", "not shown here", todo)]);
    }
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let scrape = scrape.text().await?;
    Ok(Figures(&scrape).findings(since.as_secs_f64(), env!("CARGO_PKG_VERSION")))
}

async fn ready(client: &Client) -> Result<Finding> {
    let response = client.look("/readyz").await?;
    let status = response.status();
    let says = response.text().await?;
    let says = says.trim().to_owned();
    let says = if says.is_empty() { format!("HTTP {}", status.as_u16()) } else { says };
    if status.is_success() {
        return Ok(Finding::well("ready", says));
    }
    let todo = "see RUNBOOK.md, \"No server is ready\": its log names what is missing";
    Ok(Finding::wrong("ready", says, todo))
}

/// Whoever proves nothing must not be let in.
async fn door(client: &Client) -> Result<Finding> {
    let status = client.look("/api/v1/wallet").await?.status().as_u16();
    Ok(match status {
        401 => Finding::well("door", "callers prove who they are"),
        _ => {
            let says = format!("a wallet without a token: HTTP {status} and not 401");
            Finding::warning("door", says, "AUTH_MODE=open is for development only")
        }
    })
}

/// What agents are told of where we are.
async fn card(client: &Client, url: &str) -> Result<Finding> {
    let card = client.get("/.well-known/agent-card.json", &[]).await?;
    let named = card["url"].as_str().or_else(|| card["supportedInterfaces"][0]["url"].as_str());
    let todo = "set PUBLIC_URL to how agents reach us";
    Ok(match named {
        Some(named) if named.starts_with(url.trim_end_matches('/')) => {
            Finding::well("card", inert(&json!(named)))
        }
        Some(named) => {
            let says = format!("it sends agents to {}", inert(&json!(named)));
            Finding::warning("card", says, todo)
        }
        None => Finding::warning("card", "it does not say where agents should go", todo),
    })
}

async fn audit(client: &Client) -> Result<Vec<Finding>> {
    let audit = client.get("/api/v1/admin/audit", &[]).await?;
    let breaches = audit["breaches"].as_array().context("the server sent no audit")?;
    let breaches: Vec<String> = breaches.iter().map(inert).collect();
    let mut findings = vec![books(&breaches)];
    let reserves = &audit["reserves"];
    if let (Some(held), Some(booked)) = (reserves["held"].as_str(), reserves["booked"].as_str()) {
        let says = format!("the TEG holds {held} AVT for us, our books say {booked} AVT");
        findings.push(if held == booked {
            Finding::well("reserves", says)
        } else {
            let todo = "transfers on their way make them differ for a moment: look again";
            Finding::warning("reserves", says, todo)
        });
    }
    let late = audit["late_timers"].as_u64().unwrap_or_default();
    let says = format!("{late} are late");
    findings.push(if late == 0 {
        Finding::well("timers", says)
    } else {
        Finding::warning("timers", says, "does a worker run?")
    });
    Ok(findings)
}

fn books(breaches: &[String]) -> Finding {
    if breaches.is_empty() {
        let says = "every account, balance, escrow and hash agrees with the journal";
        return Finding::well("books", says);
    }
    let todo = "stop withdrawals and take a backup; then find what wrote beside the programs";
    Finding::wrong("books", breaches.join("; "), todo)
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
