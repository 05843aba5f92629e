//! The store: state, journal, events, timers and outbox in one atomic place.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use marketplace_escrow::{Order, OrderStatus};
use marketplace_ledger::{Account, EntryKind};
use marketplace_listings::Listing;
use marketplace_money::{
    Amount, DepositId, Did, DisputeId, EntryId, Gaps, ListingId, OrderId, Seconds, Timestamp,
    WithdrawalId,
};
use uuid::Uuid;

use crate::{
    Agent, ApiKey, Batch, CommitOutcome, Deposit, DisputeStore, Docket, Effect, IdempotencyKey,
    IdempotencyRecord, Juror, Key, LiabilitiesAt, LiabilitySink, Motion, Nonce, OrderReviews,
    PayoutPolicy, SealedEvent, Snapshot, Task, TaskKey, TegPosition, TegRecord, TegTransactionId,
    Timer, Withdrawal,
};

/// The part of the state that a batch of commands asked for, all from one snapshot. What does not
/// exist is not in its map.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The store's clock when the view was loaded; never goes back.
    pub now: Timestamp,
    /// Our downtime.
    pub gaps: Gaps,
    /// Which state this is.
    pub snapshot: Snapshot,
    /// Orders.
    pub orders: HashMap<OrderId, Arc<Order>>,
    /// Listings.
    pub listings: HashMap<ListingId, Arc<Listing>>,
    /// Agents that did something before.
    pub agents: HashMap<Did, Arc<Agent>>,
    /// Withdrawals.
    pub withdrawals: HashMap<WithdrawalId, Arc<Withdrawal>>,
    /// Deposits.
    pub deposits: HashMap<DepositId, Arc<Deposit>>,
    /// API keys.
    pub api_keys: HashMap<[u8; 32], Arc<ApiKey>>,
    /// Tasks of agent protocols.
    pub tasks: HashMap<TaskKey, Arc<Task>>,
    /// What operators propose.
    pub motions: HashMap<Uuid, Arc<Motion>>,
    /// Disputes.
    pub disputes: HashMap<DisputeId, Arc<Docket>>,
    /// Agents that are or were jurors.
    pub jurors: HashMap<Did, Arc<Juror>>,
    /// What parties say of each other.
    pub reviews: HashMap<OrderId, Arc<OrderReviews>>,
    /// The open escrow of sellers, with their balances; the same.
    pub exposures: HashMap<Did, Amount>,
    /// Balances that are not zero, and perhaps some that are.
    pub balances: HashMap<Account, Amount>,
    /// Answers given before.
    pub idempotency: HashMap<IdempotencyKey, IdempotencyRecord>,
    /// Nonces used before.
    pub nonces: HashSet<Nonce>,
    /// What is known of transfers at the TEG.
    pub teg_records: HashMap<TegTransactionId, Arc<TegRecord>>,
    /// How many listings there are, active or paused; only when asked for.
    pub listing_count: i64,
}

/// Why a store did not do what was asked. Conflicts are outcomes, not errors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written; ask again later.
    #[error("the store cannot answer now: {0}")]
    Unavailable(String),
    /// It may have been written: ask [`Store::outcome`] by the batch's id.
    #[error("the store's answer was lost: {0}")]
    Unknown(String),
    /// The database refuses what is in the batch; nothing was written. Smaller batches may go.
    #[error("the store refused the batch: {0}")]
    Rejected(String),
    /// A row is not what we write. Somebody else did, or we have a bug.
    #[error("a stored row cannot be read: {0}")]
    Corrupt(String),
}

/// A page of something, newest first unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page<T> {
    /// What was found. May be fewer than asked for, even none, before the end: a store looks only
    /// so far for what is rare.
    pub items: Vec<T>,
    /// Where to go on; nothing at the end.
    pub next: Option<u64>,
}

/// Which orders of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderFilter {
    /// Whose.
    pub agent: Did,
    /// As a seller, else as a buyer.
    pub as_seller: bool,
    /// Only these.
    pub status: Option<OrderStatus>,
    /// From an earlier page.
    pub cursor: Option<u64>,
    /// At most.
    pub limit: u32,
}

