//! What a party may do now, with the exact amounts and the time that is left.

use marketplace_fees::Shares;
use marketplace_money::{Amount, Timestamp};

use crate::decide::{find_row, guard, shares};
use crate::{Actor, Context, Money, Order, OrderRefusal, State, TRANSITIONS, Verb, Work};

/// One thing that the viewer may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvailableAction {
    /// What.
    pub verb: Verb,
    /// Who would get what, when it closes the order. Nothing where it is the actor's choice (an
    /// offer, an award) or a matter of checks.
    pub shares: Option<Shares>,
    /// Until when, where a clock runs and is not over; with our downtime credited.
    pub until: Option<Timestamp>,
}

/// What `role` may do, in the order of the table.
#[must_use]
pub fn available_actions(order: &Order, role: Actor, cx: &Context<'_>) -> Vec<AvailableAction> {
    let mut actions: Vec<AvailableAction> = Vec::new();
    for (verb, _) in Verb::NAMES {
        if let Ok(action) = action(order, *verb, role, cx) {
            actions.push(action);
        }
    }
    actions.sort_by_key(|action| TRANSITIONS.iter().position(|row| row.verb == action.verb));
    actions
}

fn action(
    order: &Order,
    verb: Verb,
    role: Actor,
    cx: &Context<'_>,
) -> Result<AvailableAction, OrderRefusal> {
    let row = find_row(order, verb, role)?;
    guard(order, verb, role, cx)?;
    let shares = match (row.money, verb) {
        (Money::Split, Verb::AcceptSplit) => shares(order, Money::Split, open_offer(order))?,
        // Arbitration is free in what it awards.
        (Money::Split, _) => None,
        (money, _) => shares(order, money, None)?,
    };
    Ok(AvailableAction { verb, shares, until: until(order, verb, cx) })
}

fn open_offer(order: &Order) -> Option<Amount> {
    match &order.state {
        State::Funded(funded) => funded.offer.as_ref().map(|offer| offer.seller),
        State::AwaitingFunds { .. } | State::Closed(_) => None,
    }
}

/// The first clock to come: after it the action is gone, or another's turn begins.
fn until(order: &Order, verb: Verb, cx: &Context<'_>) -> Option<Timestamp> {
    let acting = order.timer().map(|timer| timer.deadline);
    let own = match &order.state {
        State::Funded(funded) => match (verb, &funded.work) {
            (Verb::AcceptSplit, _) => funded.offer.as_ref().map(|offer| offer.lapses),
            // From then on the buyer may claim, although a late delivery still counts.
            (Verb::Deliver, Work::AwaitingStart { delivery } | Work::InProgress { delivery }) => {
                Some(*delivery)
            }
            _ => None,
        },
        State::AwaitingFunds { .. } | State::Closed(_) => None,
    };
    let clocks = own.into_iter().chain(acting).map(|deadline| deadline.effective(cx.gaps));
    clocks.filter(|clock| *clock > cx.now).min()
}
