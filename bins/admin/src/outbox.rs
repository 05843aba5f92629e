//! `outbox dead` and `outbox retry`: messages that no endpoint took.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::json;

use crate::act::{ActArgs, post_alone};
use crate::cli::OutboxCommand;
use crate::client::Client;
use crate::report::{inert, table};

/// Does what was asked.
pub(crate) async fn run(command: &OutboxCommand, as_json: bool) -> Result<()> {
    match command {
        OutboxCommand::Dead(args) => {
            let client = Client::with_key(&args.server, &args.key).await?;
            let page = client.get("/api/v1/admin/outbox/dead", &[]).await?;
            if as_json {
                println!("{page:#}");
                return Ok(());
            }
            let fields = ["id", "kind", "subject", "agent", "notice", "attempts", "error"];
            let mut lines = table(&fields);
            let dead = page["results"].as_array().context("the server sent no list")?;
            for letter in dead {
                lines.add_row(fields.map(|field| inert(&letter[field])));
            }
            println!("{lines}");
        }
        OutboxCommand::Retry(args) => {
            let caller = &args.act.caller;
            let client = Client::with_key(&caller.server, &caller.key).await?;
            if args.all {
                return retry_all(&client, &args.act, as_json).await;
            }
            retry(&client, &args.act, &args.ids, as_json).await?;
        }
    }
    Ok(())
}

/// A page of dead letters after the other; what dies again meanwhile is not tried again.
async fn retry_all(client: &Client, act: &ActArgs, as_json: bool) -> Result<()> {
    let mut tried = BTreeSet::new();
    loop {
        let page = client.get("/api/v1/admin/outbox/dead", &[]).await?;
        let dead = page["results"].as_array().context("the server sent no list")?;
        let ids = dead.iter().filter_map(|dead| dead["id"].as_str().map(str::to_owned));
        let new: Vec<String> = ids.filter(|id| tried.insert(id.clone())).collect();
        if new.is_empty() {
            if tried.is_empty() && !as_json {
                println!("nothing is dead");
            }
            return Ok(());
        }
        retry(client, act, &new, as_json).await?;
    }
}

/// All of these, or none.
async fn retry(client: &Client, act: &ActArgs, ids: &[String], as_json: bool) -> Result<()> {
    let body = json!({ "letter_ids": ids });
    let kept = post_alone(client, act, "/api/v1/admin/outbox/retry", body).await?;
    if as_json {
        println!("{kept:#}");
        return Ok(());
    }
    let becomes = if act.dry_run { "can" } else { "will" };
    for id in ids {
        println!("{id} {becomes} be tried again");
    }
    Ok(())
}
