//! Bugs in what a commit checks and writes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_money::{Amount, CommandId};
use marketplace_ports::{
    Batch, Change, ChangeSet, CommitOutcome, Current, EffectChange, Key, Snapshot, StoreError,
    TegRecord, TimerChange, View, admit,
};

use super::{BuggyStore, PlantedBug, fields};
use crate::faults::lock;

impl BuggyStore {
    pub(super) async fn commit_wrongly(
        &self,
        mut batch: Batch,
    ) -> Result<Vec<CommitOutcome>, StoreError> {
        let Some(bug) = self.bug else { return self.inner.commit(batch).await };
        if self.has(PlantedBug::BatchWrittenTwice) {
            batch.id = self.fresh_id();
        }
        let (commands, sets): (Vec<CommandId>, Vec<ChangeSet>) = batch.sets.into_iter().unzip();
        let view = self.view_of(&sets).await?;
        match bug {
            PlantedBug::BatchNotAtomic => return self.one_by_one(&view, sets).await,
            PlantedBug::SetNotAtomic => return self.events_anyway(&view, sets).await,
            PlantedBug::AbandonedCommitIsHalf => return self.rows_first(&view, sets).await,
            PlantedBug::ChecksBeforeOthersWrite => tokio::task::yield_now().await,
            _ => {}
        }
        let mut refused = vec![false; sets.len()];
        if bug == PlantedBug::CreditConflicts {
            refused = sets.iter().map(|set| self.balance_moved(set, batch.snapshot)).collect();
        }
        let accounts: Vec<Account> = balances_of(&sets);
        let sets = self.distorted(bug, &view, sets).await?;
        let numbered = commands.into_iter().zip(sets).zip(&refused);
        let sets = numbered.filter(|(_, refused)| !**refused).map(|(set, _)| set).collect();
        let inner = self.inner.commit(Batch { sets, ..batch }).await?;
        self.remember_moves(accounts).await?;
        let mut inner = inner.into_iter();
        let outcome = |refused| if refused { None } else { inner.next() };
        let outcomes = refused.into_iter().map(outcome);
        Ok(outcomes.map(|outcome| outcome.unwrap_or(CommitOutcome::Conflict)).collect())
    }

    async fn distorted(
        &self,
        bug: PlantedBug,
        view: &View,
        mut sets: Vec<ChangeSet>,
    ) -> Result<Vec<ChangeSet>, StoreError> {
        match bug {
            PlantedBug::LostVersionCheck => {
                overwrite(view, &mut sets, |_| true);
            }
            PlantedBug::ChecksBeforeOthersWrite => {
                // The check was made on `view`; what is there now is overwritten.
                let outcomes = admit(Current::from_view(view), &numbered(&sets));
                if outcomes.iter().all(|outcome| *outcome == CommitOutcome::Committed) {
                    let now = self.view_of(&sets).await?;
                    overwrite(&now, &mut sets, |_| true);
                }
            }
            PlantedBug::UnloadedTrusted => {
                let loaded = lock(&self.memory).loaded.clone();
                overwrite(view, &mut sets, |key| !loaded.contains(key));
            }
            PlantedBug::TransferUsedTwice => {
                overwrite(view, &mut sets, |key| matches!(key, Key::TegTransaction(_)));
            }
            PlantedBug::CascadeNotApplied => sets = without_cascade(view, sets),
            PlantedBug::BalanceGuardDropped => sets = self.funded(view, sets, false),
            PlantedBug::BalanceGuardForEachSetAlone => sets = self.funded(view, sets, true),
            PlantedBug::FirstStateOfBatchWins => first_states(&mut sets),
            PlantedBug::IdempotencyIgnored
            | PlantedBug::NonceReused
            | PlantedBug::TegTransactionBookedTwice => take_again(bug, view, &mut sets),
            _ => sets.iter_mut().for_each(|set| self.distort(bug, set)),
        }
        Ok(sets)
    }

