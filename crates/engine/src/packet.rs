//! The verdict packet: everything that it takes to repeat a dispute, from the store.

use marketplace_disputes::{Packet, State, rule_set_hash};
use marketplace_money::DisputeId;

use crate::marketplace::Marketplace;
use crate::pool::pool_from;
use crate::refusal::Error;

impl Marketplace {
    /// The packet of a dispute that is over; nothing while it is not, or where there is none.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn verdict_packet(&self, id: DisputeId) -> Result<Option<Packet>, Error> {
        let Some(docket) = self.store().docket(id).await? else { return Ok(None) };
        if !matches!(docket.dispute.state, State::Closed(_)) {
            return Ok(None);
        }
        let mut pools = Vec::with_capacity(docket.pools.len());
        for (_, name) in &docket.pools {
            let bytes = self.store().exhibit(id, *name).await?;
            let pool = bytes.as_deref().and_then(pool_from);
            pools.push(pool.ok_or_else(|| Error::Fault(format!("a pool of {id} is gone")))?);
        }
        let mut chain: Vec<_> = self.store().dispute_seals(id).await?;
        chain.dedup_by_key(|(_, link)| link.position);
        let (_, gaps) = self.store().clock().await?;
        let operators = &self.config().operators;
        Ok(Some(Packet {
            opened: docket.opened.clone(),
            log: docket.log.clone(),
            facts: docket.facts.as_ref().map(|(_, facts)| facts.clone()),
            pools,
            gaps,
            operators: operators.keys.clone(),
            operators_needed: operators.needed,
            rule_set: rule_set_hash(),
            closed: docket.dispute.clone(),
            postings: self.store().dispute_entries(id).await?,
            chain: chain.into_iter().map(|(_, link)| link).collect(),
        }))
    }
}
