//! What an event makes of an order, and which money it moves.

use marketplace_fees::Shares;
use marketplace_ledger::{Account, EntryDraft, EntryError, EntryKind, FeeKind};
use marketplace_money::{Amount, Deadline, Did, OrderId, Seconds};

use crate::{Closed, Disputed, Funded, Order, OrderEvent, State, Work};

/// The order after the events of one decision: its version grows by one.
#[must_use]
pub fn apply(order: &Order, events: &[OrderEvent]) -> Order {
    let mut next = events.iter().fold(order.clone(), evolve);
    next.version = order.version + 1;
    next
}

/// The order after one event. Total: an event that does not fit leaves the order as it is, and
/// `decide` never makes such an event.
#[must_use]
pub fn evolve(order: Order, event: &OrderEvent) -> Order {
    let state = match (&order.state, event) {
        (State::AwaitingFunds { .. }, OrderEvent::Funded { at }) => {
            let expiry = Deadline::after(*at, Order::LIFE);
            let latest = expiry.due.minus(Order::SHORTEST_REVIEW);
            let due = at.plus(order.terms.delivery).min(latest);
            State::Funded(Box::new(Funded {
                at: *at,
                expiry,
                revisions_left: order.terms.revisions,
                first_delivered: None,
                offer: None,
                announced: None,
                changed: *at,
                work: Work::AwaitingStart { delivery: Deadline { from: *at, due } },
            }))
        }
        (State::AwaitingFunds { payment }, OrderEvent::Closed { phase, shares: None, at }) => {
            State::Closed(Box::new(Closed {
                phase: *phase,
                shares: None,
                funded_at: None,
                expires: *payment,
                at: *at,
                delivery: None,
            }))
        }
        (State::Funded(funded), OrderEvent::Closed { phase, shares: Some(shares), at }) => {
            State::Closed(Box::new(Closed {
                phase: *phase,
                shares: Some(*shares),
                funded_at: Some(funded.at),
                expires: funded.expiry,
                at: *at,
                delivery: funded.work.delivery().cloned(),
            }))
        }
        (State::Funded(funded), event) => {
            State::Funded(Box::new(evolve_funded(&order, funded.as_ref().clone(), event)))
        }
        (state, _) => state.clone(),
    };
    Order { state, ..order }
}

fn evolve_funded(order: &Order, funded: Funded, event: &OrderEvent) -> Funded {
    let may_deliver = matches!(
        funded.work,
        Work::AwaitingStart { .. } | Work::InProgress { .. } | Work::ChangesRequested { .. }
    );
    let undisputed = !matches!(funded.work, Work::Disputed(_));
    let work = match (funded.work.clone(), event) {
        (Work::AwaitingStart { delivery }, OrderEvent::Started) => Work::InProgress { delivery },
        (_, OrderEvent::Delivered { delivery, review }) if may_deliver => {
            let work = Work::Delivered { delivery: delivery.clone(), review: *review };
            let first_delivered = funded.first_delivered.or(Some(delivery.at));
            return Funded { work, announced: None, first_delivered, ..funded };
        }
        (Work::Delivered { delivery, .. }, OrderEvent::ChangesRequested { note, at }) => {
            let redelivery = Deadline::after(*at, order.terms.delivery);
            let work = Work::ChangesRequested { delivery, redelivery, note: note.clone() };
            let revisions_left = funded.revisions_left.saturating_sub(1);
            return Funded { work, revisions_left, ..funded };
        }
        (before, OrderEvent::Disputed { at }) if undisputed => {
            Work::Disputed(Box::new(Disputed { before, since: *at }))
        }
        (Work::Disputed(_), OrderEvent::Resumed { work, expiry, .. }) => {
            return Funded { work: work.clone(), expiry: *expiry, ..funded };
        }
        (work, OrderEvent::Extended { by }) if undisputed => {
            return Funded {
                work: extended(work, *by),
                expiry: later(funded.expiry, *by),
                ..funded
            };
        }
        (work, OrderEvent::SplitOffered(offer)) if undisputed => {
            return Funded { work, offer: Some(offer.clone()), ..funded };
        }
        (work, OrderEvent::DeliveryAnnounced(announced)) if may_deliver => {
            return Funded { work, announced: Some(announced.clone()), ..funded };
        }
        (work, OrderEvent::DeliveryFailed) if undisputed => {
            return Funded { work, announced: None, ..funded };
        }
        (work, _) => work,
    };
    Funded { work, ..funded }
}

fn later(deadline: Deadline, by: Seconds) -> Deadline {
    Deadline { due: deadline.due.plus(by), ..deadline }
}

/// The clocks of the work, moved.
fn extended(work: Work, by: Seconds) -> Work {
    match work {
        Work::AwaitingStart { delivery } => Work::AwaitingStart { delivery: later(delivery, by) },
        Work::InProgress { delivery } => Work::InProgress { delivery: later(delivery, by) },
        Work::Delivered { delivery, review } => {
            Work::Delivered { delivery, review: later(review, by) }
        }
        Work::ChangesRequested { delivery, redelivery, note } => {
            Work::ChangesRequested { delivery, redelivery: later(redelivery, by), note }
        }
        disputed @ Work::Disputed(_) => disputed,
    }
}

/// The money that an event moves, given the order before it; nothing for most, and for an event
/// that does not fit: what the escrow account gets is always the change of [`Order::escrow`].
///
/// # Errors
/// Never for an order whose price was made by the fee schedule: all parts fit.
pub fn posting(order: &Order, event: &OrderEvent) -> Result<Option<EntryDraft>, EntryError> {
    let escrow = || Account::Order(order.id);
    let buyer = || Account::Agent(order.buyer.clone());
    match (&order.state, event) {
        (State::AwaitingFunds { .. }, OrderEvent::Funded { .. }) => {
            EntryDraft::transfer(EntryKind::EscrowFunded, buyer(), escrow(), order.price.total)
                .map(Some)
        }
        (State::Funded(_), OrderEvent::Closed { shares: Some(shares), .. }) => {
            award(order.id, [&order.buyer, &order.seller], order.price.total, shares).map(Some)
        }
        _ => Ok(None),
    }
}

/// What empties an order's escrow: each of `parties`, buyer and seller, gets its share of the total.
///
/// # Errors
/// Never for the shares of this total: all parts fit.
pub fn award(
    order: OrderId,
    parties: [&Did; 2],
    total: Amount,
    shares: &Shares,
) -> Result<EntryDraft, EntryError> {
    let kind = match (shares.seller.is_zero(), shares.buyer.is_zero()) {
        (true, _) => EntryKind::EscrowRefunded,
        (false, true) => EntryKind::EscrowReleased,
        (false, false) => EntryKind::EscrowSplit,
    };
    let [buyer, seller] = parties;
    let out = total.checked_neg().ok_or(EntryError::Overflow)?;
    let moves: [(Account, Amount); 4] = [
        (Account::Order(order), out),
        (Account::Agent(seller.clone()), shares.seller),
        (Account::Agent(buyer.clone()), shares.buyer),
        (Account::Fees(FeeKind::Transaction), shares.fee),
    ];
    EntryDraft::new(kind, moves)
}
