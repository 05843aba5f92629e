//! Loads the state that a batch asks for: from memory what is remembered, else in a few
//! statements.

use std::collections::HashSet;
use std::sync::Arc;

use diesel::prelude::*;
use marketplace_ledger::Account;
use marketplace_money::{DepositId, Did, ListingId, OrderId, WithdrawalId};
use marketplace_ports::{
    IdempotencyKey, Key, Nonce, Snapshot, StoreError, TaskKey, TegTransactionId, View,
};
use marketplace_store_rows::{
    AgentRow, ApiKeyRow, DepositRow, IdempotencyRow, ListingRow, MotionRow, OrderRow, ReviewsRow,
    TaskRow, TegRecordRow, WithdrawalRow, account_text, api_key_text, id_text, tables, task_text,
};
use uuid::Uuid;

use crate::books::Books;
use crate::cache::BalanceRow;
use crate::disputes::Wanted;
use crate::failure::Failure;
use crate::fetch::{OrderReader, rows_by};

/// Keys that are not remembered.
#[derive(Default)]
struct Missing {
    orders: Vec<OrderId>,
    listings: Vec<ListingId>,
    agents: Vec<Did>,
    withdrawals: Vec<WithdrawalId>,
    deposits: Vec<DepositId>,
    api_keys: Vec<[u8; 32]>,
    tasks: Vec<TaskKey>,
    motions: Vec<Uuid>,
    balances: Vec<Account>,
    answers: Vec<IdempotencyKey>,
    nonces: Vec<Nonce>,
    teg_records: Vec<TegTransactionId>,
    judged: Wanted,
    reviews: Vec<OrderId>,
    listing_count: bool,
}

impl Missing {
    fn add(&mut self, key: &Key) {
        match key {
            Key::Order(id) => self.orders.push(*id),
            Key::Listing(id) => self.listings.push(*id),
            Key::Agent(did) => self.agents.push(did.clone()),
            Key::Balance(account) => self.balances.push(account.clone()),
            Key::Idempotency(key) => self.answers.push(key.clone()),
            Key::Nonce(nonce) => self.nonces.push(nonce.clone()),
            Key::Withdrawal(id) => self.withdrawals.push(*id),
            Key::Deposit(id) => self.deposits.push(*id),
            Key::ApiKey(sha256) => self.api_keys.push(*sha256),
            Key::Task(key) => self.tasks.push(key.clone()),
            Key::Motion(id) => self.motions.push(*id),
            Key::TegTransaction(id) => self.teg_records.push(id.clone()),
            Key::Dispute(_) | Key::Juror(_) => self.judged.add(key),
            Key::Reviews(id) => self.reviews.push(*id),
            Key::ListingCount => self.listing_count = true,
        }
    }
}

impl Books {
    /// The state under these keys. Nothing is written between its statements: this thread writes.
    pub(crate) fn view(&mut self, keys: &HashSet<Key>) -> Result<View, StoreError> {
        self.ready()?;
        let mut view = View {
            now: self.clock.now(),
            gaps: self.known_gaps(),
            snapshot: Snapshot(u64::try_from(self.heads.batch).unwrap_or(0)),
            ..View::default()
        };
        let mut missing = Missing::default();
        {
            let mut cache = self.cache.lock();
            for key in keys.iter().filter(|key| !cache.recall(key, &mut view)) {
                missing.add(key);
            }
        }
        if missing.listing_count {
            view.listing_count = self.heads.listing_count;
        }
        self.load_orders(&missing.orders, &mut view)?;
        self.load_listings(&missing.listings, &mut view)?;
        self.load_agents(&missing.agents, &mut view)?;
        self.load_withdrawals(&missing.withdrawals, &mut view)?;
        self.load_deposits(&missing.deposits, &mut view)?;
        self.load_api_keys(&missing.api_keys, &mut view)?;
        self.load_tasks(&missing.tasks, &mut view)?;
        self.load_motions(&missing.motions, &mut view)?;
        self.load_answers(missing.answers, &mut view)?;
        self.load_nonces(missing.nonces, &mut view)?;
        self.load_teg_records(missing.teg_records, &mut view)?;
        self.load_judged(&missing.judged, &mut view)?;
        self.load_reviews(&missing.reviews, &mut view)?;
        for (account, row) in self.balance_rows(missing.balances)? {
            row.show(account, &mut view);
        }
        Ok(view)
    }

