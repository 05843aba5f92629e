//! `reserves`: the newest signed statement.

use anyhow::{Context, Result};
use clap::Args;

use crate::cli::ServerArgs;
use crate::client::Client;
use crate::report::{inert, table};

#[derive(Debug, Args)]
pub(crate) struct ReservesArgs {
    #[command(flatten)]
    server: ServerArgs,
}

/// Prints it; anybody may ask.
pub(crate) async fn run(args: &ReservesArgs, as_json: bool) -> Result<()> {
    let page = Client::new(&args.server)?.get("/api/v1/audit/reserves", &[]).await?;
    if as_json {
        println!("{page:#}");
        return Ok(());
    }
    let mut lines = table(&["part", "field", "value"]);
    let parts = page.as_object().context("the server sent no statement")?;
    // The signed form is for programs: --json has it.
    for (part, fields) in parts.iter().filter(|(part, _)| *part != "jws") {
        match fields.as_object() {
            Some(fields) => {
                for (name, value) in fields {
                    lines.add_row([part.clone(), name.clone(), inert(value)]);
                }
            }
            None => drop(lines.add_row([part.clone(), String::new(), inert(fields)])),
        }
    }
    println!("{lines}");
    Ok(())
}
