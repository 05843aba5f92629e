//! `key rotate` and `key show`: the marketplace's own key.

use anyhow::{Context, Result};
use serde_json::json;

use crate::act::act_alone;
use crate::cli::KeyCommand;
use crate::client::Client;
use crate::report::{inert, table};

/// Does what was asked.
pub(crate) async fn run(command: &KeyCommand, as_json: bool) -> Result<()> {
    match command {
        KeyCommand::Rotate(args) => {
            let rotation = act_alone(args, "/api/v1/admin/key/rotate", json!({})).await?;
            let part = |name: &str| inert(&rotation[name]);
            if as_json {
                println!("{rotation:#}");
            } else if args.dry_run {
                println!("{} would be changed", part("old"));
            } else {
                println!("{} signs from now on", part("new"));
                println!("{} is published until {}", part("old"), part("until"));
            }
        }
        KeyCommand::Show(server) => {
            let keys = Client::new(server)?.get("/.well-known/jwks.json", &[]).await?;
            if as_json {
                println!("{keys:#}");
                return Ok(());
            }
            let fields = ["x", "until"];
            let mut lines = table(&fields);
            for key in keys["keys"].as_array().context("the server sent no keys")? {
                lines.add_row(fields.map(|field| inert(&key[field])));
            }
            println!("{lines}");
        }
    }
    Ok(())
}