    /// Bugs that need no more than the set.
    fn distort(&self, bug: PlantedBug, set: &mut ChangeSet) {
        match bug {
            PlantedBug::ReadsUnchecked => set.reads.clear(),
            PlantedBug::PostingDropped => set.entries.retain(|entry| {
                !matches!(entry.kind(), EntryKind::EscrowReleased | EntryKind::EscrowRefunded)
            }),
            PlantedBug::IdempotencyForgotten => set.idempotency = None,
            PlantedBug::ListingLimitIgnored => {
                set.listing_count.iter_mut().for_each(|count| count.limit = i64::MAX);
            }
            PlantedBug::ExposureLimitIgnored => {
                set.exposures.iter_mut().for_each(|change| change.limit = None);
            }
            PlantedBug::ExposureNeverFalls => {
                set.exposures.retain(|change| change.delta.is_positive());
            }
            PlantedBug::EventsReversed => set.events.reverse(),
            PlantedBug::EventAudienceLost => {
                set.events.iter_mut().for_each(|event| event.audience.truncate(1));
            }
            PlantedBug::TimerNotCleared => {
                set.timers.retain(|change| matches!(change, TimerChange::Set(_)));
            }
            PlantedBug::TimerNotMoved => {
                let mut memory = lock(&self.memory);
                set.timers.retain(|change| match change {
                    TimerChange::Set(timer) => memory.timers.insert((timer.subject, timer.kind)),
                    TimerChange::Clear { subject, kind } => {
                        memory.timers.remove(&(*subject, kind));
                        true
                    }
                });
            }
            PlantedBug::EffectNotDone => {
                set.effects.retain(|change| !matches!(change, EffectChange::Done(_)));
            }
            PlantedBug::RetryForgotten => {
                set.effects.retain(|change| !matches!(change, EffectChange::Retry { .. }));
            }
            PlantedBug::AttemptsForgotten => {
                for change in &mut set.effects {
                    if let EffectChange::Retry { attempts, .. } = change {
                        *attempts = 0;
                    }
                }
            }
            PlantedBug::BlobOfAnotherOrder => {
                let blobs = set.blobs.iter().map(|blob| (blob.sha256, blob.bytes.clone()));
                lock(&self.memory).blobs.extend(blobs);
            }
            _ => fields::lose(bug, set),
        }
    }

    async fn one_by_one(
        &self,
        view: &View,
        sets: Vec<ChangeSet>,
    ) -> Result<Vec<CommitOutcome>, StoreError> {
        let mut outcomes = Vec::new();
        for set in sets {
            outcomes.extend(self.commit_sets(view.snapshot, vec![set]).await?);
        }
        Ok(outcomes)
    }

    async fn events_anyway(
        &self,
        view: &View,
        sets: Vec<ChangeSet>,
    ) -> Result<Vec<CommitOutcome>, StoreError> {
        let outcomes = self.commit_sets(view.snapshot, sets.clone()).await?;
        for (set, outcome) in sets.into_iter().zip(&outcomes) {
            if *outcome == CommitOutcome::Conflict {
                let rest = ChangeSet { events: set.events, ..ChangeSet::default() };
                self.commit_sets(view.snapshot, vec![rest]).await?;
            }
        }
        Ok(outcomes)
    }

    async fn rows_first(
        &self,
        view: &View,
        sets: Vec<ChangeSet>,
    ) -> Result<Vec<CommitOutcome>, StoreError> {
        let mut money = Vec::new();
        let mut rows = sets;
        for set in &mut rows {
            let entries = std::mem::take(&mut set.entries);
            money.push(ChangeSet { entries, ..ChangeSet::default() });
        }
        let outcomes = self.commit_sets(view.snapshot, rows).await?;
        tokio::task::yield_now().await;
        self.commit_sets(view.snapshot, money).await?;
        Ok(outcomes)
    }

    fn balance_moved(&self, set: &ChangeSet, snapshot: Snapshot) -> bool {
        let memory = lock(&self.memory);
        let moved =
            |account: &Account| memory.moved.get(account).is_some_and(|at| *at > snapshot.0);
        set.balance_deltas().iter().any(|(account, _)| moved(account))
    }

    async fn remember_moves(&self, accounts: Vec<Account>) -> Result<(), StoreError> {
        let snapshot = self.inner.load(&HashSet::new()).await?.snapshot;
        let moves = accounts.into_iter().map(|account| (account, snapshot.0));
        lock(&self.memory).moved.extend(moves);
        Ok(())
    }

    /// The sets, with tokens from nowhere for those that spend more than there is; when
    /// `alone`, only for those that would fit if they were alone in the batch.
    fn funded(&self, view: &View, sets: Vec<ChangeSet>, alone: bool) -> Vec<ChangeSet> {
        let mut balances = view.balances.clone();
        let mut funded = Vec::new();
        for mut set in sets {
            for (account, delta) in set.balance_deltas() {
                let delta = delta.unwrap_or_default().nano();
                let stored = view.balances.get(&account).map_or(0, |balance| balance.nano());
                let held = balances.get(&account).map_or(0, |balance| balance.nano());
                let missing = held.saturating_add(delta).min(0).saturating_neg();
                if missing > 0 && (!alone || stored + delta >= 0) {
                    let moves = [
                        (Account::Teg, Amount::from_nano(-missing)),
                        (account.clone(), Amount::from_nano(missing)),
                    ];
                    let draft = EntryDraft::new(EntryKind::Deposit, moves);
                    set.entries.extend(draft.map(|draft| draft.named(self.fresh_entry())));
                }
                let after = held.saturating_add(delta).saturating_add(missing);
                balances.insert(account, Amount::from_nano(after));
            }
            funded.push(set);
        }
        funded
    }
}

