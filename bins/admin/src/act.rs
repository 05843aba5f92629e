//! What every act of an operator has in common: a reason, a trial, a question where tokens move.

use std::io::{BufRead, Write};

use anyhow::{Context, Result, bail};
use clap::Args;
use marketplace_wire::{hex, sha256_from_hex};
use serde_json::{Value, json};

use crate::cli::TokenArgs;
use crate::client::Client;
use crate::key_file;
use crate::report::{inert, subject, table};

const MOTIONS: &str = "/api/v1/operator/motions";

/// Who acts, and why.
#[derive(Debug, Args)]
pub(crate) struct ActArgs {
    /// Why; public, and kept for ever
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Only have the server look what would happen
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask before tokens move
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) caller: TokenArgs,
}

/// Whether an act moves tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Money {
    Moves,
    Stays,
}

/// Proposes a motion, after a trial and a question where tokens move.
pub(crate) async fn propose(
    args: &ActArgs,
    mut motion: Value,
    money: Money,
    as_json: bool,
) -> Result<()> {
    let client = Client::with_key(&args.caller.server, &args.caller.key).await?;
    motion["reason"] = Value::from(args.reason.as_str());
    if args.dry_run || money == Money::Moves {
        let found = try_motion(&client, &motion, &args.reason).await?;
        if args.dry_run {
            show_tried(&found, as_json);
            return Ok(());
        }
        confirm(args.yes, &what(&found))?;
    }
    show(&client.post(MOTIONS, Some(&motion)).await?, as_json);
    Ok(())
}

/// Has the server look what would happen.
pub(crate) async fn try_motion(client: &Client, motion: &Value, reason: &str) -> Result<Value> {
    let mut trial = motion.clone();
    trial["reason"] = Value::from(reason);
    trial["dry_run"] = true.into();
    client.post(MOTIONS, Some(&trial)).await
}

/// The server does what needs one operator only, or looks whether it could.
pub(crate) async fn act_alone(args: &ActArgs, path: &str, body: Value) -> Result<Value> {
    let client = Client::with_key(&args.caller.server, &args.caller.key).await?;
    post_alone(&client, args, path, body).await
}

/// The same, by a client that is there.
pub(crate) async fn post_alone(
    client: &Client,
    args: &ActArgs,
    path: &str,
    mut body: Value,
) -> Result<Value> {
    body["reason"] = Value::from(args.reason.as_str());
    body["dry_run"] = args.dry_run.into();
    let reply = client.post(path, Some(&body)).await?;
    if args.dry_run {
        eprintln!("nothing was done");
    }
    Ok(reply)
}

/// The caller's signature over the digest of a motion on a dispute; nothing for other motions.
pub(crate) fn signed(caller: &TokenArgs, motion: &Value) -> Result<Value> {
    let Some(digest) = motion["digest"].as_str() else { return Ok(Value::Null) };
    let digest = sha256_from_hex(digest).context("the server sent no digest to sign")?;
    Ok(Value::from(hex(&key_file::read(&caller.key)?.sign(&digest))))
}

/// In a few words.
pub(crate) fn what(motion: &Value) -> String {
    format!("{}: {}", inert(&motion["action"]), subject(motion))
}

/// Goes on only with a yes, given before or typed now.
pub(crate) fn confirm(yes: bool, what: &str) -> Result<()> {
    if yes {
        return Ok(());
    }
    eprint!("This moves tokens: {what}\nType yes to go on: ");
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    if line.trim() == "yes" {
        return Ok(());
    }
    bail!("nothing was done; --yes answers this question before it is asked")
}

/// A motion that the server only looked at: it has no id, and nobody can agree with it.
pub(crate) fn show_tried(found: &Value, as_json: bool) {
    let mut found = found.clone();
    if !as_json {
        if found["state"] != "scheduled" {
            found["due"] = Value::Null;
        }
        found["state"] = "it could be done now".into();
        found["motion_id"] = Value::Null;
    }
    show(&found, as_json);
    eprintln!("nothing was done");
}

/// A motion and where it stands.
pub(crate) fn show(motion: &Value, as_json: bool) {
    if as_json {
        println!("{motion:#}");
        return;
    }
    let mut lines = table(&["field", "value"]);
    for field in ["motion_id", "action", "subject", "reason", "state", "due"] {
        let value = match field {
            "subject" => subject(motion),
            _ => inert(&motion[field]),
        };
        if !motion[field].is_null() {
            lines.add_row([field.to_owned(), value]);
        }
    }
    lines.add_row(["approvals".to_owned(), approvals(motion)]);
    println!("{lines}");
    if motion["state"] == "open" {
        let id = inert(&motion["motion_id"]);
        println!("others must agree: marketplace-admin approvals approve {id}");
    }
}

/// `1 of 2: did:…`.
pub(crate) fn approvals(motion: &Value) -> String {
    let given = motion["approvals"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: Vec<String> = given.iter().map(|approval| inert(&approval["operator"])).collect();
    format!("{} of {}: {}", given.len(), inert(&motion["needed"]), names.join(", "))
}

/// `90s`, `30m`, `6h` or `2d`.
pub(crate) fn seconds(text: &str) -> Result<u32, String> {
    let problem = || "must be like 90s, 30m, 6h or 2d".to_owned();
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => return Err(problem()),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_| problem())?;
    number.checked_mul(unit).filter(|seconds| *seconds > 0).ok_or_else(problem)
}

/// Sends an operator's word on a motion.
pub(crate) async fn word(caller: &TokenArgs, id: &str, verb: &str, body: &Value) -> Result<Value> {
    let client = Client::with_key(&caller.server, &caller.key).await?;
    client.post(&format!("{MOTIONS}/{id}/{verb}"), Some(body)).await
}

/// Takes a motion back.
pub(crate) async fn cancel(caller: &TokenArgs, id: &str, reason: &str) -> Result<Value> {
    word(caller, id, "cancel", &json!({ "reason": reason })).await
}

/// A page of motions.
pub(crate) async fn motions(
    caller: &TokenArgs,
    state: Option<&str>,
    cursor: Option<&str>,
    limit: u32,
) -> Result<Value> {
    let client = Client::with_key(&caller.server, &caller.key).await?;
    let mut query = vec![("limit", limit.to_string())];
    query.extend(state.map(|state| ("state", state.to_owned())));
    query.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
    client.get(MOTIONS, &query).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let check =
            |text: &str, expect: Option<u32>| assert_eq!(seconds(text).ok(), expect, "{text}");
        check("90s", Some(90));
        check("30m", Some(1_800));
        check("6h", Some(21_600));
        check("2d", Some(172_800));
        for text in ["", "6", "h", "0h", "-1h", "1.5h", "99999999d", "6\u{e9}"] {
            check(text, None);
        }
    }
}
