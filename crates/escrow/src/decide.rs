//! The one function that says yes or no to an order.

use std::sync::Arc;

use marketplace_fees::Shares;
use marketplace_listings::{AcceptancePolicy, Invalid};
use marketplace_money::{Amount, Deadline, Gaps, Timestamp};

use crate::{
    Actor, Announced, Content, Delivery, DeliveryInput, Disputed, ExpiryPolicy, Money, Order,
    OrderEvent, OrderRefusal, Phase, SplitOffer, State, TRANSITIONS, Target, Transition, Verb,
    Work,
};

/// What is asked of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The total was taken from the buyer's balance.
    Fund,
    /// The payment time is over.
    LapsePayment,
    /// The buyer changes its mind.
    Cancel,
    /// The seller begins.
    Start,
    /// The seller gives the money back.
    Decline,
    /// The seller hands over.
    Deliver(DeliveryInput),
    /// The announced bytes did not come, or were not what was announced.
    FailDelivery {
        /// Of the announcement that failed.
        sha256: [u8; 32],
    },
    /// The buyer is content.
    Accept,
    /// The buyer wants changes.
    RequestChanges {
        /// What; inert text.
        note: Arc<str>,
    },
    /// The time for changes is over.
    LapseRedelivery,
    /// The buyer takes its money back.
    ClaimNonDelivery,
    /// A party proposes that the seller gets this part of the price.
    OfferSplit {
        /// 0 to the price.
        seller: Amount,
    },
    /// The other party agrees.
    AcceptSplit {
        /// The part that it agrees to; when absent, whatever stands.
        expected: Option<Amount>,
    },
    /// The review time is over.
    LapseReview,
    /// The order's life is over.
    Expire,
    /// A party opened a dispute.
    Dispute,
    /// Arbitration awards this part of the price to the seller.
    Rule {
        /// 0 to the price.
        seller: Amount,
    },
    /// Arbitration gives the order back.
    Resume,
    /// The parties settled their dispute.
    SettleDispute {
        /// 0 to the price.
        seller: Amount,
    },
    /// Arbitration could not rule.
    AbortDispute,
}

impl Command {
    /// The row of the table that the command is.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Fund => Verb::Fund,
            Self::LapsePayment => Verb::LapsePayment,
            Self::Cancel => Verb::Cancel,
            Self::Start => Verb::Start,
            Self::Decline => Verb::Decline,
            Self::Deliver(_) | Self::FailDelivery { .. } => Verb::Deliver,
            Self::Accept => Verb::Accept,
            Self::RequestChanges { .. } => Verb::RequestChanges,
            Self::LapseRedelivery => Verb::LapseRedelivery,
            Self::ClaimNonDelivery => Verb::ClaimNonDelivery,
            Self::OfferSplit { .. } => Verb::OfferSplit,
            Self::AcceptSplit { .. } => Verb::AcceptSplit,
            Self::LapseReview => Verb::LapseReview,
            Self::Expire => Verb::Expire,
            Self::Dispute => Verb::Dispute,
            Self::Rule { .. } => Verb::Rule,
            Self::Resume => Verb::Resume,
            Self::SettleDispute { .. } => Verb::SettleDispute,
            Self::AbortDispute => Verb::AbortDispute,
        }
    }
}

/// What a decision may know of the world.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The store's clock.
    pub now: Timestamp,
    /// Our downtime, which stops every clock.
    pub gaps: &'a Gaps,
}

impl Actor {
    const fn includes(self, role: Self) -> bool {
        match self {
            Self::Party | Self::OtherParty => matches!(role, Self::Buyer | Self::Seller),
            _ => self as u8 == role as u8,
        }
    }
}

