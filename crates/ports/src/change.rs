//! The change set: everything that one command writes, in one commit or not at all.

use std::sync::Arc;

use marketplace_escrow::Order;
use marketplace_ledger::{Account, Entry};
use marketplace_listings::Listing;
use marketplace_money::{
    Amount, CommandId, DepositId, Did, DisputeId, ListingId, OrderId, Timestamp, WithdrawalId,
};
use uuid::Uuid;

use crate::{
    Agent, ApiKey, Blob, Deposit, Docket, EffectChange, Event, Exhibit, IdempotencyKey,
    IdempotencyRecord, Juror, Motion, Nonce, OrderReviews, Task, TaskKey, TegRecord,
    TegTransactionId, TimerChange, Withdrawal,
};

/// Something that a command reads before it decides.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// What was answered to an attempt.
    Idempotency(IdempotencyKey),
    /// Whether a nonce was used.
    Nonce(Nonce),
    /// What is known of a transfer at the TEG.
    TegTransaction(TegTransactionId),
    /// An order.
    Order(OrderId),
    /// A listing.
    Listing(ListingId),
    /// What is remembered of an agent.
    Agent(Did),
    /// A withdrawal.
    Withdrawal(WithdrawalId),
    /// A deposit.
    Deposit(DepositId),
    /// An API key, by the hash of its secret.
    ApiKey([u8; 32]),
    /// What is kept of an agent protocol's task.
    Task(TaskKey),
    /// What operators propose.
    Motion(Uuid),
    /// A dispute.
    Dispute(DisputeId),
    /// What is known of an agent as a juror.
    Juror(Did),
    /// What the parties of an order say of each other.
    Reviews(OrderId),
    /// A balance that has a row ([`Account::has_balance_row`]); of an agent also its exposure.
    Balance(Account),
    /// How many listings there are, active or paused.
    ListingCount,
}

/// A row that a command writes: the version that it read (0: there was none), and what it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<T> {
    /// The version that was read.
    pub read: u64,
    /// With version `read + 1`.
    pub row: Arc<T>,
}

/// Everything that one command writes. Balances are not here: they follow from the entries.
#[derive(Clone, Debug, Default)]
pub struct ChangeSet {
    /// Versions of rows that the decision relied on and does not write (0: there was none).
    pub reads: Vec<(Key, u64)>,
    /// Orders.
    pub orders: Vec<Change<Order>>,
    /// Listings.
    pub listings: Vec<Change<Listing>>,
    /// Agents.
    pub agents: Vec<Change<Agent>>,
    /// Withdrawals.
    pub withdrawals: Vec<Change<Withdrawal>>,
    /// Deposits.
    pub deposits: Vec<Change<Deposit>>,
    /// API keys.
    pub api_keys: Vec<Change<ApiKey>>,
    /// Tasks of agent protocols.
    pub tasks: Vec<Change<Task>>,
    /// What operators propose.
    pub motions: Vec<Change<Motion>>,
    /// Disputes.
    pub disputes: Vec<Change<Docket>>,
    /// Jurors.
    pub jurors: Vec<Change<Juror>>,
    /// What parties say of each other.
    pub reviews: Vec<Change<OrderReviews>>,
    /// What the open escrow of sellers changes by, and what it may not exceed.
    pub exposures: Vec<ExposureChange>,
    /// What the number of listings changes by, and what it may not exceed.
    pub listing_count: Option<CountChange>,
    /// Money. No account with a balance row may end below zero.
    pub entries: Vec<Entry>,
    /// What is known of transfers at the TEG: each has one row for ever.
    pub teg_records: Vec<Change<TegRecord>>,
    /// Facts.
    pub events: Vec<Event>,
    /// Clocks.
    pub timers: Vec<TimerChange>,
    /// Work for afterwards.
    pub effects: Vec<EffectChange>,
    /// The answer to remember.
    pub idempotency: Option<(IdempotencyKey, IdempotencyRecord)>,
    /// A nonce to use up, until the instant when it may be forgotten.
    pub nonce: Option<(Nonce, Timestamp)>,
    /// Bytes of deliveries.
    pub blobs: Vec<Blob>,
    /// Bytes of disputes.
    pub exhibits: Vec<Exhibit>,
}

/// A change of a counter under a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountChange {
    /// Added.
    pub delta: i64,
    /// The result may not be above this, if `delta` is above zero.
    pub limit: i64,
}

/// A change of a seller's open escrow: what others have waiting on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExposureChange {
    /// Whose.
    pub seller: Did,
    /// Added; negative when an order ends.
    pub delta: Amount,
    /// The result may not be above this, if `delta` is above zero.
    pub limit: Option<Amount>,
}

/// Change sets that are committed together, in order.
#[derive(Clone, Debug)]
pub struct Batch {
    /// A row of the commit: by it a lost answer is resolved.
    pub id: Uuid,
    /// The snapshot that the sets were decided on.
    pub snapshot: Snapshot,
    /// In the order in which they were decided; later ones saw earlier ones.
    pub sets: Vec<(CommandId, ChangeSet)>,
}

/// Which state of the store a view shows. Lets a store with one writer skip the second look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot(pub u64);

/// What became of one change set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// Written.
    Committed,
    /// Something that it read has moved: decide again.
    Conflict,
}
