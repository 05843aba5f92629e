//! The operator's command line.

mod act;
mod agent;
mod agents;
mod api_key;
mod approvals;
mod audit;
mod cli;
mod client;
mod completions;
mod demo;
mod disputes;
mod doctor;
mod export;
mod fees;
mod healthy;
mod house;
mod key;
mod key_file;
mod listings;
mod migrate;
mod migrate_store;
mod orders;
mod outbox;
mod report;
mod reserves;
mod settings;
mod trial;
mod verify_proof;
mod verify_verdict;
mod withdrawals;

use std::process::ExitCode;

use clap::Parser;
use cli::{AgentCommand, Cli, Command};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let json = cli.json;
    match cli.command {
        Command::Agent { command: AgentCommand::New(args) } => agent::new(&args, json)?,
        Command::Agent { command: AgentCommand::Token(args) } => agent::token(&args).await?,
        Command::Orders { command } => orders::run(&command, json).await?,
        Command::Disputes { command } => disputes::run(&command, json).await?,
        Command::Try(args) => trial::run(&args, json).await?,
        Command::Listings { command } => listings::run(&command, json).await?,
        Command::Agents { command } => agents::run(&command, json).await?,
        Command::Fees { command } => fees::run(&command, json).await?,
        Command::Approvals { command } => approvals::run(&command, json).await?,
        Command::Reserves(args) => reserves::run(&args, json).await?,
        Command::Audit { command } => audit::run(&command, json).await?,
        Command::Export(args) => export::run(&args).await?,
        Command::Completions(args) => completions::run(&args),
        Command::ApiKey { command } => api_key::run(&command, json).await?,
        Command::Outbox { command } => outbox::run(&command, json).await?,
        Command::Key { command } => key::run(&command, json).await?,
        Command::Withdrawals { command } => withdrawals::run(&command, json).await?,
        Command::VerifyProof(args) => return verify_proof::run(&args, json),
        Command::VerifyVerdict(args) => return verify_verdict::run(&args, json),
        Command::Doctor(args) => return doctor::run(&args, json).await,
        Command::MigrateStore(args) => migrate_store::run(&args, json).await?,
        Command::Migrate(args) => migrate::run(&args, json).await?,
        Command::Healthy(args) => healthy::run(&args).await?,
        Command::Settings { command: None } => print!("{}", settings::reference()),
        Command::Settings { command: Some(command) } => house::run(&command, json).await?,
        Command::Demo(args) => demo::run(&args).await?,
    }
    Ok(ExitCode::SUCCESS)
}
