//! `outbox dead` and `outbox retry`: messages that no endpoint took.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

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
            let client = Client::with_key(&args.caller.server, &args.caller.key).await?;
            if args.all {
                return retry_all(&client).await;
            }
            for id in &args.ids {
                retry(&client, id).await?;
            }
        }
    }
    Ok(())
}

/// A page of dead letters after the other; what dies again meanwhile is not tried again.
async fn retry_all(client: &Client) -> Result<()> {
    let mut tried = BTreeSet::new();
    loop {
        let page = client.get("/api/v1/admin/outbox/dead", &[]).await?;
        let dead = page["results"].as_array().context("the server sent no list")?;
        let ids = dead.iter().filter_map(|dead| dead["id"].as_str().map(str::to_owned));
        let new: Vec<String> = ids.filter(|id| tried.insert(id.clone())).collect();
        if new.is_empty() {
            return Ok(());
        }
        for id in &new {
            retry(client, id).await?;
        }
    }
}

async fn retry(client: &Client, id: &str) -> Result<()> {
    client.post(&format!("/api/v1/admin/outbox/{id}/retry"), None).await?;
    println!("{id} will be tried again");
    Ok(())
}
