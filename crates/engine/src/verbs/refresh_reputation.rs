//! An agent's row follows its standing: by it a server that starts, and the lists of all, know it.

use std::collections::HashSet;

use marketplace_money::{Did, Reputation};
use marketplace_ports::{Agent, Key, Subject};

use crate::desk::Desk;
use crate::job::Verb;
use crate::refusal::Refusal;

/// By this other servers hear of it.
pub(crate) const REPUTATION_CHANGED: &str = "agent.reputation_changed";

/// Writes what is known of an agent, when it is news.
#[derive(Clone, Debug)]
pub(crate) struct RefreshReputation {
    pub(crate) agent: Did,
    pub(crate) reputation: Reputation,
}

impl Verb for RefreshReputation {
    type Reply = ();

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Agent(self.agent.clone()));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let agent = desk.agent(&self.agent);
        // Who never did anything here but buy has no row, and needs none.
        if agent.version == 0 || agent.reputation == self.reputation {
            return Err(Refusal::AlreadyDone);
        }
        let audience = vec![self.agent.clone()];
        let data = format!("{{\"reputation\":\"{}\"}}", self.reputation);
        desk.emit(Subject::Command(desk.command()), REPUTATION_CHANGED, audience, data);
        let changed = Agent { reputation: self.reputation, ..agent.as_ref().clone() };
        desk.write_agent(agent.version, changed);
        Ok(())
    }
}
