//! The one function that says yes or no to an order.

use marketplace_fees::{Price, Shares};
use marketplace_listings::{AcceptancePolicy, Invalid};
use marketplace_money::{Amount, Deadline, Gap, Gaps, Timestamp};

use crate::handover::{check_note, deliver, standing};
use crate::{
    Actor, Command, Disputed, ExpiryPolicy, Money, Order, OrderEvent, OrderRefusal, SplitOffer,
    State, TRANSITIONS, Target, Transition, Verb, Work,
};

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
    if let Some(timer) = order.timer() {
        guard_timer(&timer.deadline, order, verb, cx)?;
    }
    let State::Funded(funded) = &order.state else { return Ok(()) };
    match (verb, &funded.work) {
        (Verb::RequestChanges, _) if funded.revisions_left == 0 => {
            Err(OrderRefusal::NoRevisionsLeft)
        }
        (
            Verb::ClaimNonDelivery,
            Work::AwaitingStart { delivery } | Work::InProgress { delivery },
        ) => after(delivery, cx),
        (Verb::AcceptSplit, _) => match &funded.offer {
            Some(offer) if offer.by != role => until(&offer.lapses, cx),
            _ => Err(OrderRefusal::NoOffer),
        },
        _ => Ok(()),
    }
}

/// From the deadline of the clock that acts by itself, the order ends the way the timer ends it.
/// Nobody gains from a timer that is late, so no command may lead elsewhere.
fn guard_timer(
    deadline: &Deadline,
    order: &Order,
    verb: Verb,
    cx: &Context<'_>,
) -> Result<(), OrderRefusal> {
    match verb {
        Verb::LapsePayment | Verb::LapseReview | Verb::LapseRedelivery | Verb::Expire => {
            after(deadline, cx)
        }
        // Who gives the other side everything takes nothing from it.
        Verb::Accept | Verb::Decline => Ok(()),
        // Ends as the timer would.
        Verb::ClaimNonDelivery if order.terms.expiry == ExpiryPolicy::DeliveryGated => Ok(()),
        _ => until(deadline, cx),
    }
}

/// How the total is shared by a row's money; `agreed` is the seller's part of a split.
pub(crate) fn shares(
    order: &Order,
    money: Money,
    agreed: Option<Amount>,
) -> Result<Option<Shares>, OrderRefusal> {
    let price = &order.price;
    let policy = order.terms.acceptance;
    let invalid = || OrderRefusal::Invalid(Invalid::new("amount", "must be from 0 to the price"));
    let seller = match money {
        Money::None => return Ok(None),
        // Funding moves money into escrow; nobody has a share yet.
        Money::Fund => return Ok(None),
        Money::ByAcceptancePolicy if policy != AcceptancePolicy::AutoOnDelivery => return Ok(None),
        Money::ByAcceptancePolicy | Money::Release => price.price,
        Money::Refund => Amount::ZERO,
        Money::ByExpiryPolicy => match order.terms.expiry {
            ExpiryPolicy::DeliveryGated => Amount::ZERO,
            ExpiryPolicy::Release => price.price,
        },
        Money::ByDelivery => aborted(price, order.delivery().is_some()),
        Money::Split => agreed.ok_or_else(invalid)?,
    };
    price.split(seller).map(Some).ok_or_else(invalid)
}

/// What the seller gets of an order that nobody could decide: the half where something was
/// delivered, an odd nano stays with the buyer; else nothing.
#[must_use]
pub fn aborted(price: &Price, delivered: bool) -> Amount {
    if delivered { Amount::from_nano(price.price.nano() / 2) } else { Amount::ZERO }
}

/// The closing event of a row.
pub(crate) fn close(
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
        Target::ByAcceptancePolicy(_, accepted) => accepted,
        Target::Same | Target::Before => order.phase(),
    };
    Ok(OrderEvent::Closed { phase, shares, at: now })
}

/// Decides a command: the events that follow, or why not.
///
/// Checks, in order: the row exists for this role, the phase fits, the clocks allow it, what the
/// order still offers, the command's own fields. After that nothing can fail.
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
        Command::Deliver(input) => return deliver(order, row, input, cx),
        Command::FailDelivery { sha256, uri } => {
            standing(order, uri, Some(sha256))?;
            OrderEvent::DeliveryFailed
        }
        Command::RequestChanges { note } => {
            check_note("note", Some(note))?;
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
        Command::Rule { seller }
        | Command::SettleDispute { seller }
        | Command::Intervene { seller } => close(order, row, Some(*seller), now)?,
        Command::Dispute => OrderEvent::Disputed { at: now },
        Command::Resume => resume(order, cx)?,
        Command::Extend { by } => {
            if by.0 == 0 || *by > Command::LONGEST_EXTENSION {
                let invalid = Invalid::new("seconds", "must be from 1 s to 30 days");
                return Err(OrderRefusal::Invalid(invalid));
            }
            OrderEvent::Extended { by: *by }
        }
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

fn resume(order: &Order, cx: &Context<'_>) -> Result<OrderEvent, OrderRefusal> {
    let refusal = OrderRefusal::WrongPhase { verb: Verb::Resume, phase: order.phase() };
    let State::Funded(funded) = &order.state else { return Err(refusal) };
    let Work::Disputed(disputed) = &funded.work else { return Err(refusal) };
    let Disputed { before, since } = disputed.as_ref();
    // The clocks stood still in the dispute: downtime in it is no further credit.
    let gaps = cut(cx.gaps, *since);
    let moved = |deadline: &Deadline| {
        let rest = deadline.effective(&gaps).since(*since);
        let due = cx.now.plus_micros(rest.max(Order::SHORTEST_REST.micros()));
        Deadline { from: cx.now, due }
    };
    let mut expiry = moved(&funded.expiry);
    // The buyer keeps its hour between a missing delivery and the end of the order.
    let mut working = |delivery: &Deadline| {
        let delivery = moved(delivery);
        expiry.due = expiry.due.max(delivery.due.plus(Order::SHORTEST_REVIEW));
        delivery
    };
    let work = match before.clone() {
        Work::AwaitingStart { delivery } => Work::AwaitingStart { delivery: working(&delivery) },
        Work::InProgress { delivery } => Work::InProgress { delivery: working(&delivery) },
        Work::Delivered { delivery, review } => {
            Work::Delivered { delivery, review: moved(&review) }
        }
        Work::ChangesRequested { delivery, redelivery, note } => {
            Work::ChangesRequested { delivery, redelivery: moved(&redelivery), note }
        }
        Work::Disputed(_) => return Err(refusal),
    };
    Ok(OrderEvent::Resumed { at: cx.now, work, expiry })
}

/// The downtime before `end`.
fn cut(gaps: &Gaps, end: Timestamp) -> Gaps {
    let before = gaps.as_slice().iter();
    Gaps::new(before.map(|gap| Gap { from: gap.from, until: gap.until.min(end) }).collect())
}
