//! The rows that commits insert, with the places that the writer gives them, and its statements.

use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use marketplace_store_rows::{
    EffectRow, EventRow, IdempotencyRow, ListingRow, NonceRow, OrderChange, OrderRow, PostingRow,
    TimerRow,
};

use crate::cache::BalanceRow;
use crate::statement::{insert, statement};

pub(crate) struct NewOrder {
    pub(crate) position: i64,
    pub(crate) row: OrderRow,
    pub(crate) bought_before: Option<i64>,
    pub(crate) sold_before: Option<i64>,
}

insert!(NewOrder => "orders" {
    "position": position as BigInt,
    "id": row.id as Text,
    "version": row.version as BigInt,
    "buyer": row.buyer as Text,
    "seller": row.seller as Text,
    "listing": row.listing as Text,
    "status": row.status as Text,
    "phase": row.phase as Text,
    "price": row.price as BigInt,
    "fee": row.fee as BigInt,
    "total": row.total as BigInt,
    "escrow": row.escrow as BigInt,
    "created_at": row.created_at as BigInt,
    "service": row.service as Text,
    "terms": row.terms as Text,
    "checks": row.checks as Nullable<Binary>,
    "state": row.state as Text,
    "bought_before": bought_before as Nullable<BigInt>,
    "sold_before": sold_before as Nullable<BigInt>,
} "");

statement! {
    /// The next version of an order.
    UpdateOrder { row: &'a OrderChange, read: i64 } =
    "UPDATE orders SET version = " row.version as BigInt,
    ", status = " row.status as Text,
    ", phase = " row.phase as Text,
    ", escrow = " row.escrow as BigInt,
    ", state = " row.state as Text,
    " WHERE id = " row.id as Text,
    " AND version = " read as BigInt,
}

pub(crate) struct NewChecks {
    pub(crate) sha256: Vec<u8>,
    pub(crate) body: String,
}

insert!(NewChecks => "checks" {
    "sha256": sha256 as Binary,
    "body": body as Text,
} " ON CONFLICT (sha256) DO NOTHING");

pub(crate) struct NewListing {
    pub(crate) position: i64,
    pub(crate) row: ListingRow,
}

insert!(NewListing => "listings" {
    "position": position as BigInt,
    "id": row.id as Text,
    "version": row.version as BigInt,
    "provider": row.provider as Text,
    "status": row.status as Text,
    "price": row.price as BigInt,
    "created_at": row.created_at as BigInt,
    "data": row.data as Text,
} "");

#[derive(Debug)]
pub(crate) struct NewPosting {
    pub(crate) position: i64,
    pub(crate) row: PostingRow,
    pub(crate) batch: i64,
    pub(crate) balance: Option<i64>,
    pub(crate) previous: Option<i64>,
}

insert!(NewPosting => "postings" {
    "position": position as BigInt,
    "entry": row.entry as Text,
    "line": row.line as BigInt,
    "lines": row.lines as BigInt,
    "account": row.account as Text,
    "delta": row.delta as BigInt,
    "kind": row.kind as Text,
    "reason": row.reason as Text,
    "at": row.at as BigInt,
    "batch": batch as BigInt,
    "balance": balance as Nullable<BigInt>,
    "previous": previous as Nullable<BigInt>,
} "");

insert!(BalanceRow => "balances" {
    "account": account as Text,
    "amount": amount as BigInt,
    "last_posting": last_posting as Nullable<BigInt>,
    "last_bought": last_bought as Nullable<BigInt>,
    "last_sold": last_sold as Nullable<BigInt>,
    "payout_at": payout_at as Nullable<BigInt>,
    "exposure": exposure as BigInt,
} " ON CONFLICT (account) DO UPDATE SET amount = excluded.amount, \
   last_posting = excluded.last_posting, last_bought = excluded.last_bought, \
   last_sold = excluded.last_sold, payout_at = excluded.payout_at, \
   exposure = excluded.exposure");

pub(crate) struct NewSum {
    pub(crate) account: String,
    pub(crate) amount: i64,
}

insert!(NewSum => "sums" {
    "account": account as Text,
    "amount": amount as BigInt,
} " ON CONFLICT (account) DO UPDATE SET amount = excluded.amount");

#[derive(Debug)]
pub(crate) struct NewEvent {
    pub(crate) position: i64,
    pub(crate) row: EventRow,
    pub(crate) batch: i64,
}

insert!(NewEvent => "events" {
    "position": position as BigInt,
    "id": row.id as Text,
    "subject": row.subject as Text,
    "name": row.name as Text,
    "audience": row.audience as Text,
    "at": row.at as BigInt,
    "data": row.data as Text,
    "batch": batch as BigInt,
} "");

// Set again, a timer is nobody's.
insert!(TimerRow => "timers" {
    "subject": subject as Text,
    "kind": kind as Text,
    "sequence": sequence as BigInt,
    "due": due as BigInt,
} " ON CONFLICT (subject, kind) DO UPDATE SET sequence = excluded.sequence, due = excluded.due, \
   leased_until = 0, lease_owner = NULL");

statement! {
    /// Takes a timer away.
    ClearTimer { subject: &'a str, kind: &'a str } =
    "DELETE FROM timers WHERE subject = " subject as Text,
    " AND kind = " kind as Text,
}

insert!(EffectRow => "outbox" {
    "id": id as Text,
    "work": work as Text,
    "due": due as BigInt,
    "attempts": attempts as BigInt,
} "");

statement! {
    /// Puts work that failed back, for anybody.
    RetryEffect { id: &'a str, due: i64, attempts: i64, error: &'a str } =
    "UPDATE outbox SET leased_until = 0, lease_owner = NULL, due = " due as BigInt,
    ", attempts = " attempts as BigInt,
    ", error = " error as Text,
    " WHERE id = " id as Text,
}

statement! {
    /// Takes work away that is done.
    FinishEffect { id: &'a str } =
    "DELETE FROM outbox WHERE id = " id as Text,
}

pub(crate) struct NewAnswer {
    pub(crate) position: i64,
    pub(crate) row: IdempotencyRow,
}

insert!(NewAnswer => "idempotency" {
    "position": position as BigInt,
    "caller": row.caller as Text,
    "route": row.route as Text,
    "key": row.key as Text,
    "body_sha256": row.body_sha256 as Binary,
    "reply": row.reply as Text,
    "expires_at": row.expires_at as BigInt,
} "");

pub(crate) struct NewNonce {
    pub(crate) position: i64,
    pub(crate) row: NonceRow,
}

insert!(NewNonce => "nonces" {
    "position": position as BigInt,
    "signer": row.signer as Text,
    "value": row.value as Text,
    "expires_at": row.expires_at as BigInt,
} "");

pub(crate) struct NewBlob {
    pub(crate) order_id: String,
    pub(crate) sha256: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
}

// The same bytes may be handed in again.
insert!(NewBlob => "blobs" {
    "order_id": order_id as Text,
    "sha256": sha256 as Binary,
    "bytes": bytes as Binary,
} " ON CONFLICT (order_id, sha256) DO NOTHING");

#[derive(Debug)]
pub(crate) struct NewBatch {
    pub(crate) position: i64,
    pub(crate) id: String,
    pub(crate) at: i64,
    pub(crate) outcomes: String,
    pub(crate) hash: Vec<u8>,
}

insert!(NewBatch => "batches" {
    "position": position as BigInt,
    "id": id as Text,
    "at": at as BigInt,
    "outcomes": outcomes as Text,
    "hash": hash as Binary,
} "");