    fn load_orders(&mut self, ids: &[OrderId], view: &mut View) -> Result<(), StoreError> {
        let keys: Vec<String> = ids.iter().map(|id| id_text(id.uuid())).collect();
        let orders = self.read(|connection| {
            let rows = rows_by!(connection, orders.id, OrderRow::as_select(), OrderRow, &keys);
            let mut reader = OrderReader::default();
            let order = |row| reader.order(connection, row).map(Arc::new);
            rows.iter().map(order).collect::<Result<Vec<_>, _>>()
        })?;
        view.orders.extend(orders.into_iter().map(|order| (order.id, order)));
        let mut cache = self.cache.lock();
        for id in ids {
            cache.orders.put(*id, view.orders.get(id).cloned());
        }
        Ok(())
    }

    fn load_listings(&mut self, ids: &[ListingId], view: &mut View) -> Result<(), StoreError> {
        let keys: Vec<String> = ids.iter().map(|id| id_text(id.uuid())).collect();
        let rows = self.read(|connection| {
            Ok(rows_by!(connection, listings.id, ListingRow::as_select(), ListingRow, &keys))
        })?;
        for row in rows {
            let listing = Arc::new(row.listing()?);
            view.listings.insert(listing.id, listing);
        }
        let mut cache = self.cache.lock();
        for id in ids {
            cache.listings.put(*id, view.listings.get(id).cloned());
        }
        Ok(())
    }

    fn load_agents(&mut self, dids: &[Did], view: &mut View) -> Result<(), StoreError> {
        let keys: Vec<String> = dids.iter().map(|did| did.as_str().to_owned()).collect();
        let rows = self.read(|connection| {
            Ok(rows_by!(connection, agents.did, AgentRow::as_select(), AgentRow, &keys))
        })?;
        for row in rows {
            let agent = Arc::new(row.agent()?);
            view.agents.insert(agent.did.clone(), agent);
        }
        let mut cache = self.cache.lock();
        for did in dids {
            cache.agents.put(did.clone(), view.agents.get(did).cloned());
        }
        Ok(())
    }

    fn load_withdrawals(
        &mut self,
        ids: &[WithdrawalId],
        view: &mut View,
    ) -> Result<(), StoreError> {
        let keys: Vec<String> = ids.iter().map(|id| id_text(id.uuid())).collect();
        let rows = self.read(|connection| {
            let selection = WithdrawalRow::as_select();
            Ok(rows_by!(connection, withdrawals.id, selection, WithdrawalRow, &keys))
        })?;
        for row in rows {
            let withdrawal = row.withdrawal()?;
            view.withdrawals.insert(withdrawal.id, Arc::new(withdrawal));
        }
        Ok(())
    }

    fn load_deposits(&mut self, ids: &[DepositId], view: &mut View) -> Result<(), StoreError> {
        let keys: Vec<String> = ids.iter().map(|id| id_text(id.uuid())).collect();
        let rows = self.read(|connection| {
            Ok(rows_by!(connection, deposits.id, DepositRow::as_select(), DepositRow, &keys))
        })?;
        for row in rows {
            let deposit = row.deposit()?;
            view.deposits.insert(deposit.id, Arc::new(deposit));
        }
        Ok(())
    }

    fn load_tasks(&mut self, keys: &[TaskKey], view: &mut View) -> Result<(), StoreError> {
        let keys: Vec<String> = keys.iter().map(task_text).collect();
        let rows = self.read(|connection| {
            Ok(rows_by!(connection, tasks.key, TaskRow::as_select(), TaskRow, &keys))
        })?;
        for row in rows {
            let task = row.task()?;
            view.tasks.insert(task.key.clone(), Arc::new(task));
        }
        Ok(())
    }

    fn load_api_keys(&mut self, keys: &[[u8; 32]], view: &mut View) -> Result<(), StoreError> {
        let keys: Vec<String> = keys.iter().map(api_key_text).collect();
        let rows = self.read(|connection| {
            let selection = ApiKeyRow::as_select();
            Ok(rows_by!(connection, api_keys.sha256, selection, ApiKeyRow, &keys))
        })?;
        for row in rows {
            let key = row.api_key()?;
            view.api_keys.insert(key.sha256, Arc::new(key));
        }
        Ok(())
    }

    fn load_motions(&mut self, ids: &[Uuid], view: &mut View) -> Result<(), StoreError> {
        let keys: Vec<String> = ids.iter().map(|id| id_text(*id)).collect();
        let rows = self.read(|connection| {
            Ok(rows_by!(connection, motions.id, MotionRow::as_select(), MotionRow, &keys))
        })?;
        for row in rows {
            let motion = row.motion()?;
            view.motions.insert(motion.id, Arc::new(motion));
        }
        Ok(())
    }

