//! `listings delist`.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::act::{ActArgs, Money, propose};

#[derive(Debug, Subcommand)]
pub(crate) enum ListingsCommand {
    /// End a listing for good; its orders go on
    Delist(DelistArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DelistArgs {
    /// Which
    #[arg(value_name = "LISTING_ID")]
    listing: String,
    #[command(flatten)]
    act: ActArgs,
}

/// Does what was asked.
pub(crate) async fn run(command: &ListingsCommand, as_json: bool) -> Result<()> {
    let ListingsCommand::Delist(args) = command;
    let motion = json!({ "action": "listing.delist", "listing_id": args.listing });
    propose(&args.act, motion, Money::Stays, as_json).await
}
