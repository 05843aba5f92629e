//! `audit trail` and `audit books`.

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::Value;

use crate::act::{approvals, motions};
use crate::cli::TokenArgs;
use crate::client::Client;
use crate::report::{inert, subject, table};

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Everything that operators proposed, newest first: who, when, why, and what became of it
    Trail(TrailArgs),
    /// Have the server prove its books: minutes on a large one
    Books(TokenArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TrailArgs {
    #[command(flatten)]
    caller: TokenArgs,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: u32,
    /// Go on where an earlier page ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Does what was asked.
pub(crate) async fn run(command: &AuditCommand, as_json: bool) -> Result<()> {
    match command {
        AuditCommand::Trail(args) => {
            let page = motions(&args.caller, None, args.cursor.as_deref(), args.limit).await?;
            print(&page, as_json)
        }
        AuditCommand::Books(caller) => {
            let client = Client::with_key(&caller.server, &caller.key).await?;
            let audit = client.get("/api/v1/admin/audit", &[]).await?;
            if as_json {
                println!("{audit:#}");
                return Ok(());
            }
            let mut lines = table(&["field", "value"]);
            for (name, value) in audit.as_object().context("the server sent no audit")? {
                lines.add_row([name.clone(), inert(value)]);
            }
            println!("{lines}");
            Ok(())
        }
    }
}

/// A page of motions as a table.
pub(crate) fn print(page: &Value, as_json: bool) -> Result<()> {
    if as_json {
        println!("{page:#}");
        return Ok(());
    }
    let fields = ["proposed_at", "motion_id", "action", "subject", "state", "reason"];
    let mut lines = table(&[&fields[..], &["approvals"]].concat());
    for motion in page["results"].as_array().context("the server sent no list")? {
        let cell = |field: &&str| match *field {
            "subject" => subject(motion),
            field => inert(&motion[field]),
        };
        let mut row: Vec<String> = fields.iter().map(cell).collect();
        row.push(approvals(motion));
        lines.add_row(row);
    }
    println!("{lines}");
    if let Some(cursor) = page["next_cursor"].as_str() {
        println!("more: --cursor {cursor}");
    }
    Ok(())
}
