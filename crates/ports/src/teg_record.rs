//! What we know of a transfer at the TEG: one row for each, for ever. It is what makes a transfer
//! count once, and what a purchase is decided on that names a transfer.

use std::sync::Arc;

use marketplace_ledger::Account;
use marketplace_money::{Amount, Did, EntryId, Timestamp};

use crate::{Subject, TegTransactionId};

/// Where a transfer stands with us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TegRecordState {
    /// The TEG shows it and has not completed it.
    Pending,
    /// It is over, and moved nothing.
    Failed,
    /// It completed and fits nothing of ours, such as a second transfer for one withdrawal: an
    /// alarm, until an operator has explained it.
    Unmatched,
    /// This entry books it.
    Booked(EntryId),
}

/// A transfer at the TEG to or from us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TegRecord {
    /// The TEG's name of it.
    pub id: TegTransactionId,
    /// From 1.
    pub version: u64,
    /// Where it stands.
    pub state: TegRecordState,
    /// Who paid us. Nothing for what we paid, and for our opening balance.
    pub payer: Option<Did>,
    /// What arrived; of ours, what left, with the TEG's fee.
    pub amount: Amount,
    /// What the TEG holds for us beyond that, in atto-AVT below one nano-AVT.
    pub dust: u32,
    /// As its sender wrote it.
    pub memo: String,
    /// When it completed, or was seen.
    pub at: Timestamp,
    /// What it paid for: an order, a deposit intent, a withdrawal, or the command that claimed it
    /// for the wallet. Set once.
    pub used_for: Option<Subject>,
}

/// Our side of the account at the TEG, from one snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TegPosition {
    /// What the TEG holds for us by our books: minus the balance of `teg`.
    pub booked: Amount,
    /// The dust of all transfers, in atto-AVT: it is at the TEG and in no book.
    pub dust: u64,
    /// Held by withdrawals that were sent and have no answer.
    pub unconfirmed: Amount,
    /// Held by withdrawals that were not sent yet.
    pub queued: Amount,
    /// Transfers that fit nothing of ours; the first hundred by id.
    pub unmatched: Vec<Arc<TegRecord>>,
}

/// What we owe under one account: an agent's balance, an order's escrow, a bond, tokens in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Liability {
    /// Such as `agent:did:key:z6Mk…` or `order:…`.
    pub account: Account,
    /// Above zero.
    pub amount: Amount,
}

/// Takes liabilities, a part of them at a time, in no order.
pub type LiabilitySink = Arc<dyn Fn(Vec<Liability>) + Send + Sync>;

/// Of which state liabilities are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiabilitiesAt {
    /// When.
    pub at: Timestamp,
    /// What the TEG holds for us by our books at that moment.
    pub booked: Amount,
}
