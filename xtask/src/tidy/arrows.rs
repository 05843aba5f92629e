//! Which crate may use which: DESIGN section 2 as data, compared with `cargo metadata`.

use anyhow::{Context, Result};
use serde_json::Value;

use super::Finding;
use crate::shell::{cargo, output};

const DOMAIN: &[&str] = &["money", "ledger", "listings", "fees", "escrow"];

/// Crate, and what it may use. Adapters do not know each other.
const ARROWS: &[(&str, &[&[&str]])] = &[
    ("money", &[]),
    ("ledger", &[&["money"]]),
    ("listings", &[&["money", "ledger"]]),
    ("fees", &[&["money", "ledger", "listings"]]),
    ("escrow", &[&["money", "ledger", "listings", "fees"]]),
    ("disputes", &[DOMAIN]),
    ("reputation", &[&["money", "ledger"]]),
    ("acceptance", &[]),
    ("search", &[&["money"]]),
    ("ports", &[DOMAIN, &["disputes", "reputation"]]),
    ("engine", &[DOMAIN, &["disputes", "reputation", "ports", "acceptance", "search"]]),
    ("store-rows", &[DOMAIN, &["disputes", "reputation", "ports"]]),
    ("store-sqlite", &[DOMAIN, &["disputes", "reputation", "ports", "store-rows"]]),
    ("store-postgres", &[DOMAIN, &["disputes", "reputation", "ports", "store-rows"]]),
    ("teg", &[DOMAIN, &["ports"]]),
    ("registry", &[DOMAIN, &["ports"]]),
    ("limits", &[DOMAIN, &["ports"]]),
    // The two nodes as one server: like boot, for a server without a marketplace in it.
    ("edge-node", &[DOMAIN, &["ports", "teg", "registry"]]),
    ("wire", &[DOMAIN, &["disputes", "reputation", "ports", "engine"]]),
    ("api", &[DOMAIN, &["disputes", "reputation", "ports", "engine", "wire"]]),
    ("a2a", &[DOMAIN, &["disputes", "reputation", "ports", "engine", "wire"]]),
    ("mcp", &[DOMAIN, &["disputes", "reputation", "ports", "engine", "wire"]]),
    // On the agents' side.
    ("client", &[&["money", "registry"]]),
    ("boot", &[EVERYTHING]),
    // For tests: anything may go in, nothing that is shipped may come out.
    ("contract-kit", &[DOMAIN, &["disputes", "reputation", "ports"]]),
    ("postgres-cluster", &[]),
    ("testkit", &[EVERYTHING, &["boot", "contract-kit", "postgres-cluster"]]),
    // Its tests run a TEG beside it.
    ("server", &[&["boot", "edge-node"]]),
    // In bins/expiration-worker; named like its program.
    ("worker", &[&["boot"]]),
    // In bins/teg; the library crate has the name.
    ("teg-server", &[&["edge-node"]]),
    // An agent's own key is on the client's side: the admin tool mints proofs with it, and reads
    // proofs of reserves in the form in which they were given. It prints the settings of all programs.
    ("admin", &[&["boot", "disputes", "edge-node", "money", "registry", "wire"]]),
];

const EVERYTHING: &[&str] = &[
    "money",
    "ledger",
    "listings",
    "fees",
    "escrow",
    "disputes",
    "reputation",
    "acceptance",
    "search",
    "ports",
    "engine",
    "store-rows",
    "store-sqlite",
    "store-postgres",
    "teg",
    "registry",
    "limits",
    "wire",
    "api",
    "a2a",
    "mcp",
];

/// What only tests may use.
const FOR_TESTS: &[&str] = &["contract-kit", "postgres-cluster", "testkit"];

/// What a pure crate may use from outside: nothing that knows a clock, a disk or a network.
const PURE: &[&str] = &["money", "ledger", "listings", "fees", "escrow", "disputes", "reputation"];
const PURE_MAY_USE: &[&str] = &["uuid", "sha2"];

/// The first task of a newcomer must start in seconds: nothing that has dependencies of its own.
const XTASK_MAY_USE: &[&str] = &["anyhow", "clap", "marketplace-postgres-cluster", "serde_json"];

pub(super) fn check() -> Result<Vec<Finding>> {
    let text = output(&mut cargo(["metadata", "--no-deps", "--format-version", "1", "--offline"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata")?;
    let packages = metadata["packages"].as_array().context("cargo metadata without packages")?;
    Ok(packages.iter().flat_map(check_package).collect())
}

fn check_package(package: &Value) -> Vec<Finding> {
    let name = package["name"].as_str().unwrap_or_default();
    let place = format!("package {name}");
    let uses = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    let normal = uses.iter().filter(|used| used["kind"].is_null());
    let normal = normal.filter_map(|used| used["name"].as_str());
    if name == "xtask" {
        let strange = normal.filter(|used| !XTASK_MAY_USE.contains(used));
        return strange.map(|used| Finding::new(&place, format!("must not use {used}"))).collect();
    }
    let Some(own) = name.strip_prefix("marketplace-") else {
        return vec![Finding::new(&place, "must be named marketplace-<folder>")];
    };
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == own) else {
        return vec![Finding::new(&place, "has no line in xtask/src/tidy/arrows.rs")];
    };
    let mut findings = Vec::new();
    for used in uses {
        let Some(other) = used["name"].as_str().unwrap_or_default().strip_prefix("marketplace-")
        else {
            continue;
        };
        let in_tests = !used["kind"].is_null();
        let may = allowed.iter().any(|list| list.contains(&other))
            || (in_tests && (FOR_TESTS.contains(&other) || EVERYTHING.contains(&other)));
        if !may {
            findings.push(Finding::new(&place, format!("must not use marketplace-{other}")));
        }
    }
    if PURE.contains(&own) {
        let outside = normal.filter(|used| !used.starts_with("marketplace-"));
        let strange = outside.filter(|used| !PURE_MAY_USE.contains(used));
        findings.extend(
            strange.map(|used| Finding::new(&place, format!("is pure, must not use {used}"))),
        );
    }
    findings
}
