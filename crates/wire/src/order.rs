//! Orders as their parties see them.

use std::sync::Arc;

use marketplace_disputes::Stakes;
use marketplace_engine::OrderView;
use marketplace_escrow::{
    Actor, AvailableAction, Context, ExpiryPolicy, Funded, Order, OrderStatus, Phase, SplitOffer,
    State, Verb, Work, available_actions,
};
use marketplace_fees::Shares;
use marketplace_listings::AcceptancePolicy;
use marketplace_money::{Deadline, Did, Gaps, ListingId, Multiplier, OrderId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::schema::{AcceptancePolicyName, ExpiryPolicyName, OrderStatusName, PhaseName};
use crate::{DeliveryBody, Money, PaymentInstruction, Rfc3339, Text};

/// An order and its escrow.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderBody {
    /// Its name for ever.
    #[schema(value_type = String, format = Uuid)]
    pub order_id: Text<OrderId>,
    /// `PENDING`, `ESCROW_FUNDED`, `COMPLETED`, `REFUNDED` or `EXPIRED`.
    #[schema(value_type = OrderStatusName)]
    pub status: Text<OrderStatus>,
    /// Where in that status, such as `AWAITING_START` or `DELIVERED`.
    #[schema(value_type = PhaseName)]
    pub phase: Text<Phase>,
    /// From 1; grows with every change.
    pub version: u64,
    /// Who pays.
    #[schema(value_type = String)]
    pub buyer: Text<Did>,
    /// Who delivers.
    #[schema(value_type = String)]
    pub seller: Text<Did>,
    /// What was bought.
    #[schema(value_type = String, format = Uuid)]
    pub listing_id: Text<ListingId>,
    /// In which version.
    pub listing_version: u64,
    /// Its name then; inert text.
    #[schema(value_type = String)]
    pub service: Text<Arc<str>>,
    /// The price: what the seller gets on release.
    pub amount: Money,
    /// What the marketplace gets on top.
    pub fee: Money,
    /// What the buyer pays: price and fee.
    pub total: Money,
    /// As listed, before the seller's standing.
    pub base_price: Money,
    /// What the seller's standing made of it.
    #[schema(value_type = String, example = "1")]
    pub multiplier: Text<Multiplier>,
    /// `buyer_confirms`, `verified` or `auto_on_delivery`.
    #[schema(value_type = AcceptancePolicyName)]
    pub acceptance_policy: Text<AcceptancePolicy>,
    /// What happens when nothing is delivered: `delivery_gated` or `release`.
    #[schema(value_type = ExpiryPolicyName)]
    pub expiry_policy: Text<ExpiryPolicy>,
    /// Whether the seller promised that nobody else gets the same bytes.
    pub exclusive: bool,
    /// When it was placed.
    pub created_at: Rfc3339,
    /// The end of its life without a delivery; with our downtime credited.
    pub expires_at: Rfc3339,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Rfc3339>,
    /// Who got what, once it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<AmountsBody>,
    /// How to pay, while the transfer is awaited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentInstruction>,
    /// The clock of the present duty, with our downtime credited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<DueBody>,
    /// Rounds of changes left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revisions_left: Option<u8>,
    /// What the buyer wants changed; inert text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub changes_note: Option<Text<Arc<str>>>,
    /// What was handed over last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryBody>,
    /// A delivery whose bytes are still to be fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announced: Option<DeliveryBody>,
    /// An open proposal to share the price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_offer: Option<SplitOfferBody>,
    /// What the caller may do now.
    pub available_actions: Vec<ActionBody>,
}

/// Who gets what of an order's total.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct AmountsBody {
    /// To the seller.
    pub seller: Money,
    /// Back to the buyer.
    pub buyer: Money,
    /// To the marketplace.
    pub fee: Money,
}

/// The clock of a duty.
#[derive(Debug, Serialize, ToSchema)]
pub struct DueBody {
    /// `payment`, `delivery`, `redelivery` or `review`.
    #[schema(example = "delivery")]
    pub duty: &'static str,
    /// Until when.
    pub at: Rfc3339,
}

/// An open proposal to share the price.
#[derive(Debug, Serialize, ToSchema)]
pub struct SplitOfferBody {
    /// `buyer` or `seller`.
    #[schema(value_type = String, example = "seller")]
    pub by: Text<Actor>,
    /// Who would get what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amounts: Option<AmountsBody>,
    /// After that it is void.
    pub until: Rfc3339,
}

/// Something that the caller may do now.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActionBody {
    /// What.
    #[schema(value_type = String, example = "accept")]
    pub action: Text<Verb>,
    /// The HTTP method.
    #[schema(example = "POST")]
    pub method: &'static str,
    /// The path.
    #[schema(example = "/api/v1/orders/0197f3a2-7c1e-7aaa-8b1b-0242ac120002/accept")]
    pub path: String,
    /// Who would get what, where it closes the order and is not a matter of choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amounts: Option<AmountsBody>,
    /// The bond that it takes from the balance; `non_delivery` takes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bond: Option<Money>,
    /// The fee that it takes beside that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<Money>,
    /// Until when, where a clock runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Rfc3339>,
}

/// A page of orders.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderPage {
    /// Newest first.
    pub results: Vec<OrderBody>,
    /// Results in this answer.
    pub count: usize,
    /// Where the next page begins; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl From<Shares> for AmountsBody {
    fn from(shares: Shares) -> Self {
        let Shares { seller, buyer, fee } = shares;
        Self { seller: Money(seller), buyer: Money(buyer), fee: Money(fee) }
    }
}

