//! Disputes, and jurors of the in-memory store.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use marketplace_disputes::{ChainLink, Side};
use marketplace_escrow::Phase as OrderPhase;
use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_money::{Amount, Did, DisputeId, EntryId, OrderId, Timestamp};
use marketplace_ports::{
    DisputeFilter, DisputeStore, Docket, Exhibit, Juror, Page, RowWrite, StoreError, Subject, View,
    Writes,
};

use super::MemoryStore;
use super::shelf::{Shelf, page};
use super::state::State;

/// What is kept of disputes.
#[derive(Debug, Default)]
pub(crate) struct Disputes {
    pub(crate) dockets: Shelf<DisputeId, Docket>,
    /// Numbers on the shelf.
    of_orders: HashMap<OrderId, Vec<u64>>,
    /// For each version of a dispute the commit that made it.
    commits: HashMap<DisputeId, Vec<(u64, usize)>>,
    pub(crate) jurors: BTreeMap<Did, Arc<Juror>>,
    exhibits: HashMap<(DisputeId, [u8; 32]), Arc<[u8]>>,
}

/// An entry while its lines are gathered.
type Draft = (EntryId, EntryKind, Vec<(Account, Amount)>);

impl Disputes {
    pub(crate) fn load(&self, key: &marketplace_ports::Key, view: &mut View) {
        use marketplace_ports::Key;
        match key {
            Key::Dispute(id) => {
                view.disputes.extend(self.dockets.get(id).map(|row| (*id, row.clone())));
            }
            Key::Juror(did) => {
                view.jurors.extend(self.jurors.get(did).map(|row| (did.clone(), row.clone())));
            }
            _ => {}
        }
    }

    /// From here on it must succeed. `batch` is the place of the commit in the chain, from 0.
    pub(crate) fn write(&mut self, writes: &mut Writes, batch: usize) {
        for (id, RowWrite { stored, row }) in std::mem::take(&mut writes.disputes) {
            let versions = stored + 1..=row.dispute.version;
            self.commits.entry(id).or_default().extend(versions.map(|version| (version, batch)));
            let order = row.dispute.order;
            if let Some(number) = self.dockets.put(id, row) {
                self.of_orders.entry(order).or_default().push(number);
            }
        }
        for (did, write) in std::mem::take(&mut writes.jurors) {
            self.jurors.insert(did, write.row);
        }
        for Exhibit { dispute, name, bytes } in std::mem::take(&mut writes.exhibits) {
            self.exhibits.entry((dispute, name)).or_insert(bytes);
        }
    }

    /// What an agent's open disputes hold of its tokens.
    pub(crate) fn held_by(&self, did: &Did) -> i128 {
        let open = self.dockets.rows().filter(|row| !row.dispute.phase().is_terminal());
        let own = open.filter_map(|row| Some((row, row.dispute.side_of(did)?)));
        own.map(|(row, side): (_, Side)| i128::from(row.held_by(side).nano())).sum()
    }

    fn of_order(&self, order: OrderId) -> Vec<Arc<Docket>> {
        let numbers = self.of_orders.get(&order).map_or(&[][..], Vec::as_slice);
        numbers.iter().filter_map(|number| self.dockets.at(*number).cloned()).collect()
    }

    fn page(&self, filter: &DisputeFilter) -> Page<Arc<Docket>> {
        let numbers = self.dockets.newest_first(filter.cursor);
        let found = numbers.filter_map(|number| Some((number, self.dockets.at(number)?.clone())));
        let wanted = found.filter(|(_, row)| {
            let party = filter.party.as_ref();
            party.is_none_or(|party| row.dispute.side_of(party).is_some())
                && (!filter.open_only || !row.dispute.phase().is_terminal())
        });
        page(wanted, filter.limit)
    }

    fn lost(&self, disputer: &Did, since: Timestamp) -> u32 {
        let own = |row: &&Arc<Docket>| row.dispute.party(row.dispute.disputer) == disputer;
        let lost = self.dockets.rows().filter(own).filter_map(|row| row.lost_at());
        u32::try_from(lost.filter(|at| *at >= since).count()).unwrap_or(u32::MAX)
    }
}

