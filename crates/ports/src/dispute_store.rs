//! What a store answers about disputes and those who judge them: the reading half of the port. They
//! are written by [`crate::Store::commit`] like everything else.

use std::sync::Arc;

use async_trait::async_trait;
use marketplace_disputes::ChainLink;
use marketplace_ledger::EntryDraft;
use marketplace_money::{Amount, Did, DisputeId, OrderId, Timestamp};

use crate::{DisputeFilter, Docket, Juror, Page, StoreError};

/// Reads disputes and jurors.
#[async_trait]
pub trait DisputeStore: Send + Sync {
    /// One dispute.
    async fn docket(&self, id: DisputeId) -> Result<Option<Arc<Docket>>, StoreError>;

    /// All disputes about an order, oldest first.
    async fn disputes_of(&self, order: OrderId) -> Result<Vec<Arc<Docket>>, StoreError>;

    /// Disputes, newest first.
    async fn disputes(&self, filter: &DisputeFilter) -> Result<Page<Arc<Docket>>, StoreError>;

    /// How many disputes an agent opened and lost since then.
    async fn disputes_lost(&self, disputer: &Did, since: Timestamp) -> Result<u32, StoreError>;

    /// The bytes of a dispute under a name.
    async fn exhibit(
        &self,
        dispute: DisputeId,
        name: [u8; 32],
    ) -> Result<Option<Arc<[u8]>>, StoreError>;

    /// The sealed commits of a dispute, by its versions: each with its place in the chain of
    /// hashes, and with what was hashed. A version without is not sealed yet.
    async fn dispute_seals(&self, id: DisputeId) -> Result<Vec<(u64, ChainLink)>, StoreError>;

    /// The money of a dispute about an order, in order, as the journal has it: its own entries, and
    /// those of its commits that end the order's escrow; fewer entries where history was put away.
    async fn dispute_entries(
        &self,
        id: DisputeId,
        order: OrderId,
    ) -> Result<Vec<EntryDraft>, StoreError>;

    /// The first order of this seller, of another buyer than this one, to which these bytes were
    /// delivered.
    async fn delivered_to_another(
        &self,
        seller: &Did,
        buyer: &Did,
        sha256: [u8; 32],
    ) -> Result<Option<OrderId>, StoreError>;

    /// An agent as a juror, with its stake.
    async fn juror(&self, did: &Did) -> Result<Option<(Arc<Juror>, Amount)>, StoreError>;

    /// Jurors with a stake, by name, after one of them.
    async fn jurors(
        &self,
        after: Option<&Did>,
        limit: u32,
    ) -> Result<Vec<(Arc<Juror>, Amount)>, StoreError>;

    /// Who sent whom at least so much since then, by transfers from agent to agent and all of them
    /// together: each pair of sender and receiver of which one is among these agents, in order. Its
    /// cost does not grow with what else happened to them.
    async fn sent_since(
        &self,
        agents: &[Did],
        since: Timestamp,
        least: Amount,
    ) -> Result<Vec<(Did, Did)>, StoreError>;
}
