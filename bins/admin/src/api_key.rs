//! `api-key issue`, `import`, `list` and `revoke`.

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use marketplace_registry::random_key;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::act::act_alone;
use crate::cli::{ApiKeyCommand, BindArgs, ImportArgs};
use crate::client::Client;
use crate::report::{inert, table};

/// A key that others gave out may be short, but not so short that it can be guessed.
const SHORTEST: usize = 16;

/// Does what was asked.
pub(crate) async fn run(command: &ApiKeyCommand, as_json: bool) -> Result<()> {
    match command {
        ApiKeyCommand::Issue(args) => issue(args, as_json).await,
        ApiKeyCommand::Import(args) => import(args, as_json).await,
        ApiKeyCommand::List(args) => {
            let client = Client::with_key(&args.caller.server, &args.caller.key).await?;
            let query = [("did", args.did.clone())];
            list(&client.get("/api/v1/admin/api-keys", &query).await?, as_json)
        }
        ApiKeyCommand::Revoke(args) => {
            let path = format!("/api/v1/admin/api-keys/{}/revoke", args.id);
            show(&act_alone(&args.act, &path, json!({})).await?, as_json);
            Ok(())
        }
    }
}

/// The secret is made here, and printed alone: the server is told its hash only.
async fn issue(args: &BindArgs, as_json: bool) -> Result<()> {
    let secret = format!("mk_{}", URL_SAFE_NO_PAD.encode(random_key()?));
    let mut key = bind(args, &secret).await?;
    if args.act.dry_run {
        // It speaks for nobody, and is made anew next time.
        show(&key, as_json);
    } else if as_json {
        key["api_key"] = Value::from(secret);
        println!("{key:#}");
    } else {
        eprintln!("this is the only time that the key is shown; its id is {}", inert(&key["id"]));
        println!("{secret}");
    }
    Ok(())
}

async fn import(args: &ImportArgs, as_json: bool) -> Result<()> {
    let text = match &args.file {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?,
        None => std::io::read_to_string(std::io::stdin())?,
    };
    let secret = text.trim();
    ensure!(secret.len() >= SHORTEST, "an API key has at least {SHORTEST} characters");
    if secret.chars().any(|char| !char.is_ascii_graphic()) {
        bail!("an API key is one word of visible ASCII characters");
    }
    show(&bind(&args.bind, secret).await?, as_json);
    Ok(())
}

async fn bind(args: &BindArgs, secret: &str) -> Result<Value> {
    let digest = Sha256::digest(secret);
    let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let body = json!({ "did": args.did, "sha256": sha256, "label": args.label });
    act_alone(&args.act, "/api/v1/admin/api-keys", body).await
}

fn show(key: &Value, as_json: bool) {
    if as_json {
        println!("{key:#}");
        return;
    }
    let state = if key["revoked_at"].is_null() { "speaks for" } else { "is revoked, spoke for" };
    println!("{} {state} {}", inert(&key["id"]), inert(&key["did"]));
}

fn list(page: &Value, as_json: bool) -> Result<()> {
    if as_json {
        println!("{page:#}");
        return Ok(());
    }
    let fields = ["id", "label", "created_at", "revoked_at"];
    let mut lines = table(&fields);
    for key in page["results"].as_array().context("the server sent no list of keys")? {
        lines.add_row(fields.map(|field| inert(&key[field])));
    }
    println!("{lines}");
    Ok(())
}
