//! `demo`: agents with play money and listings, so that there is something to try.

use std::path::Path;

use anyhow::{Context, Result, bail};
use marketplace_registry::AgentKey;
use serde_json::json;

use crate::cli::{DemoArgs, ServerArgs};
use crate::client::{Client, wait_until_ready};
use crate::key_file;

struct Service {
    service_type: &'static str,
    name: &'static str,
    description: &'static str,
    price: &'static str,
}

/// Who offers what; the last agent only buys.
const AGENTS: &[(&str, &[Service])] = &[
    (
        "ada",
        &[
            Service {
                service_type: "data-processing",
                name: "CSV Analyzer",
                description: "Types, ranges, gaps and outliers of a CSV file, as JSON",
                price: "5.0",
            },
            Service {
                service_type: "analysis",
                name: "Log Digest",
                description: "A page on what happened in a day of server logs",
                price: "12.5",
            },
        ],
    ),
    (
        "grace",
        &[
            Service {
                service_type: "computation",
                name: "Matrix Solver",
                description: "Sparse linear systems up to 100,000 unknowns",
                price: "40",
            },
            Service {
                service_type: "storage",
                name: "Cold Storage",
                description: "1 GiB for a month, two copies",
                price: "0.75",
            },
        ],
    ),
    ("buyer", &[]),
];

struct Agent {
    name: &'static str,
    did: String,
    token: String,
}

/// Safe to repeat: keys are kept, and listings are put up once.
pub(crate) async fn run(args: &DemoArgs) -> Result<()> {
    let server = ServerArgs { url: args.url.clone(), audience: None };
    wait_until_ready(&Client::new(&server)?, args.wait).await?;
    let mut agents = Vec::new();
    for (name, services) in AGENTS {
        let key = key(&args.keys.join(format!("{name}.json")))?;
        let mut client = Client::new(&server)?;
        let token = client.log_in(&key).await.with_context(|| format!("agent {name}"))?;
        let did = key.did().to_string();
        fund(&client).await.with_context(|| format!("agent {name}"))?;
        let offered = client.get("/api/v1/services/search", &[("provider", did.clone())]).await?;
        if offered["count"] == 0 {
            for service in *services {
                list(&client, &did, service).await?;
            }
        }
        agents.push(Agent { name, did, token });
    }
    print_how_to_go_on(args, &agents);
    Ok(())
}

fn key(path: &Path) -> Result<AgentKey> {
    if path.exists() {
        return key_file::read(path);
    }
    let key = AgentKey::generate()?;
    key_file::write(path, &key)?;
    Ok(key)
}

/// Play money, once for each agent.
async fn fund(client: &Client) -> Result<()> {
    let wallet = client.get("/api/v1/wallet", &[]).await?;
    let empty = |field: &str| wallet[field].is_null() || wallet[field] == "0";
    if empty("teg_balance") && empty("available") && empty("in_escrow") {
        client.post("/api/v1/wallet/faucet", Some(&json!({}))).await?;
    }
    Ok(())
}

async fn list(client: &Client, did: &str, service: &Service) -> Result<()> {
    let Service { service_type, name, description, price } = service;
    let message = json!({
        "type": "list_service",
        "from": did,
        "service": {
            "type": service_type, "name": name, "description": description, "price": price,
        },
    });
    let reply = client.post("/a2a/message", Some(&message)).await?;
    if reply["status"] != "success" {
        let reason = reply["reason"].as_str().unwrap_or_default();
        bail!("{name} is not listed: {reason}");
    }
    Ok(())
}

fn print_how_to_go_on(args: &DemoArgs, agents: &[Agent]) {
    let url = &args.url;
    println!("\nDemo agents, with play money; their keys are in {}:", args.keys.display());
    for Agent { name, did, .. } in agents {
        println!("  {name:<6} {did}");
    }
    println!("\nTry it in another terminal (the tokens live 15 minutes):\n");
    for Agent { name, token, .. } in agents {
        println!("{}={token}", name.to_uppercase());
    }
    let buyer = agents.last().map_or("", |agent| agent.did.as_str());
    let keys = args.keys.display();
    println!(
        r#"LISTING=$(curl -s '{url}/api/v1/services/search?query=csv' | grep -o '"id":"[^"]*"' | head -1 | cut -d'"' -f4)
curl -s {url}/a2a/message -H "Authorization: Bearer $BUYER" -H 'Content-Type: application/json' -d '{{"type":"purchase_request","from":"{buyer}","listing_id":"'$LISTING'"}}'
curl -s "{url}/api/v1/orders?role=seller&wait=30" -H "Authorization: Bearer $ADA"
curl -s {url}/api/v1/wallet -H "Authorization: Bearer $BUYER"

A fresh token:   marketplace-admin agent token --url {url} --key {keys}/buyer.json
The whole flow:  README.md. All routes: {url}/api/docs
"#
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn demo_services_are_of_known_types() {
        let card: serde_json::Value =
            serde_json::from_str(include_str!("../../../agent_card.json")).unwrap();
        let known = card["capabilities"]["supported_service_types"].as_array().unwrap();
        for service in AGENTS.iter().flat_map(|(_, services)| services.iter()) {
            assert!(known.contains(&json!(service.service_type)), "{}", service.name);
        }
    }
}
