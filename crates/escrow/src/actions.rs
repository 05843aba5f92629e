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
    /// Who would get what, when it closes the order. For a split offer: nothing, it is the
    /// offerer's choice.
    pub shares: Option<Shares>,
    /// Until when, where a clock runs; with our downtime credited.
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
    let shares = match row.money {
        Money::Split => shares(order, Money::Split, open_offer(order))?,
        money => shares(order, money, None)?,
    };
    Ok(AvailableAction { verb, shares, until: until(order, verb, cx) })
}

fn open_offer(order: &Order) -> Option<Amount> {
    match &order.state {
        State::Funded(funded) => funded.offer.as_ref().map(|offer| offer.seller),
        State::AwaitingFunds { .. } | State::Closed(_) => None,
    }
}

/// The clock after which the action is gone, or somebody else's turn comes.
fn until(order: &Order, verb: Verb, cx: &Context<'_>) -> Option<Timestamp> {
    let deadline = match (&order.state, verb) {
        (State::Funded(funded), Verb::AcceptSplit) => funded.offer.as_ref().map(|o| o.lapses),
        (State::Funded(funded), Verb::Deliver) => match &funded.work {
            Work::AwaitingStart { delivery } | Work::InProgress { delivery } => Some(*delivery),
            _ => order.timer().map(|timer| timer.deadline),
        },
        _ => order.timer().map(|timer| timer.deadline),
    };
    deadline.map(|deadline| deadline.effective(cx.gaps))
}
