//! An agent says when its balance is paid out.

use std::collections::HashSet;

use marketplace_listings::Invalid;
use marketplace_money::Did;
use marketplace_ports::{Agent, Key, PayoutPolicy};

use crate::desk::Desk;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Sets the caller's payout policy.
#[derive(Clone, Debug)]
pub(crate) struct SetPayout {
    /// The caller.
    pub agent: Did,
    /// From now on.
    pub policy: PayoutPolicy,
}

impl Verb for SetPayout {
    type Reply = PayoutPolicy;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Agent(self.agent.clone()));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        if let PayoutPolicy::Threshold(amount) = self.policy
            && !amount.is_positive()
        {
            return Err(Invalid::new("threshold", "must be above 0").into());
        }
        let agent = desk.agent(&self.agent);
        desk.write_agent(agent.version, Agent { payout: self.policy, ..agent.as_ref().clone() });
        Ok(self.policy)
    }
}
