//! What an operator sees of the invariants.

use std::collections::BTreeMap;

use marketplace_engine::Reserves;
use marketplace_ports::Audit;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Money;

/// The invariants over everything, and what breaks them.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditBody {
    /// Nothing is wrong.
    pub ok: bool,
    /// What is wrong, in words.
    pub breaches: Vec<String>,
    /// Sums over the journal by kind of account; they sum to 0.
    pub totals: BTreeMap<String, Money>,
    /// Entries whose postings do not sum to 0.
    pub unbalanced_entries: u64,
    /// Balances that differ from the journal.
    pub wrong_balances: u64,
    /// Orders whose escrow differs from the journal.
    pub wrong_escrows: u64,
    /// Withdrawals whose held amount differs from the journal.
    pub wrong_withdrawals: u64,
    /// Living orders without a clock.
    pub orders_without_timer: u64,
    /// Batches that break the hash chain.
    pub broken_hashes: u64,
    /// How many orders there are.
    pub orders: u64,
    /// How many postings there are.
    pub postings: u64,
    /// Timers that are more than a minute late.
    pub late_timers: u64,
    /// Work of the outbox that is not done.
    pub open_effects: u64,
    /// What the TEG holds for us, and what our books say of it; absent when the TEG is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserves: Option<ReservesBody>,
}

/// The TEG against our books; at rest the two are equal.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReservesBody {
    /// At the TEG, available and staked.
    pub held: Money,
    /// By our books.
    pub booked: Money,
}

impl AuditBody {
    /// The result of an audit.
    #[must_use]
    pub fn new(audit: &Audit, reserves: Option<Reserves>) -> Self {
        let breaches = audit.breaches();
        let total = |(name, amount): &(String, _)| (name.clone(), Money(*amount));
        Self {
            ok: breaches.is_empty(),
            breaches,
            totals: audit.totals.iter().map(total).collect(),
            unbalanced_entries: audit.unbalanced_entries,
            wrong_balances: audit.wrong_balances,
            wrong_escrows: audit.wrong_escrows,
            wrong_withdrawals: audit.wrong_withdrawals,
            orders_without_timer: audit.orders_without_timer,
            broken_hashes: audit.broken_hashes,
            orders: audit.orders,
            postings: audit.postings,
            late_timers: audit.late_timers,
            open_effects: audit.open_effects,
            reserves: reserves.map(|reserves| ReservesBody {
                held: Money(reserves.held),
                booked: Money(reserves.booked),
            }),
        }
    }
}
