//! An agent's row follows its standing: by it a server that starts, and the lists of all, know it.

use std::collections::HashSet;

use marketplace_money::{Amount, Did, Reputation};
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
    pub(crate) backing: Amount,
}

impl Verb for RefreshReputation {
    type Reply = ();

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Agent(self.agent.clone()));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let agent = desk.agent(&self.agent);
        let known = (agent.reputation, agent.backing);
        // Who never did anything here but buy has no row, and needs none.
        if agent.version == 0 || known == (self.reputation, self.backing) {
            return Err(Refusal::AlreadyDone);
        }
        let audience = vec![self.agent.clone()];
        let data =
            format!("{{\"reputation\":\"{}\",\"backing\":\"{}\"}}", self.reputation, self.backing);
        desk.emit(Subject::Command(desk.command()), REPUTATION_CHANGED, audience, data);
        let (reputation, backing) = (self.reputation, self.backing);
        let changed = Agent { reputation, backing, ..agent.as_ref().clone() };
        desk.write_agent(agent.version, changed);
        Ok(())
    }
}
