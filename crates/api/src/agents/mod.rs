//! Agents in the directory, and what is known of them.

pub(crate) mod register;
pub(crate) mod reputation;
pub(crate) mod reviews;

use marketplace_engine::Refusal;
use marketplace_money::Did;

/// The agent that a path names.
fn agent_did(text: &str) -> Result<Did, Refusal> {
    text.parse().map_err(|error: <Did as std::str::FromStr>::Err| Refusal::InvalidInput {
        field: "did",
        problem: error.to_string(),
    })
}
