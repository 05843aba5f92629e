//! `try`: what an agent does, for who wants to see a flow without writing an agent. Each command is
//! one call of the API.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use marketplace_disputes::{Finding, Vote, commitment};
use marketplace_registry::random_key;
use marketplace_wire::hex;
use serde_json::{Value, json};

use crate::cli::TokenArgs;
use crate::client::Client;
use crate::key_file;
use crate::report::show;

#[derive(Debug, Args)]
pub(crate) struct TryArgs {
    #[command(flatten)]
    caller: TokenArgs,
    #[command(subcommand)]
    command: TryCommand,
}

#[derive(Debug, Subcommand)]
enum TryCommand {
    /// Ask for play money
    Faucet,
    /// What the agent has
    Wallet,
    /// Put up a service; prints its listing
    Sell {
        /// What it is called
        name: String,
        /// In AVT
        #[arg(long)]
        price: String,
        /// data-processing, computation, storage, analysis or custom
        #[arg(long, default_value = "custom")]
        kind: String,
        /// In your words
        #[arg(long, default_value = "as the name says")]
        description: String,
    },
    /// Buy what a listing offers
    Buy {
        /// Which
        listing: String,
    },
    /// Hand the work over, as the seller
    Deliver {
        /// Which order
        order: String,
        /// The work
        text: String,
    },
    /// How an order stands, and what you may do
    Order {
        /// Which
        order: String,
    },
    /// Accept the work, as the buyer: the seller is paid
    AcceptWork {
        /// Which order
        order: String,
    },
    /// Anything else that `order` says you may do: start, decline, cancel, request-changes and so on
    Act {
        /// Which order
        order: String,
        /// What, as `order` names it
        action: String,
        /// What goes with it, as the API takes it
        #[arg(long, value_name = "JSON", default_value = "{}")]
        with: String,
    },
    /// Say what you think of the other party, within seven days after the end
    Review {
        /// Which order
        order: String,
        /// 1 to 5
        stars: String,
        /// In your words
        #[arg(default_value = "")]
        text: String,
    },
    /// Take tokens out, to your account at the TEG
    Payout {
        /// In AVT
        amount: String,
    },
    /// Dispute an order; costs the bond and the fee
    #[command(visible_alias = "dispute")]
    Open {
        /// Which order
        order: String,
        /// non_delivery, wrong_content, failed_checks, poor_quality, incomplete, late, duplicate,
        /// buyer_refuses or other
        #[arg(long)]
        category: String,
        /// quarter, half, three_quarters or full
        #[arg(long, default_value = "full")]
        remedy: String,
        /// In your words
        #[arg(long)]
        reason: String,
    },
    /// How a dispute stands, and what you may do
    Show {
        /// Which
        dispute: String,
    },
    /// Disagree with a claim, with the counter-bond
    Contest {
        /// Which
        dispute: String,
        /// Without the counter-bond, for who cannot pay it
        #[arg(long)]
        unbonded: bool,
    },
    /// Give in
    Concede {
        /// Which
        dispute: String,
    },
    /// Take a claim back
    Withdraw {
        /// Which
        dispute: String,
    },
    /// Propose to share the price
    #[command(visible_alias = "offer-settlement")]
    Offer {
        /// Which
        dispute: String,
        /// What the seller gets, in AVT
        seller: String,
    },
    /// Agree with what the other side proposes
    #[command(visible_alias = "accept-settlement")]
    Accept {
        /// Which
        dispute: String,
    },
    /// Ask a larger panel
    Appeal {
        /// Which
        dispute: String,
    },
    /// Hand in a file as evidence
    #[command(visible_alias = "add-evidence")]
    Evidence {
        /// Which
        dispute: String,
        /// What
        file: PathBuf,
        /// What it shows
        #[arg(long, default_value = "")]
        note: String,
    },
    /// The packet of a dispute that is over, for `verify-verdict`
    Verdict {
        /// Which
        dispute: String,
    },
    /// Become a juror, with a stake of 250 AVT at least; the first seat comes after seven days
    Juror {
        /// In AVT
        stake: String,
    },
    /// Vote under seal, as a juror; prints the salt that opens the vote
    Vote {
        /// Which
        dispute: String,
        /// rejected, unproven, quarter, half, three_quarters or full
        ballot: String,
    },
    /// Open a vote, as a juror
    Reveal {
        /// Which
        dispute: String,
        /// As it was sealed
        ballot: String,
        /// As `vote` printed it
        salt: String,
    },
}

