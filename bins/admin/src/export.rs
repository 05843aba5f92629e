//! `export`: everything of one kind as JSON lines, page by page.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::cli::TokenArgs;
use crate::client::Client;

const PAGE: u32 = 1_000;

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// What
    #[arg(value_enum)]
    what: What,
    /// Where to; standard output when absent
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    caller: TokenArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// All orders, newest first
    Orders,
    /// The event log, oldest first, with those who may see each
    Events,
    /// What operators proposed and did, newest first
    Motions,
}

/// Writes one JSON object a line.
pub(crate) async fn run(args: &ExportArgs) -> Result<()> {
    let client = Client::with_key(&args.caller.server, &args.caller.key).await?;
    let mut out: Box<dyn Write> = match &args.out {
        Some(path) => {
            let made = File::create_new(path);
            let file = made.with_context(|| format!("cannot make {}", path.display()))?;
            Box::new(BufWriter::new(file))
        }
        None => Box::new(std::io::stdout().lock()),
    };
    let (path, place) = match args.what {
        What::Orders => ("/api/v1/admin/orders", "cursor"),
        What::Events => ("/api/v1/operator/events", "after"),
        What::Motions => ("/api/v1/operator/motions", "cursor"),
    };
    let mut at: Option<String> = None;
    loop {
        let mut query = vec![("limit", PAGE.to_string())];
        query.extend(at.clone().map(|at| (place, at)));
        let page = client.get(path, &query).await?;
        let rows = page["results"].as_array().context("the server sent no list")?;
        for row in rows {
            writeln!(out, "{row}")?;
        }
        at = match args.what {
            What::Events => rows.last().map(|event| event["position"].to_string()),
            What::Orders | What::Motions => page["next_cursor"].as_str().map(str::to_owned),
        };
        if at.is_none() {
            out.flush()?;
            return Ok(());
        }
    }
}
