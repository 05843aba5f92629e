//! What an ended order says of seller and listing: searches and suggestions learn from it.

use marketplace_escrow::{Order, State};
use marketplace_money::{Amount, Did, ListingId, Timestamp};
use marketplace_ports::{SealedEvent, Subject};
use serde_json::Value;

use crate::marketplace::Marketplace;
use crate::publish::Publisher;
use crate::refusal::Error;

/// The newest orders that a server learns from when it starts.
const HISTORY: usize = 100_000;
/// Orders that are read at once.
const PAGE: u32 = 500;

/// An order that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dealing {
    buyer: Did,
    seller: Did,
    listing: ListingId,
    /// Whether the seller kept its word.
    kept: bool,
}

/// Whether an end says that the seller kept its word.
fn kept(phase: &str, seller: Amount, buyer: Amount) -> Option<bool> {
    match phase {
        "ACCEPTED" | "AUTO_RELEASED" => Some(true),
        "DECLINED" | "NON_DELIVERY" => Some(false),
        "RULED" | "SETTLED" => Some(seller >= buyer),
        _ => None,
    }
}

impl Dealing {
    /// Nothing for an order that goes on, or whose end says nothing.
    pub(crate) fn of_order(order: &Order) -> Option<Self> {
        let State::Closed(closed) = &order.state else { return None };
        let shares = closed.shares?;
        let kept = kept(&closed.phase.to_string(), shares.seller, shares.buyer)?;
        let (buyer, seller) = (order.buyer.clone(), order.seller.clone());
        Some(Self { buyer, seller, listing: order.listing, kept })
    }

    /// Nothing for an event that ends no order, or one from before such ends named their listing.
    pub(crate) fn of_event(event: &SealedEvent) -> Option<Self> {
        if !matches!(event.subject, Subject::Order(_)) || event.name != "order.closed" {
            return None;
        }
        let [buyer, seller] = event.audience.as_slice() else { return None };
        let data: Value = serde_json::from_str(&event.data).ok()?;
        let text = |name: &str| data.get(name).and_then(Value::as_str);
        let amount = |name: &str| text(name)?.parse().ok();
        let (to_seller, to_buyer) = (amount("seller_received")?, amount("buyer_received")?);
        Some(Self {
            buyer: buyer.clone(),
            seller: seller.clone(),
            listing: text("listing_id")?.parse().ok()?,
            kept: kept(text("phase")?, to_seller, to_buyer)?,
        })
    }
}

impl Publisher {
    /// Learns from an order that ended. Each must be told once.
    pub(crate) fn learn(&self, dealing: &Dealing) {
        let Dealing { buyer, seller, listing, kept } = dealing;
        let moved = {
            let mut dealings = self.dealings();
            if *kept {
                dealings.bought(buyer, *listing);
            }
            dealings.ended(seller, buyer, *kept)
        };
        if let Some((kept, broken)) = moved {
            self.catalog.set_record(seller, kept, broken);
        }
    }
}

impl Marketplace {
    /// Learns from the orders that ended before `until`: the newest ones, oldest first. What ends
    /// later is heard as it happens. Servers do this beside their work, once.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn learn_from_history(&self, until: Timestamp) -> Result<(), Error> {
        let (mut history, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.store().all_orders(None, cursor, PAGE).await?;
            history.extend(page.items.iter().filter_map(|order| match &order.state {
                State::Closed(closed) if closed.at < until => Dealing::of_order(order),
                _ => None,
            }));
            cursor = page.next;
            if cursor.is_none() || history.len() >= HISTORY {
                break;
            }
            tokio::task::yield_now().await;
        }
        for dealing in history.iter().rev() {
            self.inner.publisher.learn(dealing);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use marketplace_escrow::Phase;

    use super::*;

    #[test]
    fn ends_and_what_they_say() {
        let check = |phase: Phase, seller: i64, expect: Option<bool>| {
            let (seller, buyer) = (Amount::from_avt(seller), Amount::from_avt(10 - seller));
            assert_eq!(kept(&phase.to_string(), seller, buyer), expect, "{phase}");
        };
        check(Phase::Accepted, 10, Some(true));
        check(Phase::AutoReleased, 10, Some(true));
        check(Phase::Declined, 0, Some(false));
        check(Phase::NonDelivery, 0, Some(false));
        check(Phase::Ruled, 10, Some(true));
        check(Phase::Ruled, 0, Some(false));
        check(Phase::Settled, 5, Some(true));
        check(Phase::Settled, 4, Some(false));
        check(Phase::Cancelled, 0, None);
        check(Phase::Aborted, 5, None);
        check(Phase::Unpaid, 0, None);
    }
}