/// A line of an agent's statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementLine {
    /// Its place in the journal.
    pub position: u64,
    /// Which entry.
    pub entry: EntryId,
    /// What for.
    pub kind: EntryKind,
    /// The other accounts that the entry moves.
    pub others: Vec<Account>,
    /// What it did to the agent's balance.
    pub delta: Amount,
    /// The agent's balance after it.
    pub balance: Amount,
    /// In words; inert text.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// What an agent has with us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalletSums {
    /// To spend or withdraw.
    pub available: Amount,
    /// In open orders that it bought.
    pub in_escrow: Amount,
    /// In disputes and locked as collateral.
    pub in_bonds: Amount,
    /// On its way to the TEG.
    pub in_flight: Amount,
}

/// Invariants over the whole store; each must be what its name says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Sums over the journal by account kind: `agent`, `order`, `fees:transaction`, `teg`, ….
    /// Must sum to zero.
    pub totals: Vec<(String, Amount)>,
    /// Entries whose postings do not sum to zero. Must be none.
    pub unbalanced_entries: u64,
    /// Balance rows that differ from the journal. Must be none.
    pub wrong_balances: u64,
    /// Orders whose escrow differs from the journal, terminal ones with escrow included. Must be
    /// none.
    pub wrong_escrows: u64,
    /// Sellers whose exposure differs from the escrow of their orders. Must be none.
    pub wrong_exposures: u64,
    /// Withdrawals whose held amount differs from the journal. Must be none.
    pub wrong_withdrawals: u64,
    /// Disputes that hold something else than the journal says, closed ones that hold anything, and
    /// accounts of disputes that there are not. Must be none.
    pub wrong_disputes: u64,
    /// Open disputes without a timer, or about an order that is not disputed, and disputed orders
    /// without an open dispute. Must be none.
    pub stray_disputes: u64,
    /// Living orders without a timer that are not disputed. Must be none.
    pub orders_without_timer: u64,
    /// Batches whose hash does not follow from the one before and their rows. Must be none.
    pub broken_hashes: u64,
    /// How many orders there are.
    pub orders: u64,
    /// How many postings there are.
    pub postings: u64,
    /// Timers that are more than a minute late. None, while a worker runs.
    pub late_timers: u64,
    /// Outbox rows not done.
    pub open_effects: u64,
}

impl Audit {
    /// What is wrong, in words; empty when all is well.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        let mut breaches = Vec::new();
        match Amount::checked_sum(self.totals.iter().map(|(_, amount)| *amount)) {
            Some(sum) if sum.is_zero() => {}
            sum => breaches.push(format!("all accounts sum to {sum:?}, not to zero")),
        }
        let counts = [
            (self.unbalanced_entries, "entries do not balance"),
            (self.wrong_balances, "balances differ from the journal"),
            (self.wrong_escrows, "escrows differ from the journal"),
            (self.wrong_exposures, "exposures differ from the open orders"),
            (self.wrong_withdrawals, "withdrawals differ from the journal"),
            (self.wrong_disputes, "disputes differ from the journal"),
            (self.stray_disputes, "disputes and orders are not at one, or have no timer"),
            (self.orders_without_timer, "living orders have no timer"),
            (self.broken_hashes, "batches break the hash chain"),
        ];
        for (count, what) in counts {
            if count > 0 {
                breaches.push(format!("{count} {what}"));
            }
        }
        breaches
    }
}

/// Work of the outbox that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadEffect {
    /// What it was.
    pub effect: Effect,
    /// Why it failed the last time.
    pub error: String,
}

/// The oldest work that nobody has set aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dues {
    /// When a timer is due.
    pub timer: Option<Timestamp>,
    /// When work of the outbox is due.
    pub effect: Option<Timestamp>,
}

impl Dues {
    /// The earlier one.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.timer.into_iter().chain(self.effect).min()
    }
}

/// How long, and for whom, work is set aside.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// The worker.
    pub owner: Uuid,
    /// After that another worker may take it.
    pub duration: Seconds,
}

/// State, journal, events, timers and outbox. Every write goes through [`Store::commit`], but for
/// leases, heartbeats and secrets, which are no state of the market.
///
/// Times are the store's own: its clock never goes back.
#[async_trait]
pub trait Store: DisputeStore {
    /// Loads what a batch asks for, all from one snapshot.
    async fn load(&self, keys: &HashSet<Key>) -> Result<View, StoreError>;

    /// The same from memory, at once: perhaps outdated, and with answers and nonces taken for new.
    /// What is decided on it counts only if its commit holds, which looks at what is there; a
    /// refusal on it counts nothing. Nothing where not all of it is remembered.
    fn recall(&self, keys: &HashSet<Key>) -> Option<View> {
        let _ = keys;
        None
    }