/// The row for this verb and role in the order's phase.
pub(crate) fn find_row(
    order: &Order,
    verb: Verb,
    role: Actor,
) -> Result<&'static Transition, OrderRefusal> {
    let mut rows = TRANSITIONS.iter().filter(|row| row.verb == verb && row.actor.includes(role));
    let phase = order.phase();
    let mut any = false;
    match rows.find(|row| {
        any = true;
        row.from.contains(&phase)
    }) {
        Some(row) => Ok(row),
        None if any => Err(OrderRefusal::WrongPhase { verb, phase }),
        None => Err(OrderRefusal::WrongRole { verb }),
    }
}

fn until(deadline: &Deadline, cx: &Context<'_>) -> Result<(), OrderRefusal> {
    let due = deadline.effective(cx.gaps);
    if cx.now >= due { Err(OrderRefusal::TooLate { due }) } else { Ok(()) }
}

fn after(deadline: &Deadline, cx: &Context<'_>) -> Result<(), OrderRefusal> {
    let due = deadline.effective(cx.gaps);
    if cx.now < due { Err(OrderRefusal::TooEarly { due }) } else { Ok(()) }
}

/// The conditions of a row that do not depend on what the command carries.
pub(crate) fn guard(
    order: &Order,
    verb: Verb,
    role: Actor,
    cx: &Context<'_>,
) -> Result<(), OrderRefusal> {
    let funded = match &order.state {
        State::AwaitingFunds { payment } => {
            return match verb {
                Verb::LapsePayment => after(payment, cx),
                Verb::Fund => until(payment, cx),
                _ => Ok(()),
            };
        }
        State::Funded(funded) => funded,
        State::Closed(_) => return Ok(()),
    };
    match (verb, &funded.work) {
        (Verb::Start, _) => until(&funded.expiry, cx),
        (Verb::Deliver, Work::ChangesRequested { redelivery, .. }) => until(redelivery, cx),
        (Verb::Deliver, _) => until(&funded.expiry, cx),
        (Verb::RequestChanges, Work::Delivered { review, .. }) => {
            until(review, cx)?;
            if funded.revisions_left == 0 { Err(OrderRefusal::NoRevisionsLeft) } else { Ok(()) }
        }
        (
            Verb::ClaimNonDelivery,
            Work::AwaitingStart { delivery } | Work::InProgress { delivery },
        ) => after(delivery, cx),
        (Verb::AcceptSplit, _) => match &funded.offer {
            Some(offer) if offer.by != role => until(&offer.lapses, cx),
            _ => Err(OrderRefusal::NoOffer),
        },
        (Verb::LapseReview, Work::Delivered { review, .. }) => after(review, cx),
        (Verb::LapseRedelivery, Work::ChangesRequested { redelivery, .. }) => after(redelivery, cx),
        (Verb::Expire, _) => after(&funded.expiry, cx),
        _ => Ok(()),
    }
}

/// How the total is shared by a row's money; `agreed` is the seller's part of a split.
pub(crate) fn shares(
    order: &Order,
    money: Money,
    agreed: Option<Amount>,
) -> Result<Option<Shares>, OrderRefusal> {
    let price = &order.price;
    let seller = match money {
        Money::None => return Ok(None),
        // Funding moves money into escrow; nobody has a share yet.
        Money::Fund => return Ok(None),
        Money::Release => price.price,
        Money::Refund => Amount::ZERO,
        Money::ByExpiryPolicy => match order.terms.expiry {
            ExpiryPolicy::DeliveryGated => Amount::ZERO,
            ExpiryPolicy::Release => price.price,
        },
        // An odd nano stays with the buyer.
        Money::ByDelivery if order.delivery().is_some() => {
            Amount::from_nano(price.price.nano() / 2)
        }
        Money::ByDelivery => Amount::ZERO,
        Money::Split => agreed.unwrap_or(Amount::ZERO),
    };
    let invalid = Invalid::new("amount", "must be from 0 to the price");
    price.split(seller).map(Some).ok_or(OrderRefusal::Invalid(invalid))
}

