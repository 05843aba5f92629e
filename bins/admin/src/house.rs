//! `settings show`, `propose` and `cancel`: what operators can change while the marketplace runs.

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::act::{ActArgs, Money, cancel, propose, show};
use crate::cli::ServerArgs;
use crate::client::Client;
use crate::fees::CancelArgs;
use crate::report::{inert, table};

#[derive(Debug, Subcommand)]
pub(crate) enum SettingsCommand {
    /// What counts now, and the changes that are decided
    Show(ServerArgs),
    /// Another value of one, 48 hours after the decision
    Propose(ProposeArgs),
    /// Take a change back before it counts
    Cancel(CancelArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ProposeArgs {
    /// Which
    #[arg(value_enum)]
    setting: Setting,
    /// In AVT; `off` where there is to be no limit
    value: String,
    #[command(flatten)]
    act: ActArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Setting {
    /// How much may be in escrow with a seller that nobody knows, or off
    ExposureBase,
    /// What lets an agent of negative reputation list
    NegativeReputationCollateral,
    /// What a dispute costs beside its fee
    DisputeBond,
}

/// As the server names them, in the order of [`Setting`].
const SETTINGS: [&str; 3] = ["exposure_base", "negative_reputation_collateral", "dispute_bond"];

/// Does what was asked.
pub(crate) async fn run(command: &SettingsCommand, as_json: bool) -> Result<()> {
    match command {
        SettingsCommand::Show(server) => {
            let shown = Client::new(server)?.get("/api/v1/fees", &[]).await?;
            print(&shown, as_json)
        }
        SettingsCommand::Propose(args) => {
            let setting = SETTINGS[args.setting as usize];
            let motion =
                json!({ "action": "settings.set", "setting": setting, "value": args.value });
            propose(&args.act, motion, Money::Stays, as_json).await
        }
        SettingsCommand::Cancel(args) => {
            show(&cancel(&args.caller, &args.motion, &args.reason).await?, as_json);
            Ok(())
        }
    }
}

fn print(shown: &Value, as_json: bool) -> Result<()> {
    if as_json {
        let part = json!({
            "settings": shown["settings"], "settings_changes": shown["settings_changes"],
        });
        println!("{part:#}");
        return Ok(());
    }
    let mut lines = table(&[&["from"], &SETTINGS[..]].concat());
    let mut now = shown["settings"].clone();
    now["from"] = Value::from("now");
    let changes = shown["settings_changes"].as_array().context("the server sent no settings")?;
    for row in std::iter::once(&now).chain(changes) {
        let amount = |name: &&str| match &row[*name] {
            Value::Null => "off".to_owned(),
            amount => inert(amount),
        };
        lines.add_row(std::iter::once(inert(&row["from"])).chain(SETTINGS.iter().map(amount)));
    }
    println!("{lines}");
    Ok(())
}
