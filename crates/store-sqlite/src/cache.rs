//! What the writer remembers of the database. It alone writes, so what it remembers is true.

use std::mem::size_of;
use std::sync::Arc;

use diesel::prelude::*;
use marketplace_escrow::Order;
use marketplace_ledger::Account;
use marketplace_listings::Listing;
use marketplace_money::{Did, ListingId, OrderId};
use marketplace_ports::{Agent, IdempotencyKey, IdempotencyRecord, Nonce};
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

/// Nothing under a key is remembered too: most keys of purchases and answers are new.
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
