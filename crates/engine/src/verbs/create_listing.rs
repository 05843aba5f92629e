//! A provider lists a service. The fee is posted in the same commit, so a refused listing costs
//! nothing.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_ledger::{Account, EntryDraft, EntryKind, FeeKind};
use marketplace_listings::{Listing, Offer};
use marketplace_money::{Did, ListingId, Reputation};
use marketplace_ports::{Agent, HouseRules, Key, Subject, Timer};

use crate::desk::Desk;
use crate::events::new_listing_data;
use crate::in_force::{Ruled, Tariff};
use crate::job::Verb;
use crate::refusal::Refusal;

/// Puts up a listing.
#[derive(Clone, Debug)]
pub(crate) struct CreateListing {
    pub(crate) provider: Did,
    pub(crate) offer: Offer,
    pub(crate) reputation: Reputation,
    pub(crate) tariff: Tariff,
    pub(crate) rules: Ruled<HouseRules>,
    pub(crate) max_listings: i64,
}

impl Verb for CreateListing {
    type Reply = Arc<Listing>;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Agent(self.provider.clone()));
        keys.insert(Key::Balance(Account::Agent(self.provider.clone())));
        keys.insert(Key::Balance(Account::Collateral(self.provider.clone())));
        keys.insert(Key::ListingCount);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        self.offer.validate()?;
        let locked = desk.balance(&Account::Collateral(self.provider.clone()));
        if self.reputation.is_negative() && locked < self.rules.at(desk.now()).collateral {
            return Err(Refusal::InsufficientReputation);
        }
        desk.count_listings(1, self.max_listings)?;
        let id = ListingId::new(desk.fresh());
        let listing = Listing::create(id, self.provider.clone(), self.offer.clone(), desk.now())?;
        let fee = self.tariff.at(desk.now()).listing;
        if fee.is_positive() {
            let from = Account::Agent(self.provider.clone());
            let to = Account::Fees(FeeKind::Listing);
            let draft = EntryDraft::transfer(EntryKind::ListingFee, from, to, fee)
                .map_err(|_| Refusal::ListingFee(Box::new(Refusal::NotFound)))?
                .because(format!("Listing fee for {id}"));
            desk.post(draft).map_err(|refusal| Refusal::ListingFee(Box::new(refusal)))?;
        }
        let agent = desk.agent(&self.provider);
        let changed = Agent {
            listings: agent.listings + 1,
            reputation: self.reputation,
            ..agent.as_ref().clone()
        };
        desk.write_agent(agent.version, changed);
        let subject = Subject::Listing(id);
        let (kind, sequence, due) = (EXPIRY, listing.version, listing.life.due);
        desk.set_timer(Timer { subject, kind, sequence, due });
        let data = new_listing_data(&listing, fee);
        desk.emit(subject, "listing.created", vec![self.provider.clone()], data);
        Ok(desk.write_listing(0, listing))
    }
}

/// The clock that ends a listing.
pub(crate) const EXPIRY: &str = "expiry";
