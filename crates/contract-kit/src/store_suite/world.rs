//! What a case works with: the store, its clock, fresh ids, and commits the way the engine makes
//! them.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_ledger::{Account, Entry, EntryKind};
use marketplace_money::{
    Amount, CommandId, DepositId, Did, EntryId, EventId, ListingId, OrderId, Seconds, Timestamp,
    WithdrawalId,
};
use marketplace_ports::{
    Audit, Batch, ChangeSet, CommitOutcome, Key, Lease, Snapshot, Store, StoreError, View,
};
use uuid::Uuid;

use super::StoreUnderTest;
use super::fixtures::entry;
use crate::ManualClock;

/// The world of one case.
pub struct World {
    subject: Box<dyn StoreUnderTest>,
    clock: ManualClock,
    last_id: u128,
}

impl World {
    pub(crate) fn new(subject: Box<dyn StoreUnderTest>) -> Self {
        let clock = subject.clock();
        // Like version 7: later ids are greater.
        Self { subject, clock, last_id: 0x0197_f3a2_7c1e_7aaa_8b1b_0000_0000_0000 }
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.subject.store()
    }

    pub(crate) fn clock(&self) -> &ManualClock {
        &self.clock
    }

    pub(crate) fn advance(&self, seconds: u32) {
        self.clock.advance(Seconds(seconds));
    }

    pub(crate) async fn reopen(&mut self) {
        self.subject.reopen().await;
    }

    pub(crate) async fn settle(&mut self) {
        self.subject.settle().await;
    }

    pub(crate) fn id(&mut self) -> Uuid {
        self.last_id += 1;
        Uuid::from_u128(self.last_id)
    }

    pub(crate) fn order_id(&mut self) -> OrderId {
        OrderId::new(self.id())
    }

    pub(crate) fn listing_id(&mut self) -> ListingId {
        ListingId::new(self.id())
    }

    pub(crate) fn withdrawal_id(&mut self) -> WithdrawalId {
        WithdrawalId::new(self.id())
    }

    pub(crate) fn deposit_id(&mut self) -> DepositId {
        DepositId::new(self.id())
    }

    pub(crate) fn entry_id(&mut self) -> EntryId {
        EntryId::new(self.id())
    }

    pub(crate) fn event_id(&mut self) -> EventId {
        EventId::new(self.id())
    }

    pub(crate) fn lease(&mut self, seconds: u32) -> Lease {
        Lease { owner: self.id(), duration: Seconds(seconds) }
    }

    pub(crate) async fn now(&self) -> Timestamp {
        self.store().now().await.expect("now")
    }

    pub(crate) async fn load(&self, keys: impl IntoIterator<Item = Key>) -> View {
        let keys: HashSet<Key> = keys.into_iter().collect();
        self.store().load(&keys).await.expect("load")
    }

    pub(crate) async fn balance(&self, agent: &Did) -> Amount {
        let account = Account::Agent(agent.clone());
        let view = self.load([Key::Balance(account.clone())]).await;
        view.balances.get(&account).copied().unwrap_or_default()
    }

    pub(crate) async fn sum(&self, account: &Account) -> Amount {
        self.store().account_sum(account).await.expect("account_sum")
    }

    pub(crate) async fn open_escrow(&self) -> Amount {
        self.store().open_escrow().await.expect("open_escrow")
    }

    pub(crate) async fn audit(&self) -> Audit {
        self.store().audit().await.expect("audit")
    }

    /// A batch on the state of now, as the engine makes it.
    pub(crate) async fn batch(&mut self, sets: Vec<ChangeSet>) -> Batch {
        let keys: HashSet<Key> = sets.iter().flat_map(ChangeSet::keys).collect();
        let snapshot = self.load(keys).await.snapshot;
        self.batch_on(snapshot, sets)
    }

    pub(crate) fn batch_on(&mut self, snapshot: Snapshot, sets: Vec<ChangeSet>) -> Batch {
        let id = self.id();
        let sets = sets.into_iter().map(|set| (CommandId::new(self.id()), set)).collect();
        Batch { id, snapshot, sets }
    }

    pub(crate) async fn try_commit(
        &mut self,
        sets: Vec<ChangeSet>,
    ) -> Result<Vec<CommitOutcome>, StoreError> {
        let batch = self.batch(sets).await;
        self.store().commit(batch).await
    }

    /// Commits a batch and says what became of each set.
    pub(crate) async fn commit(&mut self, sets: Vec<ChangeSet>) -> Vec<CommitOutcome> {
        self.try_commit(sets).await.expect("commit")
    }

    /// Commits one set, which must be written.
    pub(crate) async fn write(&mut self, set: ChangeSet) {
        assert_eq!(self.commit(vec![set]).await, [CommitOutcome::Committed]);
    }

    /// Commits one set, which must not be written.
    pub(crate) async fn conflict(&mut self, set: ChangeSet) {
        assert_eq!(self.commit(vec![set]).await, [CommitOutcome::Conflict]);
    }

    /// Tokens from the TEG into an agent's balance.
    pub(crate) async fn fund(&mut self, agent: &Did, nano: i64) {
        let deposit = self.entry(
            EntryKind::Deposit,
            [(Account::Teg, -nano), (Account::Agent(agent.clone()), nano)],
        );
        self.write(ChangeSet { entries: vec![deposit], ..ChangeSet::default() }).await;
    }

    pub(crate) fn entry<const N: usize>(
        &mut self,
        kind: EntryKind,
        moves: [(Account, i64); N],
    ) -> Entry {
        entry(self.entry_id(), kind, moves)
    }
}
