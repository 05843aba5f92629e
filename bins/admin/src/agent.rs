//! `agent new` and `agent token`.

use anyhow::Result;
use marketplace_registry::AgentKey;
use serde_json::json;

use crate::cli::{NewArgs, TokenArgs};
use crate::client::Client;
use crate::key_file;

/// Makes a key; prints its DID.
pub(crate) fn new(args: &NewArgs, as_json: bool) -> Result<()> {
    let key = AgentKey::generate()?;
    key_file::write(&args.out, &key)?;
    if as_json {
        println!("{}", json!({ "did": key.did().as_str(), "key_file": args.out }));
    } else {
        eprintln!("the key is in {}; whoever has it acts as this agent", args.out.display());
        println!("{}", key.did());
    }
    Ok(())
}

/// Prints the token alone, so that a shell can keep it in a variable.
pub(crate) async fn token(args: &TokenArgs) -> Result<()> {
    let mut client = Client::new(&args.server)?;
    println!("{}", client.log_in(&key_file::read(&args.key)?).await?);
    Ok(())
}
