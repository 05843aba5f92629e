//! Who is told what of an order, and in which words.

use marketplace_escrow::{Actor, Order, OrderEvent, OrderStatus};
use marketplace_money::Did;
use marketplace_ports::Notice;
use serde_json::json;
use uuid::Uuid;

/// Who is told of an event, after which the order is as `order` says.
pub(crate) fn notices(order: &Order, event: &OrderEvent) -> Vec<(Did, Notice)> {
    let (buyer, seller) = (&order.buyer, &order.seller);
    let both = |notice| vec![(buyer.clone(), notice), (seller.clone(), notice)];
    match event {
        OrderEvent::Funded { .. } => vec![(seller.clone(), Notice::OrderReceived)],
        OrderEvent::Started => vec![(buyer.clone(), Notice::OrderStarted)],
        OrderEvent::Delivered { .. } => vec![(buyer.clone(), Notice::OrderDelivered)],
        OrderEvent::ChangesRequested { .. } => vec![(seller.clone(), Notice::ChangesRequested)],
        OrderEvent::SplitOffered(offer) => {
            let other = if offer.by == Actor::Buyer { seller } else { buyer };
            vec![(other.clone(), Notice::SplitOffered)]
        }
        OrderEvent::Disputed { .. } => both(Notice::OrderDisputed),
        OrderEvent::Resumed { .. } => both(Notice::OrderResumed),
        OrderEvent::Closed { .. } => match order.status() {
            OrderStatus::Completed => both(Notice::OrderCompleted),
            OrderStatus::Refunded => both(Notice::OrderRefunded),
            // The seller never heard of it.
            _ => vec![(buyer.clone(), Notice::OrderExpired)],
        },
        OrderEvent::DeliveryAnnounced(_)
        | OrderEvent::DeliveryFailed
        | OrderEvent::Extended { .. } => Vec::new(),
    }
}

/// The message: the original's fields first, then where the order stands when it is sent.
pub(crate) fn message(id: Uuid, notice: Notice, order: &Order, marketplace: &Did) -> String {
    json!({
        "type": notice.name(),
        "order_id": order.id.to_string(),
        "buyer": order.buyer.as_str(),
        "amount": order.price.price.to_string(),
        "service": order.service.as_ref(),
        "seller": order.seller.as_str(),
        "listing_id": order.listing.to_string(),
        "total": order.price.total.to_string(),
        "status": order.status().to_string(),
        "phase": order.phase().to_string(),
        "from": marketplace.as_str(),
        "notification_id": id.to_string(),
    })
    .to_string()
}
