//! A buyer buys: the order and its escrow in one commit, or nothing.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_escrow::{Actor, Command, Context, ExpiryPolicy, Order, OrderTerms, decide};
use marketplace_fees::{Expectation, Quote};
use marketplace_ledger::Account;
use marketplace_listings::{AcceptancePolicy, Pricing};
use marketplace_money::{Amount, Did, ListingId, OrderId, Reputation, Timestamp};
use marketplace_ports::{Agent, HouseRules, Key, Subject, TegRecord, TegTransactionId};

use super::OrderView;
use crate::desk::Desk;
use crate::in_force::{Ruled, Tariff};
use crate::job::Verb;
use crate::payment::{Purpose, check};
use crate::refusal::Refusal;

/// How the buyer pays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Payment {
    /// From its balance here; what is lacking is pulled from the TEG where that is possible.
    #[default]
    Balance,
    /// By a transfer that is still to come: the order waits for it.
    Transfer,
    /// By a transfer that the buyer made before, and that pays for nothing else.
    Prepaid(TegTransactionId),
}

/// What a purchase goes by of its seller. It is looked up before the command is queued, and what
/// follows from it is frozen in the order.
#[derive(Clone, Debug)]
pub(crate) struct SellerStanding {
    pub(crate) did: Did,
    /// Moves the price, where the listing wants it.
    pub(crate) reputation: Reputation,
    /// How much may be open with any seller, over time.
    pub(crate) rules: Ruled<HouseRules>,
    /// What lets more be open with this one.
    pub(crate) backing: Amount,
}

impl SellerStanding {
    /// How much may be open with it; nothing: there is no limit.
    fn limit(&self, now: Timestamp) -> Option<Amount> {
        let base = self.rules.at(now).exposure_base?;
        Some(base.checked_add(self.backing).unwrap_or(Amount::MAX))
    }
}

/// Buys a service.
#[derive(Clone, Debug)]
pub(crate) struct Purchase {
    pub(crate) buyer: Did,
    /// Ourselves: the receiver of every payment.
    pub(crate) ours: Did,
    pub(crate) listing: ListingId,
    pub(crate) acceptance: Option<AcceptancePolicy>,
    pub(crate) expects: Expectation,
    pub(crate) payment: Payment,
    pub(crate) tariff: Tariff,
    pub(crate) expiry: ExpiryPolicy,
    pub(crate) max_unfunded: u32,
    /// No order may hold more, where our stake is the limit.
    pub(crate) room: Option<Amount>,
    /// Who sells, as far as this server knows.
    pub(crate) seller: Option<SellerStanding>,
}

impl Verb for Purchase {
    type Reply = OrderView;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Listing(self.listing));
        if let Some(seller) = &self.seller {
            // Its exposure is kept there.
            keys.insert(Key::Balance(Account::Agent(seller.did.clone())));
        }
        match &self.payment {
            Payment::Balance => {
                keys.insert(Key::Balance(Account::Agent(self.buyer.clone())));
            }
            Payment::Prepaid(transaction) => {
                keys.insert(Key::Balance(Account::Agent(self.buyer.clone())));
                keys.insert(Key::TegTransaction(transaction.clone()));
            }
            Payment::Transfer => {
                keys.insert(Key::Agent(self.buyer.clone()));
            }
        }
    }

    fn is_checked_by_its_commit(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let now = desk.now();
        let listing = desk.listing(self.listing).ok_or(Refusal::ListingNotFound)?;
        if !listing.is_active(now, desk.gaps()) {
            return Err(Refusal::ListingNotFound);
        }
        if listing.provider == self.buyer {
            return Err(Refusal::OwnListing);
        }
        let terms = &listing.offer.terms;
        if self.acceptance == Some(AcceptancePolicy::Verified) && terms.checks.is_empty() {
            return Err(Refusal::PolicyNotOffered);
        }
        let seller = self.seller.as_ref().filter(|seller| seller.did == listing.provider);
        let Some(seller) = seller else { return Err(Refusal::SellerNeeded) };
        let reputation = match terms.pricing {
            Pricing::Fixed => Reputation::UNKNOWN,
            Pricing::Reputation => seller.reputation,
        };
        let fees = self.tariff.at(now);
        let price = Quote::settle(&fees, &listing, &self.buyer, reputation, &self.expects, now)?;
        if self.room.is_some_and(|room| price.total > room) {
            return Err(Refusal::EscrowFull);
        }
        let terms = OrderTerms::from_listing(terms, self.acceptance, self.expiry);
        let id = OrderId::new(desk.fresh());
        desk.rely_on(Key::Listing(listing.id), listing.version);
        let placed = Order::place(id, self.buyer.clone(), &listing, terms, price, now);
        // An order that waits for its transfer would not hold the seller's room for nothing, but
        // its buyer is told at once.
        let asked = placed.price.total;
        let limit = seller.limit(now);
        desk.check_exposure(&seller.did, asked, limit)?;
        let order = match &self.payment {
            Payment::Transfer => self.await_transfer(desk, placed)?,
            Payment::Balance => fund(desk, placed)?,
            Payment::Prepaid(transaction) => self.take_prepaid(desk, transaction, placed)?,
        };
        desk.limit_exposure(&seller.did, limit);
        Ok(OrderView { order, now, gaps: desk.gaps().clone() })
    }
}

fn fund(desk: &mut Desk<'_>, placed: Order) -> Result<Arc<Order>, Refusal> {
    let cx = Context { now: desk.now(), gaps: desk.gaps() };
    let events = decide(&placed, Actor::Ledger, &Command::Fund, &cx)?;
    desk.place_order(placed, &events)
}

impl Purchase {
    /// The tokens of the transfer were credited when it was seen: the order is paid from the
    /// balance, and the transfer is used up for ever.
    fn take_prepaid(
        &self,
        desk: &mut Desk<'_>,
        transaction: &TegTransactionId,
        placed: Order,
    ) -> Result<Arc<Order>, Refusal> {
        let record = desk.teg_record(transaction);
        let purpose = Purpose::Listing(self.listing, placed.price.total);
        check(record.as_deref(), &self.buyer, &self.ours, purpose)?;
        let record = record.ok_or(Refusal::PaymentNotSeen)?;
        let order = fund(desk, placed)?;
        let used_for = Some(Subject::Order(order.id));
        desk.write_teg_record(TegRecord { used_for, ..record.as_ref().clone() });
        Ok(order)
    }

    fn await_transfer(&self, desk: &mut Desk<'_>, placed: Order) -> Result<Arc<Order>, Refusal> {
        let agent = desk.agent(&self.buyer);
        if agent.unfunded_orders >= self.max_unfunded {
            return Err(Refusal::TooManyUnfunded { limit: self.max_unfunded });
        }
        let unfunded_orders = agent.unfunded_orders + 1;
        desk.write_agent(agent.version, Agent { unfunded_orders, ..agent.as_ref().clone() });
        desk.place_order(placed, &[])
    }
}
