//! Aggregates of the wallet, and what a commit writes beside aggregates.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use marketplace_money::{
    Amount, CommandId, DepositId, Did, DisputeId, EventId, ListingId, OrderId, Reputation,
    Timestamp, WithdrawalId,
};
use marketplace_reputation::{Reviews, Side};
use uuid::Uuid;

use crate::{Notice, TegTransactionId};

/// When an agent's balance is sent to the TEG by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayoutPolicy {
    /// Only when it asks.
    #[default]
    Manual,
    /// As soon as there is something, netted over a few seconds.
    Immediate,
    /// When the balance reaches this.
    Threshold(Amount),
}

/// What the marketplace remembers of an agent beside its balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its name.
    pub did: Did,
    /// From 1; 0 for an agent that has no row yet.
    pub version: u64,
    /// When its balance is paid out.
    pub payout: PayoutPolicy,
    /// Orders that wait for its transfer.
    pub unfunded_orders: u32,
    /// Listings that are active or paused.
    pub listings: u32,
    /// Its standing: the score that everything that costs money goes by, on every server.
    pub reputation: Reputation,
    /// What lets more than the base of others' money wait on it: its stake, and what trusted buyers
    /// paid in fees, as it counts. Never negative.
    pub backing: Amount,
}

impl Agent {
    /// An agent that never did anything here.
    #[must_use]
    pub fn unknown(did: Did) -> Self {
        Self {
            did,
            version: 0,
            payout: PayoutPolicy::Manual,
            unfunded_orders: 0,
            listings: 0,
            reputation: Reputation::UNKNOWN,
            backing: Amount::ZERO,
        }
    }
}

/// What the parties of an order say of each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderReviews {
    /// From 1.
    pub version: u64,
    /// Who bought.
    pub buyer: Did,
    /// Who sold.
    pub seller: Did,
    /// What was said.
    pub reviews: Reviews,
}

impl OrderReviews {
    /// The side on which an agent is, if any.
    #[must_use]
    pub fn side_of(&self, agent: &Did) -> Option<Side> {
        match agent {
            agent if *agent == self.buyer => Some(Side::Buyer),
            agent if *agent == self.seller => Some(Side::Seller),
            _ => None,
        }
    }
}

/// Where a withdrawal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WithdrawalState {
    /// Recorded; the transfer may or may not have been made.
    InFlight,
    /// Nobody knows whether the transfer was made, and its key is too old to send it again: the
    /// operator decides. When the transfer shows in the history after all, it settles.
    Waiting {
        /// Why.
        reason: String,
    },
    /// The TEG completed it.
    Settled(TegTransactionId),
    /// The TEG refused it for good; the amount went back to the agent.
    Returned {
        /// In the TEG's words.
        reason: String,
    },
}

/// An intent to send tokens to the TEG. Holds `amount + fee` while in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// Names the intent, its account, and the transfer's key at the TEG.
    pub id: WithdrawalId,
    /// From 1.
    pub version: u64,
    /// Whose tokens.
    pub agent: Did,
    /// What arrives.
    pub amount: Amount,
    /// What the TEG takes for it, paid by the agent.
    pub fee: Amount,
    /// When it was asked for.
    pub at: Timestamp,
    /// When the transfer may first have reached the TEG: written before the call. Nothing while it
    /// is certain that nothing moved.
    pub sent_at: Option<Timestamp>,
    /// Where it is.
    pub state: WithdrawalState,
}

impl Withdrawal {
    /// Whether it has not ended.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, WithdrawalState::InFlight | WithdrawalState::Waiting { .. })
    }

    /// What its account holds now.
    #[must_use]
    pub fn held(&self) -> Amount {
        match self.state {
            // The sum was checked when the withdrawal was decided.
            WithdrawalState::InFlight | WithdrawalState::Waiting { .. } => {
                self.amount.checked_add(self.fee).unwrap_or(Amount::MAX)
            }
            WithdrawalState::Settled(_) | WithdrawalState::Returned { .. } => Amount::ZERO,
        }
    }
}

/// Where a deposit intent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DepositState {
    /// Recorded before the TEG was called; the tokens may or may not have moved.
    Asked,
    /// The tokens are in the agent's balance.
    Credited(TegTransactionId),
    /// The TEG refused; nothing moved.
    Refused {
        /// In the TEG's words.
        reason: String,
    },
    /// Nobody saw the tokens move. Should they ever, the history mirror credits them.
    Unseen,
}

/// An intent to pull tokens from the TEG for the agent's own command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposit {
    /// Names the intent and the transfer's key at the TEG.
    pub id: DepositId,
    /// From 1.
    pub version: u64,
    /// Whose tokens.
    pub agent: Did,
    /// How much.
    pub amount: Amount,
    /// When it was asked for.
    pub at: Timestamp,
    /// Where it is.
    pub state: DepositState,
}

