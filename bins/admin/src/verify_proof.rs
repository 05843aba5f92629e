//! `verify-proof`: checks, without the marketplace, that it has promised to owe what an agent has.

use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use marketplace_money::Amount;
use marketplace_registry::verify_signature;
use marketplace_wire::{ProofBody, sha256_from_hex};
use serde_json::{Value, json};

use crate::cli::VerifyProofArgs;
use crate::report::{inert, table};

/// Checks a file; fails when anything in it is not as it should be.
pub(crate) fn run(args: &VerifyProofArgs, as_json: bool) -> Result<ExitCode> {
    let text = std::fs::read_to_string(&args.file).context("the proof cannot be read")?;
    let proof: ProofBody = serde_json::from_str(&text).context("the file is no proof")?;
    let statement = check(&proof, args.public_key.as_deref())?;
    if as_json {
        println!("{:#}", json!({ "ok": true, "statement": statement }));
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = table(&["account", "amount"]);
    for own in &proof.inclusions {
        lines.add_row([
            inert(&Value::from(own.account.as_str())),
            inert(&own.amount.as_str().into()),
        ]);
    }
    println!("{lines}");
    println!(
        "{} owed {} AVT in all at {}; of this it proves the above. Signed by {}",
        inert(&statement["iss"]),
        inert(&statement["liabilities"]),
        inert(&statement["at"]),
        proof.public_key,
    );
    match statement["held"].as_str() {
        Some(held) => println!(
            "The TEG held {} AVT for it at {}: not less than that",
            inert(&held.into()),
            inert(&statement["held_at"]),
        ),
        None => println!("It does not say what the TEG held for it: that is not proved"),
    }
    if args.public_key.is_none() {
        println!("Compare the key with the one you know: --public-key checks it");
    }
    Ok(ExitCode::SUCCESS)
}

/// The signed statement, when everything holds.
fn check(proof: &ProofBody, expected: Option<&str>) -> Result<Value> {
    if let Some(expected) = expected {
        ensure!(expected == proof.public_key, "another key signed it than {expected}");
    }
    let key = sha256_from_hex(&proof.public_key).context("the key is not 64 hexadecimal digits")?;
    let (signed, signature) = proof.jws.rsplit_once('.').context("the statement is no JWS")?;
    let signature = URL_SAFE_NO_PAD.decode(signature).context("the signature")?;
    ensure!(
        verify_signature(&key, signed.as_bytes(), &signature),
        "the statement was not signed by {}",
        proof.public_key
    );
    let (_, payload) = signed.split_once('.').context("the statement is no JWS")?;
    let payload = URL_SAFE_NO_PAD.decode(payload).context("the statement")?;
    let statement: Value = serde_json::from_slice(&payload).context("the statement")?;
    let part = |name: &str| statement[name].as_str().context("the statement lacks a field");
    let (root, total) = (part("root")?, part("liabilities")?);
    check_held(&statement, total)?;
    let mut names = std::collections::BTreeSet::new();
    for own in &proof.inclusions {
        if !names.insert(&own.account) {
            bail!("{} is proved twice", own.account);
        }
        if let Err(error) = own.check(root, total) {
            bail!("{}: {error}", own.account);
        }
    }
    Ok(statement)
}

/// What is owed must be there. Statements from before this was signed do not say.
fn check_held(statement: &Value, total: &str) -> Result<()> {
    if statement["held"].is_null() {
        return Ok(());
    }
    let held = statement["held"].as_str().context("held is no amount")?;
    ensure!(statement["held_at"].is_string(), "the statement does not say when the TEG was asked");
    let amount = |text: &str| {
        let amount: Result<Amount, _> = text.parse();
        amount.with_context(|| format!("{text:?} is no amount"))
    };
    ensure!(
        amount(held)? >= amount(total)?,
        "the TEG held {held} AVT, less than the {total} AVT that are owed"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use marketplace_registry::AgentKey;

    use super::*;

    /// One agent is owed everything: its leaf is the root.
    fn proof(amount: &str, total: &str, held: &Value) -> ProofBody {
        use sha2::{Digest, Sha256};
        let key = AgentKey::from_secret(&[7; 32]);
        let name = Sha256::new_with_prefix(b"leaf-name").chain_update([9; 32]);
        let name = name.chain_update("agent:did:a").finalize();
        let nano: i64 = 5_000_000_000;
        let root = Sha256::new_with_prefix([0]).chain_update(name).chain_update(nano.to_be_bytes());
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let statement = json!({
            "iss": "did:m", "root": hex(&root.finalize()), "liabilities": total,
            "held": held, "held_at": "2026-01-01T00:00:00Z",
        });
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let head = format!("{}.{}", encode(b"{}"), encode(statement.to_string().as_bytes()));
        let jws = format!("{head}.{}", encode(&key.sign(head.as_bytes())));
        let own = marketplace_wire::InclusionBody {
            account: "agent:did:a".into(),
            amount: amount.into(),
            salt: hex(&[9; 32]),
            path: Vec::new(),
        };
        ProofBody { jws, public_key: hex(&key.public_key()), inclusions: vec![own] }
    }

    #[test]
    fn only_the_truth_is_proved() {
        let good = proof("5", "5", &json!("5"));
        assert!(check(&good, None).is_ok());
        assert!(check(&good, Some(&good.public_key)).is_ok());
        assert!(check(&good, Some("00")).is_err());
        assert!(check(&proof("5", "5", &Value::Null), None).is_ok(), "older ones do not say");
        for (amount, total, held) in [
            ("6", "5", json!("7")),
            ("5", "6", json!("7")),
            ("5", "5", json!("4.999999999")),
            ("5", "5", json!("much")),
            ("5", "5", json!(5)),
        ] {
            assert!(check(&proof(amount, total, &held), None).is_err(), "{held}");
        }
        let mut other = good.clone();
        other.jws = other.jws.replacen('.', ".A", 1);
        assert!(check(&other, None).is_err());
        let mut twice = good.clone();
        twice.inclusions.push(good.inclusions[0].clone());
        assert!(check(&twice, None).is_err());
    }
}