fn numbered(sets: &[ChangeSet]) -> Vec<(CommandId, ChangeSet)> {
    let command = CommandId::new(uuid::Uuid::nil());
    sets.iter().cloned().map(|set| (command, set)).collect()
}

fn balances_of(sets: &[ChangeSet]) -> Vec<Account> {
    sets.iter().flat_map(ChangeSet::balance_deltas).map(|(account, _)| account).collect()
}

/// Puts another read version under every row that the set touches.
fn renumber(set: &mut ChangeSet, mut version: impl FnMut(&Key, u64) -> u64) {
    macro_rules! rows {
        ($field:ident, $key:expr) => {
            for Change { read, row } in &mut set.$field {
                *read = version(&$key(row.as_ref()), *read);
                Arc::make_mut(row).version = *read + 1;
            }
        };
    }
    for (key, read) in &mut set.reads {
        *read = version(key, *read);
    }
    rows!(orders, |row: &marketplace_escrow::Order| Key::Order(row.id));
    rows!(listings, |row: &marketplace_listings::Listing| Key::Listing(row.id));
    rows!(agents, |row: &marketplace_ports::Agent| Key::Agent(row.did.clone()));
    rows!(withdrawals, |row: &marketplace_ports::Withdrawal| Key::Withdrawal(row.id));
    rows!(deposits, |row: &marketplace_ports::Deposit| Key::Deposit(row.id));
    rows!(teg_records, |row: &TegRecord| Key::TegTransaction(row.id.clone()));
    rows!(motions, |row: &marketplace_ports::Motion| Key::Motion(row.id));
    rows!(tasks, |row: &marketplace_ports::Task| Key::Task(row.key.clone()));
    rows!(api_keys, |row: &marketplace_ports::ApiKey| Key::ApiKey(row.sha256));
}

/// The sets as if they had read what is stored, for the keys in question.
fn overwrite(view: &View, sets: &mut [ChangeSet], in_question: impl Fn(&Key) -> bool) {
    let mut current = Current::from_view(view).versions;
    for set in sets {
        renumber(
            set,
            |key, read| {
                if in_question(key) { current.get(key).copied().unwrap_or(0) } else { read }
            },
        );
        let written = set.versions().skip(set.reads.len());
        current.extend(written.map(|(key, read)| (key, read + 1)).collect::<Vec<_>>());
    }
}

/// Checks versions only where a key is touched for the first time in the batch.
fn without_cascade(view: &View, sets: Vec<ChangeSet>) -> Vec<ChangeSet> {
    let start = Current::from_view(view);
    let mut versions = start.versions.clone();
    let mut touched: HashSet<Key> = HashSet::new();
    let mut passed: Vec<ChangeSet> = Vec::new();
    for mut set in sets {
        let keys: Vec<Key> = set.versions().map(|(key, _)| key).collect();
        renumber(&mut set, |key, read| {
            if touched.contains(key) { versions.get(key).copied().unwrap_or(0) } else { read }
        });
        touched.extend(keys);
        passed.push(set);
        let outcomes = admit(start.clone(), &numbered(&passed));
        if let (Some(CommitOutcome::Committed), Some(set)) = (outcomes.last(), passed.last()) {
            let written = set.versions().skip(set.reads.len());
            versions.extend(written.map(|(key, read)| (key, read + 1)).collect::<Vec<_>>());
        }
    }
    passed
}

fn first_states(sets: &mut [ChangeSet]) {
    let mut first = HashMap::new();
    for change in sets.iter_mut().flat_map(|set| &mut set.orders) {
        let state = first.entry(change.row.id).or_insert_with(|| change.row.state.clone()).clone();
        Arc::make_mut(&mut change.row).state = state;
    }
}

/// Leaves out what would be taken a second time, so that nothing stands in the set's way.
fn take_again(bug: PlantedBug, view: &View, sets: &mut [ChangeSet]) {
    let mut taken = Current::from_view(view).taken;
    taken.extend(view.teg_records.keys().cloned().map(Key::TegTransaction));
    for set in sets {
        let keys: Vec<Key> = set.takes().collect();
        match bug {
            PlantedBug::IdempotencyIgnored => {
                set.idempotency.take_if(|(key, _)| taken.contains(&Key::Idempotency(key.clone())));
            }
            PlantedBug::NonceReused => {
                set.nonce.take_if(|(nonce, _)| taken.contains(&Key::Nonce(nonce.clone())));
            }
            _ => {
                set.teg_records.retain(|c| !taken.contains(&Key::TegTransaction(c.row.id.clone())));
                let booked = set.teg_records.iter();
                taken.extend(booked.map(|c| Key::TegTransaction(c.row.id.clone())));
            }
        }
        taken.extend(keys);
    }
}