    /// Writes what still holds ([`crate::admit`]), atomically; says for each set what became of
    /// it. What a set touches is checked whether or not it was loaded. A batch that was written
    /// before is not written again: the answer is what became of it then.
    async fn commit(&self, batch: Batch) -> Result<Vec<CommitOutcome>, StoreError>;

    /// What became of a batch whose answer was lost. Nothing when it was not written, and then it
    /// never will be: should it still be on its way, all of it is a conflict when it arrives.
    async fn outcome(&self, batch: Uuid) -> Result<Option<Vec<CommitOutcome>>, StoreError>;

    /// The store's clock.
    async fn now(&self) -> Result<Timestamp, StoreError>;

    /// The store's clock and our downtime until then: to say what a deadline is worth.
    async fn clock(&self) -> Result<(Timestamp, Gaps), StoreError>;

    /// Sets aside timers that are due, oldest first. A leased timer is not given out again
    /// before its lease ends.
    async fn lease_timers(&self, lease: Lease, limit: u32) -> Result<Vec<Timer>, StoreError>;

    /// Sets aside work of the outbox that is due, oldest first.
    async fn lease_effects(&self, lease: Lease, limit: u32) -> Result<Vec<Effect>, StoreError>;

    /// Sets a periodic job aside for one process: true when nobody else holds it; then its holder
    /// keeps it until the lease ends, and may ask again to keep it longer. Such jobs are
    /// idempotent: a holder that is slow does no harm. A store that belongs to one process may
    /// forget all holders with it.
    async fn lease_job(&self, name: &str, lease: Lease) -> Result<bool, StoreError>;

    /// Gives back everything that an owner has set aside, timers, work and jobs: when it stops,
    /// others need not wait for its leases to end.
    async fn release_leases(&self, owner: Uuid) -> Result<(), StoreError>;

    /// Work of the outbox that was given up ([`Effect::NEVER`]), for an operator to look at.
    async fn dead_effects(&self, limit: u32) -> Result<Vec<DeadEffect>, StoreError>;

    /// When the next timer and the next effect are due that nobody has leased. What was given up
    /// is never due.
    async fn dues(&self) -> Result<Dues, StoreError>;

    /// A server's sign of life. A silence of all servers of at least 30 s before it becomes a
    /// gap.
    async fn heartbeat(&self, server: Uuid) -> Result<(), StoreError>;

