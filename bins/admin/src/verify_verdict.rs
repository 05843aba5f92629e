//! `verify-verdict`: repeats a dispute without the marketplace, from its verdict packet.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;
use marketplace_boot::packet_from;
use marketplace_disputes::{Known, PacketFault, verify_with};
use marketplace_registry::{decode_did_key, verify_signature};
use marketplace_wire::{hex, sha256_from_hex};
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
    /// Older rules that were published, by their hash: what they ruled is taken as it stands, and
    /// said so
    #[arg(long, value_name = "HASH")]
    rule_set: Vec<String>,
    /// A batch of the chain whose hash you know, from another packet or an audit; the packet must
    /// have it
    #[arg(long, value_name = "POSITION:HASH")]
    head_hash: Vec<String>,
}

fn hash(text: &str) -> Result<[u8; 32]> {
    sha256_from_hex(text)
        .with_context(|| format!("{text} is no hash: it has 64 hexadecimal digits"))
}

fn batch(text: &str) -> Result<(u64, [u8; 32])> {
    let (position, digits) = text.split_once(':').context("--head-hash is POSITION:HASH")?;
    Ok((position.parse().context("--head-hash is POSITION:HASH")?, hash(digits)?))
}

/// Replays rules, draws, votes, rulings and postings; fails when anything is not what follows.
pub(crate) fn run(args: &VerifyVerdictArgs, as_json: bool) -> Result<ExitCode> {
    let text = std::fs::read_to_string(&args.file).context("the packet cannot be read")?;
    let packet = packet_from(&text).context("the file is no verdict packet")?;
    for operator in &packet.operators.keys {
        let known = args.operator.is_empty() || args.operator.contains(&operator.to_string());
        ensure!(known, "the packet calls {operator} an operator, you do not");
    }
    let signed = |did: &marketplace_money::Did, digest: &[u8; 32], signature: &[u8; 64]| {
        decode_did_key(did).is_ok_and(|key| verify_signature(&key, digest, signature))
    };
    let rule_sets: Vec<_> = args.rule_set.iter().map(|text| hash(text)).collect::<Result<_>>()?;
    let hashes: Vec<_> = args.head_hash.iter().map(|text| batch(text)).collect::<Result<_>>()?;
    let known = Known { is_signed: &signed, rule_sets: &rule_sets, hashes: &hashes };
    let verified = verify_with(&packet, &known).map_err(|fault| match fault {
        PacketFault::OtherRules => anyhow::anyhow!(
            "{fault}: {}; if that one was published, say --rule-set",
            hex(&packet.rule_set)
        ),
        fault => anyhow::anyhow!("{fault}"),
    })?;
    let counts = [
        ("commits", verified.commits),
        ("panels", verified.panels),
        ("votes", verified.votes),
        ("entries", verified.entries),
        ("batches", verified.batches),
        ("placed", verified.placed),
        ("taken", verified.taken),
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
    if verified.taken > 0 {
        println!(
            "Rulings of tier 1 that were taken as they stand, by older rules: {}",
            verified.taken
        );
    }
    let operators: Vec<&str> = packet.operators.keys.iter().map(|did| did.as_str()).collect();
    if args.operator.is_empty() && !operators.is_empty() {
        println!("Operators, says the packet: {}; --operator compares", operators.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}