impl State {
    fn with_stake(&self, juror: &Arc<Juror>) -> (Arc<Juror>, Amount) {
        (juror.clone(), self.balance(&Account::Juror(juror.did.clone())))
    }

    fn seals(&self, id: DisputeId) -> Vec<(u64, ChainLink)> {
        let commits = self.disputes.commits.get(&id).map_or(&[][..], Vec::as_slice);
        commits.iter().map(|(version, batch)| (*version, self.journal.link(*batch))).collect()
    }

    fn entries_of(&self, id: DisputeId, order: OrderId) -> Vec<EntryDraft> {
        let commits = self.disputes.commits.get(&id).map_or(&[][..], Vec::as_slice);
        let mut batches: Vec<usize> = commits.iter().map(|(_, batch)| *batch).collect();
        batches.dedup();
        let reason = Docket::entry_reason(id);
        let mut drafts: Vec<Draft> = Vec::new();
        for line in batches.iter().flat_map(|batch| self.journal.lines_of(*batch)) {
            let of_dispute = matches!(line.kind, EntryKind::DisputeBond | EntryKind::DisputeClosed);
            if !(line.kind.ends_escrow() || of_dispute && *line.reason == *reason) {
                continue;
            }
            let posting = (line.account.clone(), line.delta);
            match drafts.last_mut() {
                Some((entry, _, moves)) if *entry == line.entry => moves.push(posting),
                _ => drafts.push((line.entry, line.kind, vec![posting])),
            }
        }
        let of_others = |(_, kind, moves): &Draft| {
            let own = |(account, _): &(Account, Amount)| *account == Account::Order(order);
            kind.ends_escrow() && !moves.iter().any(own)
        };
        drafts.retain(|draft| !of_others(draft));
        let drafts = drafts.into_iter();
        drafts.filter_map(|(_, kind, moves)| EntryDraft::new(kind, moves).ok()).collect()
    }

    fn sent_since(&self, agents: &[Did], since: Timestamp, least: Amount) -> Vec<(Did, Did)> {
        let mut sums: BTreeMap<(Did, Did), i128> = BTreeMap::new();
        let recent = self.journal.lines.iter().filter(|line| line.at >= since);
        let transfers: Vec<_> = recent.filter(|line| line.kind == EntryKind::Transfer).collect();
        for entry in transfers.chunk_by(|one, next| one.entry == next.entry) {
            for from in entry.iter().filter(|line| line.delta.is_negative()) {
                for to in entry.iter().filter(|line| line.delta.is_positive()) {
                    if let (Account::Agent(sender), Account::Agent(receiver)) =
                        (&from.account, &to.account)
                    {
                        let moved = from.delta.nano().saturating_neg().min(to.delta.nano());
                        let pair = (sender.clone(), receiver.clone());
                        *sums.entry(pair).or_default() += i128::from(moved);
                    }
                }
            }
        }
        let known = |did: &Did| agents.contains(did);
        let enough = sums.into_iter().filter(|(_, sum)| *sum >= i128::from(least.nano()));
        let pairs = enough.map(|(pair, _)| pair);
        pairs.filter(|(sender, receiver)| known(sender) || known(receiver)).collect()
    }

    /// Accounts of disputes without a dispute included.
    pub(crate) fn wrong_disputes(&self, sums: &BTreeMap<Account, i128>) -> usize {
        let mut held: BTreeMap<DisputeId, i128> = BTreeMap::new();
        for (account, sum) in sums {
            if let Account::Dispute(id) = account {
                held.insert(*id, *sum);
            }
        }
        let mut wrong = 0;
        for row in self.disputes.dockets.rows() {
            let sum = held.remove(&row.dispute.id).unwrap_or_default();
            wrong += usize::from(sum != i128::from(row.dispute.held().nano()));
        }
        wrong + held.values().filter(|sum| **sum != 0).count()
    }