    fn load_answers(
        &mut self,
        keys: Vec<IdempotencyKey>,
        view: &mut View,
    ) -> Result<(), StoreError> {
        use tables::idempotency::dsl;
        for key in keys {
            let row = self.read(|connection| {
                let found: Option<IdempotencyRow> = dsl::idempotency
                    .filter(dsl::caller.eq(key.caller.as_str()))
                    .filter(dsl::route.eq(&key.route))
                    .filter(dsl::key.eq(&key.key))
                    .select(IdempotencyRow::as_select())
                    .get_result(connection)
                    .optional()?;
                Ok(found)
            })?;
            let record = row.map(IdempotencyRow::record).transpose()?;
            view.idempotency.extend(record.clone().map(|record| (key.clone(), record)));
            self.cache.lock().answers.put(key, record);
        }
        Ok(())
    }

    fn load_nonces(&mut self, nonces: Vec<Nonce>, view: &mut View) -> Result<(), StoreError> {
        use tables::nonces::dsl;
        for nonce in nonces {
            let used = self.read(|connection| {
                let found: Option<i64> = dsl::nonces
                    .filter(dsl::signer.eq(nonce.signer.as_str()))
                    .filter(dsl::value.eq(&nonce.value))
                    .select(dsl::position)
                    .get_result(connection)
                    .optional()?;
                Ok(found.is_some())
            })?;
            view.nonces.extend(used.then(|| nonce.clone()));
            self.cache.lock().nonces.put(nonce, used);
        }
        Ok(())
    }

    fn load_reviews(&mut self, ids: &[OrderId], view: &mut View) -> Result<(), StoreError> {
        let keys: Vec<String> = ids.iter().map(|id| id_text(id.uuid())).collect();
        let rows = self.read(|connection| {
            let selection = ReviewsRow::as_select();
            Ok(rows_by!(connection, reviews.order_id, selection, ReviewsRow, &keys))
        })?;
        for row in rows {
            let reviews = row.reviews()?;
            view.reviews.insert(reviews.reviews.order, Arc::new(reviews));
        }
        Ok(())
    }

    fn load_teg_records(
        &mut self,
        ids: Vec<TegTransactionId>,
        view: &mut View,
    ) -> Result<(), StoreError> {
        let keys: Vec<String> = ids.into_iter().map(|id| id.0).collect();
        let rows = self.read(|connection| {
            let selection = TegRecordRow::as_select();
            Ok(rows_by!(connection, teg_records.id, selection, TegRecordRow, &keys))
        })?;
        for row in rows {
            let record = Arc::new(row.record()?);
            view.teg_records.insert(record.id.clone(), record);
        }
        Ok(())
    }

    /// Balances that are not remembered, each with a row, stored or not.
    fn balance_rows(
        &mut self,
        accounts: Vec<Account>,
    ) -> Result<Vec<(Account, BalanceRow)>, StoreError> {
        let keys: Vec<String> = accounts.iter().map(account_text).collect();
        let rows = self.read(|connection| {
            let selection = BalanceRow::as_select();
            Ok::<_, Failure>(rows_by!(connection, balances.account, selection, BalanceRow, &keys))
        })?;
        let mut found: std::collections::HashMap<String, BalanceRow> =
            rows.into_iter().map(|row| (row.account.clone(), row)).collect();
        let mut all = Vec::with_capacity(accounts.len());
        let mut cache = self.cache.lock();
        for (account, key) in accounts.into_iter().zip(keys) {
            let row = found.remove(&key);
            let row = row.unwrap_or_else(|| BalanceRow { account: key, ..BalanceRow::default() });
            cache.balances.put(account.clone(), row.clone());
            all.push((account, row));
        }
        Ok(all)
    }

    /// The rows of these accounts, to be changed.
    pub(crate) fn balances(
        &mut self,
        accounts: impl IntoIterator<Item = Account>,
    ) -> Result<std::collections::BTreeMap<Account, BalanceRow>, StoreError> {
        let mut rows = std::collections::BTreeMap::new();
        let mut missing = Vec::new();
        {
            let mut cache = self.cache.lock();
            for account in accounts {
                match cache.balances.get(&account) {
                    Some(row) => {
                        rows.insert(account, row.clone());
                    }
                    None => missing.push(account),
                }
            }
        }
        rows.extend(self.balance_rows(missing)?);
        Ok(rows)
    }
}
