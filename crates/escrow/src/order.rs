//! The aggregate: what an order is at each point of its life.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use marketplace_fees::{Price, Shares};
use marketplace_listings::{AcceptancePolicy, Listing, Terms};
use marketplace_money::{Amount, Deadline, Did, ListingId, OrderId, Seconds, Timestamp};

use crate::machine::names;
use crate::{Actor, Announced, Delivery, OrderStatus, Phase};

/// What happens to a funded order whose life ends with nothing delivered. A setting of the
/// deployment, frozen in each order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ExpiryPolicy {
    /// The buyer gets its money back.
    #[default]
    DeliveryGated,
    /// The seller gets it: the original's rule.
    Release,
}

names!(
    ExpiryPolicy,
    "must be delivery_gated or release",
    [(DeliveryGated, "delivery_gated"), (Release, "release"),]
);

/// The terms that the order was bought under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderTerms {
    /// From funding to delivery.
    pub delivery: Seconds,
    /// How often the buyer may ask for changes, in all.
    pub revisions: u8,
    /// The buyer's choice, or the listing's.
    pub acceptance: AcceptancePolicy,
    /// The executable checks as JSON text; empty without.
    pub checks: Arc<str>,
    /// The deployment's.
    pub expiry: ExpiryPolicy,
    /// The seller promised that nobody else gets the same bytes.
    pub exclusive: bool,
}

impl OrderTerms {
    /// The listing's terms with the buyer's choice.
    #[must_use]
    pub fn from_listing(
        terms: &Terms,
        acceptance: Option<AcceptancePolicy>,
        expiry: ExpiryPolicy,
    ) -> Self {
        Self {
            delivery: terms.delivery,
            revisions: terms.revisions,
            acceptance: acceptance.unwrap_or(terms.acceptance),
            checks: terms.checks.clone(),
            expiry,
            exclusive: terms.exclusive,
        }
    }
}

/// An open proposal to share the price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitOffer {
    /// Buyer or seller.
    pub by: Actor,
    /// What the seller would get of the price.
    pub seller: Amount,
    /// After that it is void.
    pub lapses: Deadline,
}

impl SplitOffer {
    /// Twelve hours.
    pub const LIFE: Seconds = Seconds::from_hours(12);
}

/// What a funded order waits for. Each variant carries the clock of its own duty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// The seller has not begun; the buyer may claim after `delivery`.
    AwaitingStart {
        /// When the work is due.
        delivery: Deadline,
    },
    /// The seller works.
    InProgress {
        /// When the work is due.
        delivery: Deadline,
    },
    /// The buyer reviews.
    Delivered {
        /// What was handed over last.
        delivery: Delivery,
        /// After that it counts as accepted.
        review: Deadline,
    },
    /// The seller works again.
    ChangesRequested {
        /// What was handed over last.
        delivery: Delivery,
        /// After that it counts as not delivered.
        redelivery: Deadline,
        /// What the buyer wants changed; inert text.
        note: Arc<str>,
    },
    /// Arbitration has the word.
    Disputed(Box<Disputed>),
}

/// A disputed order: everything else stands still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disputed {
    /// What it waited for.
    pub before: Work,
    /// When the timers were stopped.
    pub since: Timestamp,
}

/// The total is in escrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Funded {
    /// When the escrow was filled.
    pub at: Timestamp,
    /// The end of the order's life.
    pub expiry: Deadline,
    /// Rounds of changes left.
    pub revisions_left: u8,
    /// When something was first handed over; a later round does not make it late.
    pub first_delivered: Option<Timestamp>,
    /// An open proposal of either side.
    pub offer: Option<SplitOffer>,
    /// A delivery that the worker has yet to fetch.
    pub announced: Option<Announced>,
    /// When a commit changed the order last: like its version, the commit says it.
    pub changed: Timestamp,
    /// What it waits for.
    pub work: Work,
}

/// Over. Never changes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// How it ended.
    pub phase: Phase,
    /// Who got what; nothing for an order that was never funded.
    pub shares: Option<Shares>,
    /// When it was funded, if ever.
    pub funded_at: Option<Timestamp>,
    /// When it would have ended by itself: of its life when it was funded, as a dispute may have
    /// moved it; of the payment time otherwise.
    pub expires: Deadline,
    /// When it ended.
    pub at: Timestamp,
    /// What was handed over last.
    pub delivery: Option<Delivery>,
}

/// One variant for each stretch of an order's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The buyer's transfer is awaited.
    AwaitingFunds {
        /// After that the order is void.
        payment: Deadline,
    },
    /// The total is in escrow.
    Funded(Box<Funded>),
    /// Over.
    Closed(Box<Closed>),
}