    pub(crate) fn stray_disputes(&self) -> usize {
        let open = self.disputes.dockets.rows().filter(|row| !row.dispute.phase().is_terminal());
        let mut disputed: HashMap<OrderId, usize> = HashMap::new();
        let mut stray = 0;
        for row in open {
            *disputed.entry(row.dispute.order).or_default() += 1;
            let timer = row.dispute.next_timer();
            let key = timer.map(|timer| (Subject::Dispute(row.dispute.id), timer.kind.name()));
            stray += usize::from(key.is_none_or(|key| !self.timers.contains(&key)));
        }
        let orders = self.orders.rows().filter(|order| order.phase() == OrderPhase::Disputed);
        let strangers = orders.filter(|order| disputed.remove(&order.id) != Some(1)).count();
        stray + strangers + disputed.len()
    }
}

#[async_trait]
impl DisputeStore for MemoryStore {
    async fn docket(&self, id: DisputeId) -> Result<Option<Arc<Docket>>, StoreError> {
        self.call("docket", |state| Ok(state.disputes.dockets.get(&id).cloned())).await
    }

    async fn disputes_of(&self, order: OrderId) -> Result<Vec<Arc<Docket>>, StoreError> {
        self.call("disputes_of", |state| Ok(state.disputes.of_order(order))).await
    }

    async fn disputes(&self, filter: &DisputeFilter) -> Result<Page<Arc<Docket>>, StoreError> {
        self.call("disputes", |state| Ok(state.disputes.page(filter))).await
    }

    async fn disputes_lost(&self, disputer: &Did, since: Timestamp) -> Result<u32, StoreError> {
        self.call("disputes_lost", |state| Ok(state.disputes.lost(disputer, since))).await
    }

    async fn exhibit(
        &self,
        dispute: DisputeId,
        name: [u8; 32],
    ) -> Result<Option<Arc<[u8]>>, StoreError> {
        let exhibit = |state: &mut State| state.disputes.exhibits.get(&(dispute, name)).cloned();
        self.call("exhibit", |state| Ok(exhibit(state))).await
    }

    async fn dispute_seals(&self, id: DisputeId) -> Result<Vec<(u64, ChainLink)>, StoreError> {
        self.call("dispute_seals", |state| Ok(state.seals(id))).await
    }

    async fn dispute_entries(
        &self,
        id: DisputeId,
        order: OrderId,
    ) -> Result<Vec<EntryDraft>, StoreError> {
        self.call("dispute_entries", |state| Ok(state.entries_of(id, order))).await
    }

    async fn delivered_to_another(
        &self,
        seller: &Did,
        buyer: &Did,
        sha256: [u8; 32],
    ) -> Result<Option<OrderId>, StoreError> {
        let found = |state: &mut State| {
            let sold = state.orders.rows().filter(|order| order.seller == *seller);
            let mut others = sold.filter(|order| order.buyer != *buyer);
            let order = others.find(|order| state.blobs.contains_key(&(order.id, sha256)));
            order.map(|order| order.id)
        };
        self.call("delivered_to_another", |state| Ok(found(state))).await
    }

    async fn juror(&self, did: &Did) -> Result<Option<(Arc<Juror>, Amount)>, StoreError> {
        let juror = |state: &mut State| Some(state.with_stake(state.disputes.jurors.get(did)?));
        self.call("juror", |state| Ok(juror(state))).await
    }

    async fn jurors(
        &self,
        after: Option<&Did>,
        limit: u32,
    ) -> Result<Vec<(Arc<Juror>, Amount)>, StoreError> {
        let found = |state: &mut State| {
            let later = state.disputes.jurors.values();
            let later = later.filter(|juror| after.is_none_or(|after| juror.did > *after));
            let staked = later.map(|juror| state.with_stake(juror));
            let staked = staked.filter(|(_, stake)| stake.is_positive());
            staked.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect()
        };
        self.call("jurors", |state| Ok(found(state))).await
    }
    async fn sent_since(
        &self,
        agents: &[Did],
        since: Timestamp,
        least: Amount,
    ) -> Result<Vec<(Did, Did)>, StoreError> {
        self.call("sent_since", |state| Ok(state.sent_since(agents, since, least))).await
    }
}
