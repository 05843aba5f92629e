//! Webhooks: endpoints of agents that are told of events.

pub(crate) mod act;
pub(crate) mod create;
pub(crate) mod deliveries;
pub(crate) mod list;

use marketplace_engine::{Hook, HookKind, Refusal};
use marketplace_money::Did;
use marketplace_ports::TaskKey;

use crate::failure::Failure;
use crate::shell::Shell;

/// The webhook that a path names. What is no id names none.
fn webhook_key(id: &str, owner: &Did) -> Result<TaskKey, Refusal> {
    let task = uuid::Uuid::try_parse(id).map_err(|_| Refusal::NotFound)?;
    Ok(TaskKey { task, owner: owner.clone() })
}

/// A webhook of its owner's. Push notifications of agent protocols are no webhooks.
async fn webhook(shell: &Shell, key: &TaskKey) -> Result<Hook, Failure> {
    let hook = shell.marketplace().hook(key).await?;
    Ok(hook.filter(|hook| hook.kind == HookKind::Webhook).ok_or(Refusal::NotFound)?)
}