/// The closing event of a row.
fn close(
    order: &Order,
    row: &Transition,
    agreed: Option<Amount>,
    now: Timestamp,
) -> Result<OrderEvent, OrderRefusal> {
    let shares = shares(order, row.money, agreed)?;
    let phase = match row.to {
        Target::Closed(phase) | Target::Phase(phase) => phase,
        Target::ClosedByExpiryPolicy(refunded, released) => match order.terms.expiry {
            ExpiryPolicy::DeliveryGated => refunded,
            ExpiryPolicy::Release => released,
        },
        Target::Same | Target::Before => order.phase(),
    };
    Ok(OrderEvent::Closed { phase, shares, at: now })
}

/// Decides a command: the events that follow, or why not.
///
/// Checks, in order: the row exists for this role, the phase fits, the clocks allow it, the
/// command's own fields. After that nothing can fail.
///
/// `role` is [`Actor::Buyer`] or [`Actor::Seller`] for agents (see [`Order::role_of`]; a stranger
/// gets [`OrderRefusal::NotFound`] from the caller of this function), else who we are.
///
/// # Errors
/// The first check that fails.
pub fn decide(
    order: &Order,
    role: Actor,
    command: &Command,
    cx: &Context<'_>,
) -> Result<Vec<OrderEvent>, OrderRefusal> {
    let verb = command.verb();
    let row = find_row(order, verb, role)?;
    guard(order, verb, role, cx)?;
    let now = cx.now;
    let event = match command {
        Command::Fund => OrderEvent::Funded { at: now },
        Command::Start => OrderEvent::Started,
        Command::Deliver(input) => return deliver(order, input, cx),
        Command::FailDelivery { sha256 } => return fail_delivery(order, sha256),
        Command::RequestChanges { note } => {
            check_note(Some(note))?;
            OrderEvent::ChangesRequested { note: note.clone(), at: now }
        }
        Command::OfferSplit { seller } => {
            shares(order, Money::Split, Some(*seller))?;
            let lapses = Deadline::after(now, SplitOffer::LIFE);
            OrderEvent::SplitOffered(SplitOffer { by: role, seller: *seller, lapses })
        }
        Command::AcceptSplit { expected } => {
            let offered = offered(order)?;
            if expected.is_some_and(|expected| expected != offered) {
                return Err(OrderRefusal::OfferChanged { seller: offered });
            }
            close(order, row, Some(offered), now)?
        }
        Command::Rule { seller } | Command::SettleDispute { seller } => {
            close(order, row, Some(*seller), now)?
        }
        Command::Dispute => OrderEvent::Disputed { at: now },
        Command::Resume => resume(order, cx)?,
        Command::LapsePayment
        | Command::Cancel
        | Command::Decline
        | Command::Accept
        | Command::LapseRedelivery
        | Command::ClaimNonDelivery
        | Command::LapseReview
        | Command::Expire
        | Command::AbortDispute => close(order, row, None, now)?,
    };
    Ok(vec![event])
}

fn offered(order: &Order) -> Result<Amount, OrderRefusal> {
    match &order.state {
        State::Funded(funded) => {
            funded.offer.as_ref().map(|offer| offer.seller).ok_or(OrderRefusal::NoOffer)
        }
        State::AwaitingFunds { .. } | State::Closed(_) => Err(OrderRefusal::NoOffer),
    }
}

fn check_note(note: Option<&Arc<str>>) -> Result<(), OrderRefusal> {
    let Some(note) = note else { return Ok(()) };
    let too_long = note.chars().nth(DeliveryInput::LONGEST_NOTE).is_some();
    if too_long || note.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        let problem = "must be at most 2000 characters without control characters";
        return Err(Invalid::new("note", problem).into());
    }
    Ok(())
}

