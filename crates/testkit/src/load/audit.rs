//! What an operator asks at the end of every load: do the books balance?

use std::net::SocketAddr;

use marketplace_registry::AgentKey;
use serde_json::Value;

use super::agents::{Agent, now};
use super::http::Connection;

/// The audit of a server whose tokens are for `audience`.
///
/// # Errors
/// When the operator is not one, or the audit found something: the error says what.
pub async fn audit(
    server: SocketAddr,
    operator: &AgentKey,
    audience: &str,
) -> anyhow::Result<Value> {
    let mut connection = Connection::open(server).await?;
    let operator = Agent::enroll_key(&mut connection, operator, audience, now()?).await?;
    let reply = connection.send("GET", "/api/v1/admin/audit", Some(&operator.token), "").await?;
    anyhow::ensure!(reply.status == 200, "audit: HTTP {}: {}", reply.status, reply.body);
    let audit: Value = serde_json::from_str(&reply.body)?;
    anyhow::ensure!(audit["ok"] == true, "the books: {}", reply.body);
    Ok(audit)
}
