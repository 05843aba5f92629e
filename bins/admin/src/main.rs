//! The operator's command line.

mod agent;
mod api_key;
mod cli;
mod client;
mod demo;
mod doctor;
mod key;
mod key_file;
mod migrate_store;
mod orders;
mod outbox;
mod report;
mod verify_proof;
mod withdrawals;

use std::process::ExitCode;

use clap::Parser;
use cli::{AgentCommand, Cli, Command, OrdersCommand};

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
        Command::Orders { command: OrdersCommand::List(args) } => orders::list(&args, json).await?,
        Command::Orders { command: OrdersCommand::Show(args) } => orders::show(&args, json).await?,
        Command::ApiKey { command } => api_key::run(&command, json).await?,
        Command::Outbox { command } => outbox::run(&command, json).await?,
        Command::Key { command } => key::run(&command, json).await?,
        Command::Withdrawals { command } => withdrawals::run(&command, json).await?,
        Command::VerifyProof(args) => return verify_proof::run(&args, json),
        Command::Doctor(args) => return doctor::run(&args, json).await,
        Command::MigrateStore(args) => migrate_store::run(&args, json).await?,
        Command::Demo(args) => demo::run(&args).await?,
    }
    Ok(ExitCode::SUCCESS)
}
