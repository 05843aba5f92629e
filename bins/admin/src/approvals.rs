//! `approvals list`, `approve` and `cancel`: where more than one operator must agree.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::act::{cancel, confirm, motions, show, signed, what, word};
use crate::audit::print;
use crate::cli::TokenArgs;
use crate::client::Client;
use crate::fees::CancelArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// What waits for approvals
    List(TokenArgs),
    /// Agree; the last approval that it takes has it done
    Approve(ApproveArgs),
    /// Take back what waits; any one operator may
    Cancel(CancelArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// Which
    #[arg(value_name = "MOTION_ID")]
    motion: String,
    /// Only show it
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before tokens move
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    caller: TokenArgs,
}

/// Acts after which tokens may move.
const MOVING: [&str; 7] = [
    "order.refund",
    "order.release",
    "agent.adjust",
    "dispute.rule",
    "dispute.abort",
    "withdrawal.resolve",
    "transfer.explain",
];

/// Does what was asked.
pub(crate) async fn run(command: &ApprovalsCommand, as_json: bool) -> Result<()> {
    match command {
        ApprovalsCommand::List(caller) => {
            let page = motions(caller, Some("open"), None, 1_000).await?;
            print(&page, as_json)
        }
        ApprovalsCommand::Approve(args) => {
            let client = Client::with_key(&args.caller.server, &args.caller.key).await?;
            let path = format!("/api/v1/operator/motions/{}", args.motion);
            let motion = client.get(&path, &[]).await?;
            if args.dry_run {
                show(&motion, as_json);
                return Ok(());
            }
            if MOVING.iter().any(|action| motion["action"] == *action) {
                confirm(args.yes, &what(&motion))?;
            }
            let body = json!({ "signature": signed(&args.caller, &motion)? });
            show(&word(&args.caller, &args.motion, "approve", &body).await?, as_json);
            Ok(())
        }
        ApprovalsCommand::Cancel(args) => {
            show(&cancel(&args.caller, &args.motion, &args.reason).await?, as_json);
            Ok(())
        }
    }
}