/// A purchase and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// For ever; also names the escrow account.
    pub id: OrderId,
    /// Grows with every commit that changes the order, from 1.
    pub version: u64,
    /// Who pays.
    pub buyer: Did,
    /// Who delivers.
    pub seller: Did,
    /// What was bought.
    pub listing: ListingId,
    /// In which version.
    pub listing_version: u64,
    /// Its name then; inert text.
    pub service: Arc<str>,
    /// Frozen.
    pub terms: OrderTerms,
    /// Frozen.
    pub price: Price,
    /// When it was placed.
    pub created_at: Timestamp,
    /// Where in its life.
    pub state: State,
}

/// What happened to an order. Facts: they carry what was decided, not why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderEvent {
    /// The total is in escrow.
    Funded {
        /// When.
        at: Timestamp,
    },
    /// The seller began.
    Started,
    /// A delivery waits to be fetched.
    DeliveryAnnounced(Announced),
    /// The announced bytes did not come, or did not match.
    DeliveryFailed,
    /// The work was handed over.
    Delivered {
        /// What.
        delivery: Delivery,
        /// After that it counts as accepted.
        review: Deadline,
    },
    /// The buyer wants changes.
    ChangesRequested {
        /// What; inert text.
        note: Arc<str>,
        /// When.
        at: Timestamp,
    },
    /// A party proposes to share the price.
    SplitOffered(SplitOffer),
    /// Arbitration took over.
    Disputed {
        /// When.
        at: Timestamp,
    },
    /// Arbitration gave the order back; its clocks go on.
    Resumed {
        /// When.
        at: Timestamp,
        /// The clocks, moved by the time in dispute.
        work: Work,
        /// The end of the order's life, moved likewise; at least an hour after an open delivery.
        expiry: Deadline,
    },
    /// The operators gave more time.
    Extended {
        /// To each clock that runs.
        by: Seconds,
    },
    /// Over.
    Closed {
        /// How.
        phase: Phase,
        /// Who gets what; nothing when it was never funded.
        shares: Option<Shares>,
        /// When.
        at: Timestamp,
    },
}

impl OrderEvent {
    /// A stable name for the event log.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Funded { .. } => "order.funded",
            Self::Started => "order.started",
            Self::DeliveryAnnounced(_) => "order.delivery_announced",
            Self::DeliveryFailed => "order.delivery_failed",
            Self::Delivered { .. } => "order.delivered",
            Self::ChangesRequested { .. } => "order.changes_requested",
            Self::SplitOffered(_) => "order.split_offered",
            Self::Disputed { .. } => "order.disputed",
            Self::Resumed { .. } => "order.resumed",
            Self::Extended { .. } => "order.extended",
            Self::Closed { .. } => "order.closed",
        }
    }
}

/// What an order waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TimerKind {
    /// The buyer's transfer.
    Payment,
    /// The end of its life with nothing delivered.
    Expiry,
    /// The buyer's review.
    Review,
    /// The seller's next try.
    Redelivery,
}

names!(
    TimerKind,
    "no timer has this name",
    [(Payment, "payment"), (Expiry, "expiry"), (Review, "review"), (Redelivery, "redelivery"),]
);

/// The one clock that acts by itself in a phase; the others only open doors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderTimer {
    /// What for.
    pub kind: TimerKind,
    /// Until when.
    pub deadline: Deadline,
}

impl Funded {
    /// When the order was changed last, as far as everything else that it remembers says.
    #[must_use]
    pub fn remembered(&self) -> Timestamp {
        let work = match &self.work {
            Work::AwaitingStart { .. } | Work::InProgress { .. } => self.at,
            Work::Delivered { delivery, .. } => delivery.at,
            Work::ChangesRequested { redelivery, .. } => redelivery.from,
            Work::Disputed(disputed) => disputed.since,
        };
        let announced = self.announced.as_ref().map_or(work, |announced| announced.at);
        work.max(announced)
    }
}

impl Order {
    /// A funded order lives so long without a delivery.
    pub const LIFE: Seconds = Seconds::from_hours(24);
    /// A transfer has so long to arrive.
    pub const PAYMENT_DUE: Seconds = Seconds::from_hours(1);
    /// A buyer has at least so long to review, and to act on a missing delivery.
    pub const SHORTEST_REVIEW: Seconds = Seconds::from_hours(1);
    /// After a dispute every clock has at least so long left.
    pub const SHORTEST_REST: Seconds = Seconds::from_hours(1);

