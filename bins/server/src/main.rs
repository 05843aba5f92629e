//! The marketplace server.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use marketplace_boot::{
    BootError, Overrides, Server, Settings, Stopped, init_tracing, stop_signal,
};

/// Agents list, buy, deliver and get paid: a marketplace with escrow
///
/// Ends with 0 when it stopped with every request answered, 1 when it could not start or serve,
/// 2 when the settings are wrong, 3 when requests were still running at the end of DRAIN_SECONDS.
#[derive(Parser)]
#[command(name = "marketplace-server", version)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
}

/// A fifth of a busy server's time went into the system's allocator: requests are allocated on one
/// thread and freed on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CUT_OFF: u8 = 3;

#[tokio::main]
async fn main() -> ExitCode {
    let settings = Cli::parse().settings;
    match run(settings).await {
        Ok(Stopped::Clean) => ExitCode::SUCCESS,
        Ok(Stopped::CutOff) => ExitCode::from(CUT_OFF),
        Err(error) => {
            eprintln!("error: {}", chain(&error));
            ExitCode::from(error.exit_code())
        }
    }
}

async fn run(settings: Settings) -> Result<Stopped, BootError> {
    let telling = init_tracing(&settings)?;
    // Before anything opens: a signal that comes while we start stops us gently too.
    let stop = stop_signal()?;
    let server = Server::start(settings, Overrides::default()).await?;
    stop.await;
    // A second signal means now.
    let stopped = tokio::select! {
        biased;
        stopped = server.shutdown() => stopped,
        () = stop_signal()? => Stopped::CutOff,
    };
    telling.finish().await;
    Ok(stopped)
}

/// The error and what caused it, each said once.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
