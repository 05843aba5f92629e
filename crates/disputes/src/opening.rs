//! How a dispute begins.

use std::sync::Arc;

use marketplace_escrow::{self as escrow, Order, OrderEvent};
use marketplace_listings::Invalid;
use marketplace_money::{Amount, Deadline, Did, DisputeId};

use crate::{
    Case, Claim, Context, Dispute, DisputeEvent, DisputeRefusal, OrderFacts, Policy, RULES,
    Response, Round, RuleName, Side, State, Windows,
};

/// What a party hands in to open a dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Made by the caller, before the first attempt.
    pub id: DisputeId,
    /// Who opens it.
    pub by: Did,
    /// What it wants.
    pub claim: Claim,
    /// In its words.
    pub reason: Arc<str>,
    /// Disputes that it opened and lost in the last 90 days ([`Policy::MEMORY`]).
    pub lost: u32,
}

/// A new dispute, and what its opening does to the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// In version 1.
    pub dispute: Dispute,
    /// Its first event; [`crate::posting`] of it takes D and f.
    pub event: DisputeEvent,
    /// All timers of the order are held.
    pub order_events: Vec<OrderEvent>,
}

impl Dispute {
    /// A dispute about `order`, which `earlier` disputes (all that there were) may rule out.
    ///
    /// # Errors
    /// When the order cannot be disputed by this agent now, or a field is not acceptable. Nothing
    /// was taken then.
    pub fn open(
        opening: &Opening,
        order: &Order,
        earlier: &[Self],
        policy: &Policy,
        cx: &Context<'_>,
    ) -> Result<Opened, DisputeRefusal> {
        let (disputer, actor) = match order.role_of(&opening.by) {
            Some(escrow::Actor::Buyer) => (Side::Buyer, escrow::Actor::Buyer),
            Some(escrow::Actor::Seller) => (Side::Seller, escrow::Actor::Seller),
            _ => return Err(DisputeRefusal::NotFound),
        };
        let order_cx = escrow::Context { now: cx.now, gaps: cx.gaps };
        let order_events = escrow::decide(order, actor, &escrow::Command::Dispute, &order_cx)
            .map_err(DisputeRefusal::Order)?;
        let again = |dispute: &Self| {
            dispute.order == order.id && dispute.disputer == disputer && !dispute.allows_another()
        };
        if earlier.iter().any(again) {
            return Err(DisputeRefusal::AlreadyDisputed);
        }
        if !opening.claim.category.open_to(disputer) {
            return Err(Invalid::new("category", "must be one that your side can claim").into());
        }
        check_text("reason", &opening.reason, Self::LONGEST_REASON)?;
        if opening.reason.trim().is_empty() {
            return Err(Invalid::new("reason", "must not be empty").into());
        }
        let objective = opening.claim.category.is_objective();
        if objective && !is_shown(order, &order_events, disputer, opening.claim, cx) {
            return Err(DisputeRefusal::NotShown);
        }
        let windows = Windows::of(order.price.price);
        let dispute = Self {
            id: opening.id,
            version: 1,
            order: order.id,
            buyer: order.buyer.clone(),
            seller: order.seller.clone(),
            disputer,
            price: order.price,
            delivered: order.delivery().is_some(),
            claim: opening.claim,
            reason: opening.reason.clone(),
            stakes: policy.stakes(order.price.price, objective, opening.lost),
            windows,
            ruling_time: policy.ruling_time,
            opened_at: cx.now,
            response: None,
            evidence: Vec::new(),
            offer: None,
            rounds: vec![Round { began: cx.now, appeal: None, panels: Vec::new(), ruling: None }],
            state: State::AwaitingResponse { respond: Deadline::after(cx.now, windows.respond) },
        };
        Ok(Opened { dispute, event: DisputeEvent::Opened { at: cx.now }, order_events })
    }

    /// What opening costs: D and f.
    #[must_use]
    pub fn opening_cost(&self) -> Amount {
        // Both are bounded by the policy.
        self.stakes.bond.checked_add(self.stakes.fee).unwrap_or(Amount::MAX)
    }
}

/// Whether the log alone shows what an objective claim says: the order stands still from here on,
/// so what the rule finds now it will find later.
fn is_shown(
    order: &Order,
    events: &[OrderEvent],
    disputer: Side,
    claim: Claim,
    cx: &Context<'_>,
) -> bool {
    let disputed = escrow::apply(order, events);
    let Some(facts) = OrderFacts::of(&disputed, cx.gaps) else { return false };
    let case = Case { disputer, claim, response: Response::Contested, facts: &facts };
    let mut rules = RULES.iter().filter(|rule| rule.name == RuleName::NoDelivery);
    rules.any(|rule| (rule.decide)(&case).is_some())
}

/// A party's words: bounded, and nothing that deceives a reader.
pub(crate) fn check_text(
    field: &'static str,
    text: &str,
    longest: usize,
) -> Result<(), DisputeRefusal> {
    let too_long = text.chars().nth(longest).is_some();
    if too_long || text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        let problem = "must be at most 2000 characters without control characters";
        return Err(Invalid::new(field, problem).into());
    }
    Ok(())
}
