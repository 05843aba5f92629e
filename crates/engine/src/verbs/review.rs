//! A party of an order says what it thinks of the other.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_escrow::{Closed, Order, OrderRefusal, Phase, State};
use marketplace_money::{Did, OrderId, Timestamp};
use marketplace_ports::{Key, OrderReviews, Subject};
use marketplace_reputation::{Reviews, Side};

use crate::desk::Desk;
use crate::job::Verb;
use crate::refusal::Refusal;

/// What the parties of an order say of each other, and when it was looked at.
#[derive(Clone, Debug)]
pub struct ReviewsView {
    /// What was said.
    pub row: Arc<OrderReviews>,
    /// When it was looked at: what is hidden depends on it.
    pub now: Timestamp,
}

/// Gives a review.
#[derive(Clone, Debug)]
pub(crate) struct GiveReview {
    pub(crate) caller: Did,
    pub(crate) order: OrderId,
    pub(crate) stars: u8,
    pub(crate) text: Arc<str>,
}

/// The reviews of an order before anybody spoke; nothing while there is nothing to review. An order
/// that was taken back before anybody began says nothing of anybody.
pub(crate) fn blank(order: &Order) -> Option<OrderReviews> {
    let State::Closed(closed) = &order.state else { return None };
    let Closed { phase, shares, at, .. } = closed.as_ref();
    let says_something = shares.is_some() && *phase != Phase::Cancelled;
    says_something.then(|| OrderReviews {
        version: 0,
        buyer: order.buyer.clone(),
        seller: order.seller.clone(),
        reviews: Reviews::of(order.id, *at),
    })
}

impl Verb for GiveReview {
    type Reply = ReviewsView;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Order(self.order));
        keys.insert(Key::Reviews(self.order));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let order = desk.order(self.order).ok_or(OrderRefusal::NotFound)?;
        order.role_of(&self.caller).ok_or(OrderRefusal::NotFound)?;
        let blank = blank(&order).ok_or(Refusal::ReviewTooEarly)?;
        let known = desk.reviews(self.order).map_or(blank, |known| known.as_ref().clone());
        let side = known.side_of(&self.caller).ok_or(OrderRefusal::NotFound)?;
        let reviews = known.reviews.give(side, self.stars, &self.text, desk.now())?;
        let is_open = reviews.are_open(desk.now());
        let row = desk.write_reviews(known.version, OrderReviews { reviews, ..known });
        // Not even that there is one is told before both are open; what is the order's is told to
        // both of its parties.
        let (subject, audience) = match is_open {
            true => (Subject::Order(self.order), vec![row.buyer.clone(), row.seller.clone()]),
            false => (Subject::Command(desk.command()), vec![self.caller.clone()]),
        };
        let by = match side {
            Side::Buyer => "buyer",
            Side::Seller => "seller",
        };
        let order = self.order;
        let data = format!("{{\"order_id\":\"{order}\",\"by\":\"{by}\",\"are_open\":{is_open}}}");
        desk.emit(subject, "order.reviewed", audience, data);
        Ok(ReviewsView { row, now: desk.now() })
    }
}