    /// The last sign of life of any server; nothing before the first.
    async fn last_heartbeat(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Forgets answers, nonces and tasks whose time is over, about as many as `limit`; says how many. A
    /// store that forgets in its commits has nothing to do.
    async fn forget(&self, limit: u32) -> Result<u64, StoreError>;

    /// Puts away the history of commits before an instant, oldest first and about `limit` commits
    /// at a time; says of how many. Their postings and events are gone then, at once or some day:
    /// statements and the feed begin behind them. What accounts held by then stays as their
    /// opening balance, and digests and hashes stay: audits, sums and balances are as before. The
    /// newest commit always stays. A store that keeps everything has nothing to do.
    async fn retire(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let _ = (before, limit);
        Ok(0)
    }

    /// A key shared by all servers: the first `fresh` ever given under this name.
    async fn secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError>;

    /// A text that a leased job remembers, such as its place in the TEG's history.
    async fn note(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Remembers such a text. Jobs that use it are idempotent, so the last one wins.
    async fn set_note(&self, name: &str, value: &str) -> Result<(), StoreError>;

    /// Events after a position, in order. What has a position stays where it is, and nothing is
    /// ever put before it.
    async fn events_after(&self, position: u64, limit: u32)
    -> Result<Vec<SealedEvent>, StoreError>;

    /// Of the events after a position those whose audience holds an agent, in order. Fewer than
    /// `limit` only when there are no more of them yet. Its cost does not grow with the events of
    /// others.
    async fn events_for(
        &self,
        did: &Did,
        position: u64,
        limit: u32,
    ) -> Result<Vec<SealedEvent>, StoreError>;

    /// The position of the last event; 0 when there is none.
    async fn feed_head(&self) -> Result<u64, StoreError>;

    /// Resolves when there may be events after a position. Only a wake-up: it may come for
    /// nothing, and it may be lost, so that who waits looks now and then as well.
    async fn await_events(&self, position: u64);

    /// Whether other processes write to this store too.
    fn is_shared(&self) -> bool;

    /// One order.
    async fn order(&self, id: OrderId) -> Result<Option<Arc<Order>>, StoreError>;

    /// An agent's orders, newest first.
    async fn orders(&self, filter: &OrderFilter) -> Result<Page<Arc<Order>>, StoreError>;

    /// All orders, newest first: for operators.
    async fn all_orders(
        &self,
        status: Option<OrderStatus>,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<Order>>, StoreError>;

    /// The bytes of an order's delivery by their hash.
    async fn blob(&self, order: OrderId, sha256: [u8; 32])
    -> Result<Option<Arc<[u8]>>, StoreError>;

    /// One listing.
    async fn listing(&self, id: ListingId) -> Result<Option<Arc<Listing>>, StoreError>;

    /// Active listings in the order of their making, with their provider's reputation: to build
    /// the index from.
    async fn active_listings(
        &self,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<(Arc<Listing>, Arc<Agent>)>, StoreError>;

    /// A provider's listings in every status, newest first; a cursor is a place.
    async fn listings_of(
        &self,
        provider: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<Listing>>, StoreError>;

    /// What is remembered of an agent.
    async fn agent(&self, did: &Did) -> Result<Option<Arc<Agent>>, StoreError>;

    /// An API key by the hash of its secret.
    async fn api_key(&self, sha256: &[u8; 32]) -> Result<Option<Arc<ApiKey>>, StoreError>;

    /// An agent's API keys, the revoked ones too; at most `limit`, in no order.
    async fn api_keys(&self, agent: &Did, limit: u32) -> Result<Vec<Arc<ApiKey>>, StoreError>;

    /// One motion of the operators.
    async fn motion(&self, id: Uuid) -> Result<Option<Arc<Motion>>, StoreError>;

    /// Motions of the operators, greatest id first, below one of them.
    async fn motions(
        &self,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Arc<Motion>>, StoreError>;
    /// Reviews of orders that an agent is a party of, the last first given first; a cursor is a
    /// place.
    async fn reviews_of(
        &self,
        agent: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<OrderReviews>>, StoreError>;

    /// What is kept of a task.
    async fn task(&self, key: &TaskKey) -> Result<Option<Arc<Task>>, StoreError>;

    /// An agent's tasks that are kept, those that changed last first, behind one of them as it was
    /// read; at most `limit`.
    async fn tasks(
        &self,
        owner: &Did,
        after: Option<&Task>,
        limit: u32,
    ) -> Result<Vec<Arc<Task>>, StoreError>;

    /// What is kept for ever ([`Task::FOR_EVER`]), of one agent or of all, by key as text, after one
    /// of them; at most `limit`.
    async fn lasting_tasks(
        &self,
        owner: Option<&Did>,
        after: Option<&TaskKey>,
        limit: u32,
    ) -> Result<Vec<Arc<Task>>, StoreError>;
    /// What the parties of an order say of each other.
    async fn reviews(&self, order: OrderId) -> Result<Option<Arc<OrderReviews>>, StoreError>;
    /// The escrow of the open orders that an agent sold.
    async fn exposure(&self, seller: &Did) -> Result<Amount, StoreError>;

    /// What an agent has with us.
    async fn wallet(&self, did: &Did) -> Result<WalletSums, StoreError>;

    /// An agent's statement, newest first.
    async fn statement(
        &self,
        did: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<StatementLine>, StoreError>;

    /// Agents whose balance their payout policy wants paid out, with that balance.
    async fn payouts_due(&self, limit: u32)
    -> Result<Vec<(Did, PayoutPolicy, Amount)>, StoreError>;

    /// The sum of an account over the journal.
    async fn account_sum(&self, account: &Account) -> Result<Amount, StoreError>;

    /// What all open orders hold: a running sum, at most a second old, whatever their number.
    async fn open_escrow(&self) -> Result<Amount, StoreError>;

    /// Our side of the account at the TEG, from one snapshot.
    async fn teg_position(&self) -> Result<TegPosition, StoreError>;

    /// Withdrawals in flight and those that wait for the operator, by id, after one of them.
    async fn open_withdrawals(
        &self,
        after: Option<WithdrawalId>,
        limit: u32,
    ) -> Result<Vec<Arc<Withdrawal>>, StoreError>;

    /// Everything that we owe, all from one snapshot: balances, escrow of orders, tokens in
    /// flight; only what is above zero. Gives it to `sink` while it reads, so that nobody needs
    /// to hold all of it.
    async fn liabilities(&self, sink: LiabilitySink) -> Result<LiabilitiesAt, StoreError>;

    /// Checks the invariants over everything: minutes on a large store, for `doctor` and tests.
    async fn audit(&self) -> Result<Audit, StoreError>;
}
