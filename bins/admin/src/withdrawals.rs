//! `withdrawals list`, `resolve` and `explain`: what is on its way to the TEG, and what the operator
//! does about it.

use anyhow::{Context, Result};
use serde_json::json;

use crate::cli::{ResolveWay, WithdrawalsCommand};
use crate::client::Client;
use crate::report::{inert, table};

const FIELDS: [&str; 8] =
    ["withdrawal_id", "agent", "amount", "fee", "status", "at", "sent_at", "reason"];

/// Does what was asked.
pub(crate) async fn run(command: &WithdrawalsCommand, as_json: bool) -> Result<()> {
    match command {
        WithdrawalsCommand::List(args) => {
            let client = Client::with_key(&args.server, &args.key).await?;
            let page = client.get("/api/v1/admin/withdrawals", &[]).await?;
            if as_json {
                println!("{page:#}");
                return Ok(());
            }
            let mut lines = table(&FIELDS);
            for row in page["results"].as_array().context("the server sent no list")? {
                lines.add_row(FIELDS.map(|field| inert(&row[field])));
            }
            println!("{lines}");
            if page["stopped"].is_string() {
                println!("STOPPED: {} {}", inert(&page["stopped"]), inert(&page["alarm"]));
            }
        }
        WithdrawalsCommand::Resolve(args) => {
            let client = Client::with_key(&args.caller.server, &args.caller.key).await?;
            let way = match args.way {
                ResolveWay::Resend => "resend",
                ResolveWay::Return => "return",
            };
            let body = json!({ "way": way, "reason": args.reason });
            let path = format!("/api/v1/admin/withdrawals/{}/resolve", args.withdrawal);
            let now = client.post(&path, Some(&body)).await?;
            println!("{} is {}", args.withdrawal, inert(&now["status"]));
        }
        WithdrawalsCommand::Explain(args) => {
            let client = Client::with_key(&args.caller.server, &args.caller.key).await?;
            let body = json!({ "transaction_id": args.transaction, "reason": args.reason });
            client.post("/api/v1/admin/transfers/explain", Some(&body)).await?;
            println!("{} is booked against capital", args.transaction);
        }
    }
    Ok(())
}