/// What a timer, an event or an effect is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// An order.
    Order(OrderId),
    /// A listing.
    Listing(ListingId),
    /// A withdrawal.
    Withdrawal(WithdrawalId),
    /// A deposit.
    Deposit(DepositId),
    /// A dispute.
    Dispute(DisputeId),
    /// A command that concerns only its caller, such as a transfer.
    Command(CommandId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(id) => write!(f, "order:{id}"),
            Self::Listing(id) => write!(f, "listing:{id}"),
            Self::Withdrawal(id) => write!(f, "withdrawal:{id}"),
            Self::Deposit(id) => write!(f, "deposit:{id}"),
            Self::Dispute(id) => write!(f, "dispute:{id}"),
            Self::Command(id) => write!(f, "command:{id}"),
        }
    }
}

impl FromStr for Subject {
    type Err = marketplace_money::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, id) = text.split_once(':').ok_or(marketplace_money::IdError)?;
        Ok(match kind {
            "order" => Self::Order(id.parse()?),
            "listing" => Self::Listing(id.parse()?),
            "withdrawal" => Self::Withdrawal(id.parse()?),
            "deposit" => Self::Deposit(id.parse()?),
            "dispute" => Self::Dispute(id.parse()?),
            "command" => Self::Command(id.parse()?),
            _ => return Err(marketplace_money::IdError),
        })
    }
}

/// A clock that acts by itself. Unique by subject and kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Whose clock.
    pub subject: Subject,
    /// Which of its clocks.
    pub kind: &'static str,
    /// The version of the subject that set it: an older one is stale.
    pub sequence: u64,
    /// When a worker looks at it; the rule itself is in the subject.
    pub due: Timestamp,
}

/// What a commit does to timers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerChange {
    /// Sets it, or moves it.
    Set(Timer),
    /// Takes it away; nothing happens when it is not there.
    Clear {
        /// Whose clock.
        subject: Subject,
        /// Which of its clocks.
        kind: &'static str,
    },
}

/// Work for after the commit, done at least once, idempotently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectKind {
    /// Send a withdrawal's transfer to the TEG.
    SendWithdrawal(WithdrawalId),
    /// Find out what became of a deposit whose request may have died.
    ResolveDeposit(DepositId),
    /// Tell the TEG, on the transfer of a payout, that a buyer was content with its agent.
    Signal {
        /// The payout that took the order's price out.
        withdrawal: WithdrawalId,
        /// Which order its buyer accepted.
        order: OrderId,
    },
    /// Fetch the bytes of an announced delivery.
    FetchDelivery {
        /// For which order.
        order: OrderId,
        /// What they must hash to.
        sha256: [u8; 32],
        /// Where they are: a hostile URL.
        uri: Arc<str>,
    },
    /// Tell a party what happened to its order.
    Notify {
        /// Which order.
        order: OrderId,
        /// Whom.
        agent: Did,
        /// What.
        notice: Notice,
    },
    /// Tell a party or a juror what happened to a dispute.
    NotifyDispute {
        /// Which dispute.
        dispute: DisputeId,
        /// Whom.
        agent: Did,
        /// What.
        notice: Notice,
    },
}

/// A row of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Its name.
    pub id: Uuid,
    /// What to do.
    pub kind: EffectKind,
    /// Not before.
    pub due: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
}

impl Effect {
    /// Due then, it is a dead letter: it was given up, and waits for an operator.
    pub const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);
}

/// What a commit does to the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectChange {
    /// New work.
    Add(Effect),
    /// It is done.
    Done(Uuid),
    /// It failed for now: try again at `due`.
    Retry {
        /// Which.
        id: Uuid,
        /// Not before.
        due: Timestamp,
        /// How often it was tried.
        attempts: u32,
        /// Why it failed; for the operator.
        error: String,
    },
}

/// A fact for the event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name, unique for ever.
    pub id: EventId,
    /// What it is about.
    pub subject: Subject,
    /// Stable, such as `order.funded`.
    pub name: &'static str,
    /// Who may see it.
    pub audience: Vec<Did>,
    /// When.
    pub at: Timestamp,
    /// JSON text.
    pub data: String,
}

/// An event with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedEvent {
    /// From 1, without gaps for readers to worry about.
    pub position: u64,
    /// Its name, unique for ever.
    pub id: EventId,
    /// What it is about.
    pub subject: Subject,
    /// Stable, such as `order.funded`.
    pub name: String,
    /// Who may see it.
    pub audience: Vec<Did>,
    /// When.
    pub at: Timestamp,
    /// JSON text.
    pub data: String,
}

/// Names one attempt of a caller to change something.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdempotencyKey {
    /// The authenticated caller.
    pub caller: Did,
    /// The route, such as `POST /api/v1/orders/create`.
    pub route: String,
    /// As the caller chose it.
    pub key: String,
}

/// What was answered to an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Over the request's body.
    pub body_sha256: [u8; 32],
    /// The answer, word for word.
    pub reply: String,
    /// May be forgotten after.
    pub expires_at: Timestamp,
}

/// A nonce that was used up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nonce {
    /// Who signed.
    pub signer: Did,
    /// The signer's nonce.
    pub value: String,
}

/// Bytes of a delivery, kept under their hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// For which order.
    pub order: OrderId,
    /// Of the bytes.
    pub sha256: [u8; 32],
    /// The bytes.
    pub bytes: Arc<[u8]>,
}
