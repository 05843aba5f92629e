//! `verify-verdict`: repeats a dispute without the marketplace, from its verdict packet.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;
use marketplace_boot::packet_from;
use marketplace_disputes::verify;
use marketplace_registry::{decode_did_key, verify_signature};
use serde_json::json;

use crate::report::table;

#[derive(Debug, Args)]
pub(crate) struct VerifyVerdictArgs {
    /// The answer of GET /api/v1/disputes/{id}/verdict
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The operators as you know them; other ones may not have ruled
    #[arg(long, value_name = "DID")]
    operator: Vec<String>,
}

/// Replays rules, draws, votes, rulings and postings; fails when anything is not what follows.
pub(crate) fn run(args: &VerifyVerdictArgs, as_json: bool) -> Result<ExitCode> {
    let text = std::fs::read_to_string(&args.file).context("the packet cannot be read")?;
    let packet = packet_from(&text).context("the file is no verdict packet")?;
    for operator in &packet.operators {
        let known = args.operator.is_empty() || args.operator.contains(&operator.to_string());
        ensure!(known, "the packet calls {operator} an operator, you do not");
    }
    let signed = |did: &marketplace_money::Did, digest: &[u8; 32], signature: &[u8; 64]| {
        decode_did_key(did).is_ok_and(|key| verify_signature(&key, digest, signature))
    };
    let verified = verify(&packet, &signed).map_err(|fault| anyhow::anyhow!("{fault}"))?;
    let counts = [
        ("commits", verified.commits),
        ("panels", verified.panels),
        ("votes", verified.votes),
        ("entries", verified.entries),
        ("batches", verified.batches),
    ];
    if as_json {
        let mut body = json!({
            "ok": true, "dispute_id": packet.opened.id.to_string(),
            "phase": packet.closed.phase().to_string(),
        });
        for (name, count) in counts {
            body[name] = count.into();
        }
        println!("{body:#}");
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = table(&["repeated", "count"]);
    for (name, count) in counts {
        lines.add_row([name.to_owned(), count.to_string()]);
    }
    println!("{lines}");
    println!("Dispute {} ended {}, as it had to", packet.opened.id, packet.closed.phase());
    let operators: Vec<&str> = packet.operators.iter().map(|did| did.as_str()).collect();
    if args.operator.is_empty() && !operators.is_empty() {
        println!("Operators, says the packet: {}; --operator compares", operators.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}
