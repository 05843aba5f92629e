//! A worker of the marketplace, beside servers that share a PostgreSQL database.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use marketplace_boot::{
    BootError, Overrides, Settings, Stopped, WorkerProcess, init_tracing, stop_signal,
};

/// Ends deadlines, settles withdrawals, pays out: for servers that share a PostgreSQL database
///
/// Takes the settings of the servers, of which it needs those of the database, the TEG and the
/// registry. Ends with 0 when it stopped gently, 1 when it could not start, 2 when the settings are
/// wrong, 3 when it was still at work at the end of DRAIN_SECONDS.
#[derive(Parser)]
#[command(name = "marketplace-worker", version)]
struct Cli {
    /// Where to tell how the worker is: /healthz, /readyz, /metrics
    #[arg(
        long = "worker-listen",
        env = "WORKER_LISTEN_ADDR",
        hide_env_values = true,
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:8021"
    )]
    worker_listen: SocketAddr,

    #[command(flatten)]
    settings: Settings,
}

/// As the server's: what is allocated on one thread is freed on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CUT_OFF: u8 = 3;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(Stopped::Clean) => ExitCode::SUCCESS,
        Ok(Stopped::CutOff) => ExitCode::from(CUT_OFF),
        Err(error) => {
            eprintln!("error: {}", chain(&error));
            ExitCode::from(error.exit_code())
        }
    }
}

async fn run(Cli { worker_listen, settings }: Cli) -> Result<Stopped, BootError> {
    let telling = init_tracing(&settings)?;
    // Before anything opens: a signal that comes while we start stops us gently too.
    let stop = stop_signal()?;
    let worker = WorkerProcess::start(settings, worker_listen, Overrides::default()).await?;
    stop.await;
    // A second signal means now.
    let stopped = tokio::select! {
        biased;
        stopped = worker.shutdown() => stopped,
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