    /// A purchase of `listing`, not yet paid.
    #[must_use]
    pub fn place(
        id: OrderId,
        buyer: Did,
        listing: &Listing,
        terms: OrderTerms,
        price: Price,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            version: 1,
            buyer,
            seller: listing.provider.clone(),
            listing: listing.id,
            listing_version: listing.version,
            service: listing.offer.name.as_str().into(),
            terms,
            price,
            created_at: now,
            state: State::AwaitingFunds { payment: Deadline::after(now, Self::PAYMENT_DUE) },
        }
    }

    /// Where the order is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::AwaitingFunds { .. } => Phase::AwaitingFunds,
            State::Closed(closed) => closed.phase,
            State::Funded(funded) => funded.work.phase(),
        }
    }

    /// One of the five names that clients know.
    #[must_use]
    pub fn status(&self) -> OrderStatus {
        match &self.state {
            State::AwaitingFunds { .. } => OrderStatus::Pending,
            State::Funded(_) => OrderStatus::EscrowFunded,
            State::Closed(closed) => match closed.shares {
                None => OrderStatus::Expired,
                Some(shares) if shares.seller.is_zero() => OrderStatus::Refunded,
                Some(_) => OrderStatus::Completed,
            },
        }
    }

    /// What the order's escrow account must hold now.
    #[must_use]
    pub const fn escrow(&self) -> Amount {
        match self.state {
            State::Funded(_) => self.price.total,
            State::AwaitingFunds { .. } | State::Closed(_) => Amount::ZERO,
        }
    }

    /// Which party an agent is, if any.
    #[must_use]
    pub fn role_of(&self, agent: &Did) -> Option<Actor> {
        if *agent == self.buyer {
            Some(Actor::Buyer)
        } else if *agent == self.seller {
            Some(Actor::Seller)
        } else {
            None
        }
    }

    /// The end of the order as the original shows it: of its life when funded, of the payment
    /// time before.
    #[must_use]
    pub fn expires(&self) -> Deadline {
        match &self.state {
            State::AwaitingFunds { payment } => *payment,
            State::Funded(funded) => funded.expiry,
            State::Closed(closed) => closed.expires,
        }
    }

    /// When a commit changed it last.
    #[must_use]
    pub fn changed_at(&self) -> Timestamp {
        match &self.state {
            State::AwaitingFunds { .. } => self.created_at,
            State::Funded(funded) => funded.changed,
            State::Closed(closed) => closed.at,
        }
    }

    /// The same order as a commit of this time leaves it.
    #[must_use]
    pub fn changed(mut self, at: Timestamp) -> Self {
        if let State::Funded(funded) = &mut self.state {
            funded.changed = at;
        }
        self
    }

    /// What was handed over last.
    #[must_use]
    pub fn delivery(&self) -> Option<&Delivery> {
        match &self.state {
            State::AwaitingFunds { .. } => None,
            State::Funded(funded) => funded.work.delivery(),
            State::Closed(closed) => closed.delivery.as_ref(),
        }
    }

    /// The clock that will act by itself, if any.
    #[must_use]
    pub fn timer(&self) -> Option<OrderTimer> {
        let (kind, deadline) = match &self.state {
            State::AwaitingFunds { payment } => (TimerKind::Payment, *payment),
            State::Closed(_) => return None,
            State::Funded(funded) => match &funded.work {
                Work::AwaitingStart { .. } | Work::InProgress { .. } => {
                    (TimerKind::Expiry, funded.expiry)
                }
                Work::Delivered { review, .. } => (TimerKind::Review, *review),
                Work::ChangesRequested { redelivery, .. } => (TimerKind::Redelivery, *redelivery),
                Work::Disputed(_) => return None,
            },
        };
        Some(OrderTimer { kind, deadline })
    }
}

impl Work {
    /// The phase of an order that waits for this.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        match self {
            Self::AwaitingStart { .. } => Phase::AwaitingStart,
            Self::InProgress { .. } => Phase::InProgress,
            Self::Delivered { .. } => Phase::Delivered,
            Self::ChangesRequested { .. } => Phase::ChangesRequested,
            Self::Disputed(_) => Phase::Disputed,
        }
    }

    /// What was handed over last.
    #[must_use]
    pub fn delivery(&self) -> Option<&Delivery> {
        match self {
            Self::AwaitingStart { .. } | Self::InProgress { .. } => None,
            Self::Delivered { delivery, .. } | Self::ChangesRequested { delivery, .. } => {
                Some(delivery)
            }
            Self::Disputed(disputed) => disputed.before.delivery(),
        }
    }
}
