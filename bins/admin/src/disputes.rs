//! `disputes list`, `show`, `rule` and `abort`.

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::act::{ActArgs, confirm, show as show_motion, show_tried, signed, try_motion, what};
use crate::cli::TokenArgs;
use crate::client::Client;
use crate::report::{inert, show, table};

#[derive(Debug, Subcommand)]
pub(crate) enum DisputesCommand {
    /// All disputes, newest first
    List(ListArgs),
    /// Everything about one dispute
    Show(ShowArgs),
    /// Decide one that is with the operators; you sign what you decide
    Rule(RuleArgs),
    /// Give one up at our cost: bonds go back, what was delivered is paid half
    Abort(AbortArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only those that are not over
    #[arg(long)]
    open: bool,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: u32,
    /// Go on where an earlier page ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    #[command(flatten)]
    caller: TokenArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Which
    #[arg(value_name = "DISPUTE_ID")]
    dispute: String,
    #[command(flatten)]
    caller: TokenArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Found {
    /// The claim is wrong: the order goes as if there had been none
    Rejected,
    /// Neither side is shown to be right
    Unproven,
    /// The disputer gets a quarter of the price
    Quarter,
    /// Half of it
    Half,
    /// Three quarters of it
    ThreeQuarters,
    /// All of it
    Full,
}

impl Found {
    const fn name(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Unproven => "unproven",
            Self::Quarter => "quarter",
            Self::Half => "half",
            Self::ThreeQuarters => "three_quarters",
            Self::Full => "full",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RuleArgs {
    /// Which
    #[arg(value_name = "DISPUTE_ID")]
    dispute: String,
    /// What you find; never more than was claimed
    #[arg(long, value_enum)]
    finding: Found,
    #[command(flatten)]
    act: ActArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AbortArgs {
    /// Which
    #[arg(value_name = "DISPUTE_ID")]
    dispute: String,
    #[command(flatten)]
    act: ActArgs,
}

const COLUMNS: [&str; 9] = [
    "dispute_id",
    "order_id",
    "phase",
    "disputer",
    "category",
    "remedy",
    "price",
    "due",
    "opened_at",
];

/// Does what was asked.
pub(crate) async fn run(command: &DisputesCommand, as_json: bool) -> Result<()> {
    match command {
        DisputesCommand::List(args) => list(args, as_json).await,
        DisputesCommand::Show(args) => {
            let client = Client::with_key(&args.caller.server, &args.caller.key).await?;
            let path = format!("/api/v1/disputes/{}", args.dispute);
            show(&client.get(&path, &[]).await?, as_json)
        }
        DisputesCommand::Rule(args) => {
            let finding = args.finding.name();
            let motion = json!({
                "action": "dispute.rule", "dispute_id": args.dispute, "finding": finding,
            });
            decide(&args.act, motion, as_json).await
        }
        DisputesCommand::Abort(args) => {
            let motion = json!({ "action": "dispute.abort", "dispute_id": args.dispute });
            decide(&args.act, motion, as_json).await
        }
    }
}

async fn list(args: &ListArgs, as_json: bool) -> Result<()> {
    let client = Client::with_key(&args.caller.server, &args.caller.key).await?;
    let mut query = vec![("limit", args.limit.to_string()), ("open", args.open.to_string())];
    query.extend(args.cursor.clone().map(|cursor| ("cursor", cursor)));
    let page = client.get("/api/v1/operator/disputes", &query).await?;
    if as_json {
        println!("{page:#}");
        return Ok(());
    }
    let mut lines = table(&COLUMNS);
    for dispute in page["results"].as_array().context("the server sent no list of disputes")? {
        lines.add_row(COLUMNS.map(|field| match field {
            "due" if dispute["due"].is_object() => {
                format!("{} {}", inert(&dispute["due"]["step"]), inert(&dispute["due"]["at"]))
            }
            field => inert(&dispute[field]),
        }));
    }
    println!("{lines}");
    if let Some(cursor) = page["next_cursor"].as_str() {
        println!("more: --cursor {cursor}");
    }
    Ok(())
}

/// What is decided is signed: the verdict packet carries the signature to whoever checks it.
async fn decide(args: &ActArgs, motion: Value, as_json: bool) -> Result<()> {
    let client = Client::with_key(&args.caller.server, &args.caller.key).await?;
    let tried = try_motion(&client, &motion, &args.reason).await?;
    if args.dry_run {
        show_tried(&tried, as_json);
        return Ok(());
    }
    confirm(args.yes, &what(&tried))?;
    let mut motion = motion;
    motion["reason"] = Value::from(args.reason.as_str());
    motion["signature"] = signed(&args.caller, &tried)?;
    let done = client.post("/api/v1/operator/motions", Some(&motion)).await?;
    show_motion(&done, as_json);
    Ok(())
}
