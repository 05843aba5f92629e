//! `fees show`, `propose` and `cancel`.

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::act::{ActArgs, Money, cancel, propose, show};
use crate::cli::{ServerArgs, TokenArgs};
use crate::client::Client;
use crate::report::{inert, table};

#[derive(Debug, Subcommand)]
pub(crate) enum FeesCommand {
    /// The fees of now, and the changes that are decided
    Show(ServerArgs),
    /// Other fees, 48 hours after the decision; what is not named stays
    Propose(ProposeArgs),
    /// Take a change back before it counts
    Cancel(CancelArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ProposeArgs {
    /// For putting up a listing, in AVT
    #[arg(long, value_name = "AMOUNT")]
    listing_fee: Option<String>,
    /// On top of a price, at most 5
    #[arg(long, value_name = "PERCENT")]
    transaction_fee_percent: Option<String>,
    /// For opening a dispute, in AVT
    #[arg(long, value_name = "AMOUNT")]
    dispute_fee: Option<String>,
    #[command(flatten)]
    act: ActArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// Which; `audit trail` lists them
    #[arg(value_name = "MOTION_ID")]
    pub(crate) motion: String,
    /// Why; public
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) caller: TokenArgs,
}

const COLUMNS: [&str; 4] = ["from", "listing_fee", "transaction_fee_percent", "dispute_fee"];

/// Does what was asked.
pub(crate) async fn run(command: &FeesCommand, as_json: bool) -> Result<()> {
    match command {
        FeesCommand::Show(server) => {
            let fees = Client::new(server)?.get("/api/v1/fees", &[]).await?;
            if as_json {
                println!("{fees:#}");
                return Ok(());
            }
            let mut lines = table(&COLUMNS);
            let mut now = fees.clone();
            now["from"] = Value::from("now");
            let changes = fees["changes"].as_array().context("the server sent no fees")?;
            for row in std::iter::once(&now).chain(changes) {
                lines.add_row(COLUMNS.map(|field| inert(&row[field])));
            }
            println!("{lines}");
            Ok(())
        }
        FeesCommand::Propose(args) => {
            let fees = [
                ("listing_fee", &args.listing_fee),
                ("transaction_fee_percent", &args.transaction_fee_percent),
                ("dispute_fee", &args.dispute_fee),
            ];
            ensure!(fees.iter().any(|(_, fee)| fee.is_some()), "name at least one fee to change");
            let mut motion = json!({ "action": "fees.set" });
            for (name, fee) in fees {
                if let Some(fee) = fee {
                    motion[name] = Value::from(fee.as_str());
                }
            }
            propose(&args.act, motion, Money::Stays, as_json).await
        }
        FeesCommand::Cancel(args) => {
            show(&cancel(&args.caller, &args.motion, &args.reason).await?, as_json);
            Ok(())
        }
    }
}