/// Does what was asked.
pub(crate) async fn run(args: &TryArgs, as_json: bool) -> Result<()> {
    let client = Client::with_key(&args.caller.server, &args.caller.key).await?;
    let (path, body) = match &args.command {
        TryCommand::Faucet => ("/api/v1/wallet/faucet".to_owned(), json!({})),
        TryCommand::Wallet => return show(&client.get("/api/v1/wallet", &[]).await?, as_json),
        TryCommand::Order { order } => {
            return show(&client.get(&format!("/api/v1/orders/{order}"), &[]).await?, as_json);
        }
        TryCommand::Show { dispute } => {
            let path = format!("/api/v1/disputes/{dispute}");
            return show(&client.get(&path, &[]).await?, as_json);
        }
        TryCommand::Verdict { dispute } => {
            let path = format!("/api/v1/disputes/{dispute}/verdict");
            println!("{}", client.get(&path, &[]).await?);
            return Ok(());
        }
        TryCommand::Vote { dispute, ballot } => {
            return vote(args, &client, dispute, ballot, as_json).await;
        }
        TryCommand::Act { order, action, with } => {
            let body = serde_json::from_str(with).context("--with is no JSON")?;
            (format!("/api/v1/orders/{order}/{action}"), body)
        }
        command => match trade(command) {
            Some(asked) => asked,
            None => on_dispute(command)?,
        },
    };
    show(&client.post(&path, Some(&body)).await?, as_json)
}

/// What concerns no dispute.
fn trade(command: &TryCommand) -> Option<(String, Value)> {
    Some(match command {
        TryCommand::Sell { name, price, kind, description } => {
            let service = json!({
                "service_type": kind, "name": name, "description": description, "price": price,
            });
            ("/api/v1/services/list".to_owned(), service)
        }
        TryCommand::Buy { listing } => {
            ("/api/v1/orders/create".to_owned(), json!({ "listing_id": listing }))
        }
        TryCommand::Deliver { order, text } => {
            (format!("/api/v1/orders/{order}/deliver"), json!({ "inline": text }))
        }
        TryCommand::AcceptWork { order } => (format!("/api/v1/orders/{order}/accept"), json!({})),
        TryCommand::Review { order, stars, text } => {
            (format!("/api/v1/orders/{order}/review"), json!({ "stars": stars, "text": text }))
        }
        TryCommand::Payout { amount } => {
            ("/api/v1/wallet/withdraw".to_owned(), json!({ "amount": amount }))
        }
        TryCommand::Juror { stake } => {
            ("/api/v1/jurors/register".to_owned(), json!({ "stake": stake }))
        }
        _ => return None,
    })
}

/// What is answered with the dispute.
fn on_dispute(command: &TryCommand) -> Result<(String, Value)> {
    let at = |dispute: &str, verb: &str| format!("/api/v1/disputes/{dispute}/{verb}");
    Ok(match command {
        TryCommand::Open { order, category, remedy, reason } => {
            let body = json!({
                "order_id": order, "category": category, "remedy": remedy, "reason": reason,
            });
            ("/api/v1/disputes/create".to_owned(), body)
        }
        TryCommand::Contest { dispute, unbonded } => {
            (at(dispute, "contest"), json!({ "bonded": !unbonded }))
        }
        TryCommand::Concede { dispute } => (at(dispute, "concede"), json!({})),
        TryCommand::Withdraw { dispute } => (at(dispute, "withdraw"), json!({})),
        TryCommand::Offer { dispute, seller } => {
            (at(dispute, "offer-settlement"), json!({ "seller": seller }))
        }
        TryCommand::Accept { dispute } => (at(dispute, "accept-settlement"), json!({})),
        TryCommand::Appeal { dispute } => (at(dispute, "appeal"), json!({})),
        TryCommand::Evidence { dispute, file, note } => {
            let text = std::fs::read_to_string(file);
            let text = text.with_context(|| format!("cannot read {} as text", file.display()))?;
            (at(dispute, "evidence"), json!({ "inline": text, "note": note }))
        }
        TryCommand::Reveal { dispute, ballot, salt } => {
            (at(dispute, "reveal"), json!({ "ballot": ballot, "salt": salt }))
        }
        _ => bail!("this is no act on a dispute"),
    })
}

/// The seal binds to the panel: which one it is, the dispute says.
async fn vote(
    args: &TryArgs,
    client: &Client,
    dispute: &str,
    ballot: &str,
    as_json: bool,
) -> Result<()> {
    let shown = client.get(&format!("/api/v1/disputes/{dispute}"), &[]).await?;
    let rounds = shown["rounds"].as_array().context("the server sent no rounds")?;
    let panels = rounds.last().and_then(|round| round["panels"].as_array());
    let attempt = panels.map_or(0, Vec::len).saturating_sub(1);
    let ballot: Finding = ballot.parse().map_err(anyhow::Error::msg)?;
    let vote = Vote { ballot, salt: random_key()? };
    let did = key_file::read(&args.caller.key)?.did().clone();
    let id = dispute.parse().context("this is no id of a dispute")?;
    let seal = commitment(id, rounds.len().saturating_sub(1), attempt, &did, &vote);
    let body = json!({ "commitment": hex(&seal) });
    let path = format!("/api/v1/disputes/{dispute}/commit");
    let after = client.post(&path, Some(&body)).await?;
    let salt = hex(&vote.salt);
    if as_json {
        println!("{}", json!({ "salt": salt, "dispute": after }));
    } else {
        eprintln!("keep this salt: without it the vote cannot be opened, which costs 5 AVT");
        println!("{salt}");
    }
    Ok(())
}
