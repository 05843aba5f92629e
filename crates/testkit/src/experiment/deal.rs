//! One order, by the real machine of orders.

use std::collections::BTreeMap;

use marketplace_escrow::{
    Actor, Command, Context, DeliveryInput, ExpiryPolicy, Order, OrderTerms, apply, decide, posting,
};
use marketplace_fees::FeeSchedule;
use marketplace_ledger::{Account, EntryDraft};
use marketplace_listings::{Listing, Offer, Pricing, ServiceType, Terms};
use marketplace_money::{Amount, Did, Gaps, ListingId, OrderId, Reputation, Timestamp};
use uuid::Uuid;

/// Everybody's money, in nano-AVT. Agents may owe: how they came by it is not our question.
#[derive(Clone, Debug, Default)]
pub(super) struct Purses(BTreeMap<Account, i64>);

impl Purses {
    pub(super) fn book(&mut self, draft: Option<&EntryDraft>) {
        for posting in draft.iter().flat_map(|draft| draft.postings()) {
            *self.0.entry(posting.account.clone()).or_default() += posting.delta.nano();
        }
    }

    pub(super) fn of(&self, account: &Account) -> i64 {
        self.0.get(account).copied().unwrap_or_default()
    }

    pub(super) fn agent(&self, did: &Did) -> i64 {
        self.of(&Account::Agent(did.clone()))
    }

    /// Sums to zero, always.
    pub(super) fn total(&self) -> i128 {
        self.0.values().map(|amount| i128::from(*amount)).sum()
    }
}

/// A command that the machine must take: the experiment asks for nothing else.
pub(super) fn act(
    order: &Order,
    by: Actor,
    command: &Command,
    now: Timestamp,
    purses: &mut Purses,
) -> Order {
    let gaps = Gaps::none();
    let events = match decide(order, by, command, &Context { now, gaps: &gaps }) {
        Ok(events) => events,
        Err(refusal) => panic!("an order of the experiment refused {command:?}: {refusal}"),
    };
    for event in &events {
        purses.book(posting(order, event).ok().flatten().as_ref());
    }
    apply(order, &events)
}

/// A funded order.
pub(super) fn buy(
    number: u128,
    buyer: &Did,
    seller: &Did,
    price: Amount,
    now: Timestamp,
    purses: &mut Purses,
) -> Order {
    let offer = Offer {
        service_type: ServiceType::Analysis,
        name: "Work".to_owned(),
        description: String::new(),
        price,
        metadata: "{}".to_owned(),
        terms: Terms::default(),
    };
    let listing = Listing::create(ListingId::new(Uuid::from_u128(1)), seller.clone(), offer, now);
    let listing = listing.expect("the offer of the experiment is valid");
    let fees = FeeSchedule::ORIGINAL;
    let price = fees.price(price, Pricing::Fixed, Reputation::UNKNOWN);
    let price = price.expect("the prices of the experiment are small");
    let terms = OrderTerms::from_listing(&listing.offer.terms, None, ExpiryPolicy::DeliveryGated);
    let id = OrderId::new(Uuid::from_u128(number));
    let order = Order::place(id, buyer.clone(), &listing, terms, price, now);
    act(&order, Actor::Ledger, &Command::Fund, now, purses)
}

/// The seller hands something over; what it is worth, no machine knows.
pub(super) fn deliver(order: &Order, now: Timestamp, purses: &mut Purses) -> Order {
    let input = DeliveryInput::Bytes {
        sha256: [1; 32],
        claimed_sha256: None,
        size: 1,
        uri: None,
        media_type: None,
        note: None,
        checks: None,
    };
    act(order, Actor::Seller, &Command::Deliver(input), now, purses)
}
