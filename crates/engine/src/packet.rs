//! The verdict packet: everything that it takes to repeat a dispute, from the store. Operators and
//! rules are those of then, as they were written down with what they decided.

use marketplace_disputes::{Board, OrderEffect, Packet, State, rule_set_hash};
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
        let State::Closed(closed) = &docket.dispute.state else { return Ok(None) };
        let mut pools = Vec::with_capacity(docket.pools.len());
        for (_, name) in &docket.pools {
            let bytes = self.store().exhibit(id, *name).await?;
            let pool = bytes.as_deref().and_then(pool_from);
            pools.push(pool.ok_or_else(|| Error::Fault(format!("a pool of {id} is gone")))?);
        }
        let mut chain: Vec<_> = self.store().dispute_seals(id).await?;
        let (_, gaps) = self.store().clock().await?;
        let positions = chain.iter().map(|(_, link)| link.position).collect();
        chain.dedup_by_key(|(_, link)| link.position);
        let mut postings = self.store().dispute_entries(id, docket.dispute.order).await?;
        if closed.verdict.order == OrderEffect::Resume {
            // The order went on; it may have ended in the same commit, by itself.
            postings.retain(|draft| !draft.kind().ends_escrow());
        }
        let today = &self.config().operators;
        let today = || Board { keys: today.keys.clone(), needed: today.needed };
        Ok(Some(Packet {
            opened: docket.opened.clone(),
            log: docket.log.clone(),
            facts: docket.facts.as_ref().map(|(_, facts)| facts.clone()),
            pools,
            gaps,
            operators: docket.operators.clone().map_or_else(today, |(_, board)| board),
            rule_set: docket.rules_then().unwrap_or_else(rule_set_hash),
            closed: docket.dispute.clone(),
            postings,
            chain: chain.into_iter().map(|(_, link)| link).collect(),
            positions,
        }))
    }
}