impl ActionBody {
    /// Nothing for what has no route: the acts of timers, ledger, arbitration and operators.
    fn new(order: &Order, action: &AvailableAction) -> Option<Self> {
        match action.verb {
            Verb::Cancel
            | Verb::Start
            | Verb::Decline
            | Verb::Deliver
            | Verb::Accept
            | Verb::RequestChanges
            | Verb::ClaimNonDelivery
            | Verb::OfferSplit
            | Verb::AcceptSplit => Some(Self {
                action: Text(action.verb),
                method: "POST",
                path: format!("/api/v1/orders/{}/{}", order.id, action.verb),
                amounts: action.shares.map(AmountsBody::from),
                bond: None,
                fee: None,
                until: action.until.map(Rfc3339),
            }),
            Verb::Dispute => Some(Self {
                action: Text(action.verb),
                method: "POST",
                path: "/api/v1/disputes/create".to_owned(),
                amounts: None,
                bond: None,
                fee: None,
                until: action.until.map(Rfc3339),
            }),
            Verb::Fund
            | Verb::LapsePayment
            | Verb::LapseRedelivery
            | Verb::LapseReview
            | Verb::Expire
            | Verb::Rule
            | Verb::Resume
            | Verb::SettleDispute
            | Verb::AbortDispute
            | Verb::Intervene
            | Verb::Extend => None,
        }
    }
}

impl DueBody {
    fn of(order: &Order, gaps: &Gaps) -> Option<Self> {
        let (duty, deadline): (_, &Deadline) = match &order.state {
            State::AwaitingFunds { payment } => ("payment", payment),
            State::Closed(_) => return None,
            State::Funded(funded) => match &funded.work {
                Work::AwaitingStart { delivery } | Work::InProgress { delivery } => {
                    ("delivery", delivery)
                }
                Work::Delivered { review, .. } => ("review", review),
                Work::ChangesRequested { redelivery, .. } => ("redelivery", redelivery),
                Work::Disputed(_) => return None,
            },
        };
        Some(Self { duty, at: Rfc3339(deadline.effective(gaps)) })
    }
}

impl SplitOfferBody {
    fn new(order: &Order, offer: &SplitOffer, gaps: &Gaps) -> Self {
        Self {
            by: Text(offer.by),
            amounts: order.price.split(offer.seller).map(AmountsBody::from),
            until: Rfc3339(offer.lapses.effective(gaps)),
        }
    }
}

impl OrderBody {
    /// With what a dispute would take from the viewer's balance.
    #[must_use]
    pub fn with_stakes(mut self, stakes: Stakes) -> Self {
        for action in &mut self.available_actions {
            if action.action.0 == Verb::Dispute {
                action.bond = Some(Money(stakes.bond));
                action.fee = Some(Money(stakes.fee));
            }
        }
        self
    }

    /// The order as `viewer` sees it; an operator who is no party may do nothing. `receiver` is
    /// the marketplace, to which transfers go.
    #[must_use]
    pub fn new(view: &OrderView, viewer: &Did, receiver: &Did) -> Self {
        let OrderView { order, now, gaps } = view;
        let cx = Context { now: *now, gaps };
        let actions = match order.role_of(viewer) {
            Some(role) => available_actions(order, role, &cx),
            None => Vec::new(),
        };
        let funded: Option<&Funded> = match &order.state {
            State::Funded(funded) => Some(funded),
            State::AwaitingFunds { .. } | State::Closed(_) => None,
        };
        let closed = match &order.state {
            State::Closed(closed) => Some(closed),
            State::AwaitingFunds { .. } | State::Funded(_) => None,
        };
        let awaits_funds = order.phase() == Phase::AwaitingFunds;
        Self {
            order_id: Text(order.id),
            status: Text(order.status()),
            phase: Text(order.phase()),
            version: order.version,
            buyer: Text(order.buyer.clone()),
            seller: Text(order.seller.clone()),
            listing_id: Text(order.listing),
            listing_version: order.listing_version,
            service: Text(order.service.clone()),
            amount: Money(order.price.price),
            fee: Money(order.price.fee),
            total: Money(order.price.total),
            base_price: Money(order.price.base),
            multiplier: Text(order.price.multiplier),
            acceptance_policy: Text(order.terms.acceptance),
            expiry_policy: Text(order.terms.expiry),
            exclusive: order.terms.exclusive,
            created_at: Rfc3339(order.created_at),
            expires_at: Rfc3339(order.expires().effective(gaps)),
            closed_at: closed.map(|closed| Rfc3339(closed.at)),
            outcome: closed.and_then(|closed| closed.shares).map(AmountsBody::from),
            payment: awaits_funds
                .then(|| PaymentInstruction::new(order.id, order.price.total, receiver)),
            due: DueBody::of(order, gaps),
            revisions_left: funded.map(|funded| funded.revisions_left),
            changes_note: funded.and_then(|funded| match &funded.work {
                Work::ChangesRequested { note, .. } => Some(Text(note.clone())),
                _ => None,
            }),
            delivery: order.delivery().map(DeliveryBody::from),
            announced: funded.and_then(|funded| funded.announced.as_ref()).map(DeliveryBody::from),
            split_offer: funded
                .and_then(|funded| funded.offer.as_ref())
                .map(|offer| SplitOfferBody::new(order, offer, gaps)),
            available_actions: actions
                .iter()
                .filter_map(|action| ActionBody::new(order, action))
                .collect(),
        }
    }
}

impl OrderPage {
    /// A page as `viewer` sees it.
    #[must_use]
    pub fn new(page: &marketplace_ports::Page<OrderView>, viewer: &Did, receiver: &Did) -> Self {
        let body = |view: &OrderView| OrderBody::new(view, viewer, receiver);
        let results: Vec<OrderBody> = page.items.iter().map(body).collect();
        let next_cursor = page.next.map(|cursor| cursor.to_string());
        Self { count: results.len(), results, next_cursor }
    }
}
