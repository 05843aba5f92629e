//! `withdrawals list`, `resolve` and `explain`: what is on its way to the TEG, and what the operator
//! does about it.

use anyhow::{Context, Result};
use serde_json::json;

use crate::act::{Money, propose};
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
            let way = match args.way {
                ResolveWay::Resend => "resend",
                ResolveWay::Return => "return",
            };
            let motion = json!({
                "action": "withdrawal.resolve", "withdrawal_id": args.withdrawal, "way": way,
            });
            propose(&args.act, motion, Money::Moves, as_json).await?;
        }
        WithdrawalsCommand::Explain(args) => {
            let motion =
                json!({ "action": "transfer.explain", "transaction_id": args.transaction });
            propose(&args.act, motion, Money::Moves, as_json).await?;
        }
    }
    Ok(())
}
