//! `agents freeze`, `unfreeze` and `adjust`.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::act::{ActArgs, Money, propose};

#[derive(Debug, Subcommand)]
pub(crate) enum AgentsCommand {
    /// Let an agent look at what is its own, and do nothing; its orders and deadlines go on
    Freeze(FreezeArgs),
    /// Let it act again
    Unfreeze(FreezeArgs),
    /// Move tokens between its balance and the operator's own; never new money
    Adjust(AdjustArgs),
}

#[derive(Debug, Args)]
pub(crate) struct FreezeArgs {
    /// Whom
    #[arg(value_name = "DID")]
    agent: String,
    #[command(flatten)]
    act: ActArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AdjustArgs {
    /// Whose balance
    #[arg(value_name = "DID")]
    agent: String,
    /// What it gets, in AVT; below 0, what it gives
    #[arg(value_name = "AMOUNT", allow_hyphen_values = true)]
    amount: String,
    #[command(flatten)]
    act: ActArgs,
}

/// Does what was asked.
pub(crate) async fn run(command: &AgentsCommand, as_json: bool) -> Result<()> {
    match command {
        AgentsCommand::Freeze(args) => {
            let motion = json!({ "action": "agent.freeze", "agent": args.agent });
            propose(&args.act, motion, Money::Stays, as_json).await
        }
        AgentsCommand::Unfreeze(args) => {
            let motion = json!({ "action": "agent.unfreeze", "agent": args.agent });
            propose(&args.act, motion, Money::Stays, as_json).await
        }
        AgentsCommand::Adjust(args) => {
            let (agent, amount) = (&args.agent, &args.amount);
            let motion = json!({ "action": "agent.adjust", "agent": agent, "amount": amount });
            propose(&args.act, motion, Money::Moves, as_json).await
        }
    }
}
