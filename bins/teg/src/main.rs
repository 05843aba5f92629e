//! The embedded TEG and registry as a server of their own.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use marketplace_edge_node::{EdgeError, EdgeNode, EdgeSettings, init_tracing, stop_signal};

/// A TEG and a registry for one machine: real books, play money
///
/// Speaks the part of the published APIs that marketplaces use. Ends with 0 when it was stopped, 1
/// when it could not start or serve, 2 when the settings are wrong.
#[derive(Parser)]
#[command(name = "marketplace-teg", version)]
struct Cli {
    #[command(flatten)]
    settings: EdgeSettings,

    /// ERROR, WARNING, INFO, DEBUG, TRACE, or directives
    #[arg(long, env = "LOG_LEVEL", value_name = "LEVEL", default_value = "INFO")]
    log_level: String,
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                text.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            eprintln!("error: {text}");
            ExitCode::from(error.exit_code())
        }
    }
}

async fn run(cli: Cli) -> Result<(), EdgeError> {
    init_tracing(&cli.log_level)?;
    // Before anything opens: a signal that comes while we start stops us gently too.
    let stop = stop_signal()?;
    let node = EdgeNode::start(cli.settings).await?;
    // For whoever started us on port 0.
    println!("http://{}", node.addr());
    stop.await;
    node.shutdown().await
}
