//! One entry for each agent that has listings.

use std::collections::BTreeMap;

use marketplace_money::Did;

use crate::document::SellerFacts;

#[derive(Debug)]
pub(crate) struct Seller {
    pub(crate) did: Did,
    pub(crate) facts: SellerFacts,
    /// The slots of its listings.
    pub(crate) offers: Vec<u32>,
}

/// Agents that sell now, by numbers that are used again when an agent has nothing left.
#[derive(Default)]
pub(crate) struct Sellers {
    table: Vec<Option<Seller>>,
    by_did: BTreeMap<Did, u32>,
    free: Vec<u32>,
}

impl Sellers {
    pub(crate) fn number(&self, did: &Did) -> Option<u32> {
        self.by_did.get(did).copied()
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Seller> {
        self.table.get(number as usize)?.as_ref()
    }

    pub(crate) fn offers(&self, did: &Did) -> &[u32] {
        let seller = self.number(did).and_then(|number| self.get(number));
        seller.map_or(&[], |seller| &seller.offers)
    }

    pub(crate) fn set_facts(&mut self, number: u32, facts: SellerFacts) {
        if let Some(Some(seller)) = self.table.get_mut(number as usize) {
            seller.facts = facts;
        }
    }

    /// The number of an agent that is about to sell something.
    pub(crate) fn enter(&mut self, did: &Did, facts: SellerFacts) -> u32 {
        if let Some(number) = self.number(did) {
            return number;
        }
        let seller = Some(Seller { did: did.clone(), facts, offers: Vec::new() });
        let number = match self.free.pop() {
            Some(number) => {
                self.table[number as usize] = seller;
                number
            }
            None => {
                self.table.push(seller);
                u32::try_from(self.table.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.by_did.insert(did.clone(), number);
        number
    }

    pub(crate) fn add_offer(&mut self, number: u32, slot: u32) {
        if let Some(Some(seller)) = self.table.get_mut(number as usize) {
            seller.offers.push(slot);
        }
    }

    /// Takes a listing from its seller, and forgets a seller that has nothing left.
    pub(crate) fn remove_offer(&mut self, number: u32, slot: u32) {
        let Some(place) = self.table.get_mut(number as usize) else { return };
        let Some(seller) = place else { return };
        seller.offers.retain(|&other| other != slot);
        if seller.offers.is_empty() {
            self.by_did.remove(&seller.did);
            *place = None;
            self.free.push(number);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_did.len()
    }
}
