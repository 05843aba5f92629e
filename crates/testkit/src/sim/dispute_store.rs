//! What the simulator's store answers about disputes, through the gate like every other call.

use std::sync::Arc;

use async_trait::async_trait;
use marketplace_disputes::ChainLink;
use marketplace_ledger::EntryDraft;
use marketplace_money::{Amount, Did, DisputeId, OrderId, Timestamp};
use marketplace_ports::{DisputeFilter, DisputeStore, Docket, Juror, Page, StoreError};

use super::store::SimStore;

#[async_trait]
impl DisputeStore for SimStore {
    async fn docket(&self, id: DisputeId) -> Result<Option<Arc<Docket>>, StoreError> {
        self.call("docket", self.inner.docket(id)).await
    }

    async fn disputes_of(&self, order: OrderId) -> Result<Vec<Arc<Docket>>, StoreError> {
        self.call("disputes_of", self.inner.disputes_of(order)).await
    }

    async fn disputes(&self, filter: &DisputeFilter) -> Result<Page<Arc<Docket>>, StoreError> {
        self.call("disputes", self.inner.disputes(filter)).await
    }

    async fn disputes_lost(&self, disputer: &Did, since: Timestamp) -> Result<u32, StoreError> {
        self.call("disputes_lost", self.inner.disputes_lost(disputer, since)).await
    }

    async fn exhibit(
        &self,
        dispute: DisputeId,
        name: [u8; 32],
    ) -> Result<Option<Arc<[u8]>>, StoreError> {
        self.call("exhibit", self.inner.exhibit(dispute, name)).await
    }

    async fn dispute_seals(&self, id: DisputeId) -> Result<Vec<(u64, ChainLink)>, StoreError> {
        self.call("dispute_seals", self.inner.dispute_seals(id)).await
    }

    async fn dispute_entries(
        &self,
        id: DisputeId,
        order: OrderId,
    ) -> Result<Vec<EntryDraft>, StoreError> {
        self.call("dispute_entries", self.inner.dispute_entries(id, order)).await
    }

    async fn delivered_to_another(
        &self,
        seller: &Did,
        buyer: &Did,
        sha256: [u8; 32],
    ) -> Result<Option<OrderId>, StoreError> {
        let found = self.inner.delivered_to_another(seller, buyer, sha256);
        self.call("delivered_to_another", found).await
    }

    async fn juror(&self, did: &Did) -> Result<Option<(Arc<Juror>, Amount)>, StoreError> {
        self.call("juror", self.inner.juror(did)).await
    }

    async fn jurors(
        &self,
        after: Option<&Did>,
        limit: u32,
    ) -> Result<Vec<(Arc<Juror>, Amount)>, StoreError> {
        self.call("jurors", self.inner.jurors(after, limit)).await
    }
    async fn sent_since(
        &self,
        agents: &[Did],
        since: Timestamp,
        least: Amount,
    ) -> Result<Vec<(Did, Did)>, StoreError> {
        self.call("sent_since", self.inner.sent_since(agents, since, least)).await
    }
}
