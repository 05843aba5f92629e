//! `orders list`, `show`, `refund`, `release` and `extend`.

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use crate::act::{ActArgs, Money, propose, seconds};
use crate::cli::TokenArgs;
use crate::client::Client;
use crate::report::{inert, show, table};

#[derive(Debug, Subcommand)]
pub(crate) enum OrdersCommand {
    /// The newest orders
    List(ListArgs),
    /// Everything about one order
    Show(ShowArgs),
    /// Give the buyer everything back: price and fee
    Refund(OrderActArgs),
    /// Pay the seller, as if the buyer had accepted
    Release(OrderActArgs),
    /// Give more time: every clock that runs is moved
    Extend(ExtendArgs),
}

#[derive(Debug, Args)]
pub(crate) struct OrderActArgs {
    /// Which; one that is disputed is ruled with its dispute
    #[arg(value_name = "ORDER_ID")]
    order: String,
    #[command(flatten)]
    act: ActArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExtendArgs {
    /// Which
    #[arg(value_name = "ORDER_ID")]
    order: String,
    /// By how much: 90s, 30m, 6h or 2d; at most 30d
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    by: u32,
    #[command(flatten)]
    act: ActArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) caller: TokenArgs,
    /// Whose: everybody's as an operator, else your own
    #[arg(long, value_enum, default_value = "operator")]
    pub(crate) role: Role,
    /// Only orders of this status, such as ESCROW_FUNDED
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    pub(crate) limit: u32,
    /// Go on where an earlier page ended
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// All orders; OPERATOR_DIDS of the server names who may
    Operator,
    /// What the agent bought
    Buyer,
    /// What the agent sold
    Seller,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The order's id
    #[arg(value_name = "ORDER_ID")]
    pub(crate) order: String,
    #[command(flatten)]
    pub(crate) caller: TokenArgs,
}

const COLUMNS: [(&str, &str); 7] = [
    ("order", "order_id"),
    ("status", "status"),
    ("phase", "phase"),
    ("total", "total"),
    ("buyer", "buyer"),
    ("seller", "seller"),
    ("placed", "created_at"),
];

/// Does what was asked.
pub(crate) async fn run(command: &OrdersCommand, as_json: bool) -> Result<()> {
    match command {
        OrdersCommand::List(args) => list(args, as_json).await,
        OrdersCommand::Show(args) => {
            let client = Client::with_key(&args.caller.server, &args.caller.key).await?;
            let path = format!("/api/v1/orders/{}", args.order);
            show(&client.get(&path, &[]).await?, as_json)
        }
        OrdersCommand::Refund(args) => {
            let motion = json!({ "action": "order.refund", "order_id": args.order });
            propose(&args.act, motion, Money::Moves, as_json).await
        }
        OrdersCommand::Release(args) => {
            let motion = json!({ "action": "order.release", "order_id": args.order });
            propose(&args.act, motion, Money::Moves, as_json).await
        }
        OrdersCommand::Extend(args) => {
            let motion =
                json!({ "action": "order.extend", "order_id": args.order, "seconds": args.by });
            propose(&args.act, motion, Money::Stays, as_json).await
        }
    }
}

/// A page of orders, newest first.
async fn list(args: &ListArgs, as_json: bool) -> Result<()> {
    let client = Client::with_key(&args.caller.server, &args.caller.key).await?;
    let (path, role) = match args.role {
        Role::Operator => ("/api/v1/admin/orders", None),
        Role::Buyer => ("/api/v1/orders", Some("buyer")),
        Role::Seller => ("/api/v1/orders", Some("seller")),
    };
    let mut query = vec![("limit", args.limit.to_string())];
    query.extend(role.map(|role| ("role", role.to_owned())));
    query.extend(args.status.clone().map(|status| ("status", status)));
    query.extend(args.cursor.clone().map(|cursor| ("cursor", cursor)));
    let page = client.get(path, &query).await?;
    if as_json {
        println!("{page:#}");
        return Ok(());
    }
    let orders = page["results"].as_array().context("the server sent no list of orders")?;
    let mut lines = table(&COLUMNS.map(|(title, _)| title));
    for order in orders {
        lines.add_row(COLUMNS.map(|(_, field)| inert(&order[field])));
    }
    println!("{lines}");
    if let Some(cursor) = page["next_cursor"].as_str() {
        println!("more: --cursor {cursor}");
    }
    Ok(())
}