fn deliver(
    order: &Order,
    input: &DeliveryInput,
    cx: &Context<'_>,
) -> Result<Vec<OrderEvent>, OrderRefusal> {
    let policy = order.terms.acceptance;
    let delivery = match input {
        DeliveryInput::Nothing { note } => {
            check_note(note.as_ref())?;
            if policy != AcceptancePolicy::AutoOnDelivery {
                return Err(OrderRefusal::ContentRequired);
            }
            Delivery {
                sha256: [0; 32],
                content: Content::None,
                size: 0,
                media_type: None,
                note: note.clone(),
                checks: None,
                at: cx.now,
            }
        }
        DeliveryInput::Uri { sha256, uri, media_type, note } => {
            check_note(note.as_ref())?;
            return Ok(vec![OrderEvent::DeliveryAnnounced(Announced {
                sha256: *sha256,
                uri: uri.clone(),
                media_type: media_type.clone(),
                note: note.clone(),
                at: cx.now,
            })]);
        }
        DeliveryInput::Bytes { sha256, claimed_sha256, size, uri, media_type, note, checks } => {
            check_note(note.as_ref())?;
            if claimed_sha256.is_some_and(|claimed| claimed != *sha256) {
                return Err(OrderRefusal::HashMismatch);
            }
            let content = match uri {
                Some(uri) => Content::Fetched { uri: uri.clone() },
                None => Content::Inline,
            };
            Delivery {
                sha256: *sha256,
                content,
                size: *size,
                media_type: media_type.clone(),
                note: note.clone(),
                checks: checks.clone(),
                at: cx.now,
            }
        }
    };
    let accepted = match policy {
        AcceptancePolicy::AutoOnDelivery => true,
        AcceptancePolicy::Verified => delivery.checks.as_ref().is_some_and(|checks| checks.passed),
        AcceptancePolicy::BuyerConfirms => false,
    };
    let mut events = vec![OrderEvent::Delivered { delivery, review: review(order, cx) }];
    if accepted {
        let shares = shares(order, Money::Release, None)?;
        events.push(OrderEvent::Closed { phase: Phase::Accepted, shares, at: cx.now });
    }
    Ok(events)
}

/// Until the end of the order's life, and at least an hour.
fn review(order: &Order, cx: &Context<'_>) -> Deadline {
    let least = cx.now.plus(Order::SHORTEST_REVIEW);
    let due = order.expires().effective(cx.gaps).max(least);
    Deadline { from: cx.now, due }
}

fn fail_delivery(order: &Order, sha256: &[u8; 32]) -> Result<Vec<OrderEvent>, OrderRefusal> {
    match &order.state {
        State::Funded(funded)
            if funded.announced.as_ref().is_some_and(|announced| announced.sha256 == *sha256) =>
        {
            Ok(vec![OrderEvent::DeliveryFailed])
        }
        _ => Err(OrderRefusal::WrongPhase { verb: Verb::Deliver, phase: order.phase() }),
    }
}

fn resume(order: &Order, cx: &Context<'_>) -> Result<OrderEvent, OrderRefusal> {
    let refusal = OrderRefusal::WrongPhase { verb: Verb::Resume, phase: order.phase() };
    let State::Funded(funded) = &order.state else { return Err(refusal) };
    let Work::Disputed(disputed) = &funded.work else { return Err(refusal) };
    let Disputed { before, since } = disputed.as_ref();
    let moved = |deadline: &Deadline| {
        let rest = deadline.effective(cx.gaps).since(*since);
        let due = cx.now.plus_micros(rest.max(Order::SHORTEST_REST.micros()));
        Deadline { from: cx.now, due }
    };
    let work = match before.clone() {
        Work::AwaitingStart { delivery } => Work::AwaitingStart { delivery: moved(&delivery) },
        Work::InProgress { delivery } => Work::InProgress { delivery: moved(&delivery) },
        Work::Delivered { delivery, review } => {
            Work::Delivered { delivery, review: moved(&review) }
        }
        Work::ChangesRequested { delivery, redelivery, note } => {
            Work::ChangesRequested { delivery, redelivery: moved(&redelivery), note }
        }
        Work::Disputed(_) => return Err(refusal),
    };
    Ok(OrderEvent::Resumed { at: cx.now, work, expiry: moved(&funded.expiry) })
}
