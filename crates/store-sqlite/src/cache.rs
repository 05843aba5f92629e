//! What is remembered of the database. The writer alone writes, so what it remembers is true; who
//! decides while a commit is on its way sees it as it was before.

use std::collections::HashSet;
use std::mem::size_of;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use diesel::prelude::*;
use marketplace_escrow::Order;
use marketplace_ledger::Account;
use marketplace_listings::Listing;
use marketplace_money::{Amount, Did, ListingId, OrderId};
use marketplace_ports::{Agent, IdempotencyKey, IdempotencyRecord, Key, Nonce, View};
use marketplace_store_rows::{Recent, tables};

const MEBIBYTE: usize = 1 << 20;
/// What an entry of a map costs beside its content.
const ENTRY: usize = 96;

/// A balance, and the ends of an agent's lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = tables::balances)]
pub(crate) struct BalanceRow {
    pub(crate) account: String,
    pub(crate) amount: i64,
    pub(crate) last_posting: Option<i64>,
    pub(crate) last_bought: Option<i64>,
    pub(crate) last_sold: Option<i64>,
    pub(crate) payout_at: Option<i64>,
    pub(crate) exposure: i64,
}

impl BalanceRow {
    pub(crate) fn show(&self, account: Account, view: &mut View) {
        if let Account::Agent(did) = &account {
            view.exposures.insert(did.clone(), Amount::from_nano(self.exposure));
        }
        view.balances.insert(account, Amount::from_nano(self.amount));
    }
}

/// One memory for the writer and for those who decide.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedCache(Arc<Mutex<Cache>>);

impl SharedCache {
    /// Held for moments, never while the database works.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Cache> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing under a key is remembered too: most keys of purchases and answers are new.
#[derive(Debug)]
pub(crate) struct Cache {
    pub(crate) orders: Recent<OrderId, Option<Arc<Order>>>,
    pub(crate) listings: Recent<ListingId, Option<Arc<Listing>>>,
    pub(crate) agents: Recent<Did, Option<Arc<Agent>>>,
    pub(crate) balances: Recent<Account, BalanceRow>,
    pub(crate) answers: Recent<IdempotencyKey, Option<IdempotencyRecord>>,
    pub(crate) nonces: Recent<Nonce, bool>,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            orders: Recent::new(12 * MEBIBYTE, |_, order| {
                let checks = order.as_ref().map_or(0, |order| order.terms.checks.len());
                ENTRY + size_of::<Order>() + 512 + checks
            }),
            listings: Recent::new(12 * MEBIBYTE, |_, listing| {
                let texts = listing.as_ref().map_or(0, |listing| {
                    let offer = &listing.offer;
                    let words = offer.name.len() + offer.description.len() + offer.metadata.len();
                    words + offer.terms.checks.len()
                });
                ENTRY + size_of::<Listing>() + texts
            }),
            agents: Recent::new(4 * MEBIBYTE, |_, _| ENTRY + size_of::<Agent>() + 64),
            balances: Recent::new(4 * MEBIBYTE, |_, _| ENTRY + size_of::<BalanceRow>() + 160),
            answers: Recent::new(4 * MEBIBYTE, |key, record| {
                let reply = record.as_ref().map_or(0, |record| record.reply.len());
                ENTRY + size_of::<IdempotencyRecord>() + 160 + key.key.len() + reply
            }),
            nonces: Recent::new(2 * MEBIBYTE, |nonce, _| ENTRY + 96 + nonce.value.len()),
        }
    }
}

impl Cache {
    /// Puts what is remembered under a key into the view; says whether it was.
    pub(crate) fn recall(&mut self, key: &Key, view: &mut View) -> bool {
        match key {
            Key::Order(id) => {
                let Some(known) = self.orders.get(id) else { return false };
                view.orders.extend(known.clone().map(|order| (*id, order)));
            }
            Key::Listing(id) => {
                let Some(known) = self.listings.get(id) else { return false };
                view.listings.extend(known.clone().map(|listing| (*id, listing)));
            }
            Key::Agent(did) => {
                let Some(known) = self.agents.get(did) else { return false };
                view.agents.extend(known.clone().map(|agent| (did.clone(), agent)));
            }
            Key::Balance(account) => {
                let Some(row) = self.balances.get(account) else { return false };
                row.show(account.clone(), view);
            }
            Key::Idempotency(key) => {
                let Some(known) = self.answers.get(key) else { return false };
                view.idempotency.extend(known.clone().map(|record| (key.clone(), record)));
            }
            Key::Nonce(nonce) => {
                let Some(used) = self.nonces.get(nonce) else { return false };
                view.nonces.extend(used.then(|| nonce.clone()));
            }
            _ => return false,
        }
        true
    }

    /// A view of all these keys, without the database. Answers and nonces that are not remembered
    /// are taken for new: the commit finds those that are not.
    pub(crate) fn recall_all(&mut self, keys: &HashSet<Key>) -> Option<View> {
        let mut view = View::default();
        let is_known = |key: &Key| {
            self.recall(key, &mut view) || matches!(key, Key::Idempotency(_) | Key::Nonce(_))
        };
        let all = keys.iter().all(is_known);
        // Who was answered before gets that answer, which is none of a view that may be outdated.
        let is_fresh = view.idempotency.is_empty() && view.nonces.is_empty();
        (all && is_fresh).then_some(view)
    }
}
