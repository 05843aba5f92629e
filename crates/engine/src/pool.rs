//! Who may judge a dispute: jurors with enough stake for long enough, of its kind of service, who
//! did not deal with its parties lately. Agents of which one sent the other a good deal count as
//! one; dust, which anybody can send to anybody, joins nobody.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use marketplace_disputes::{Candidate, Dispute, Entrant, Policy, Pool};
use marketplace_money::{Did, Timestamp};
use marketplace_ports::{Docket, OrderFilter};
use serde_json::{Value, json};

use crate::marketplace::Marketplace;
use crate::refusal::Error;

/// Jurors that a pool may have: more are not looked at, by name.
const MOST_CANDIDATES: usize = 5_000;
/// Jurors and orders that are read at once, and agents whose transfers are.
const PAGE: u32 = 500;
/// Orders of a party on each side that are looked through for its counterparties.
const MOST_ORDERS: usize = 20_000;

/// Groups of agents that are joined by material links.
#[derive(Debug, Default)]
struct Kin {
    group_of: HashMap<Did, u64>,
    groups: BTreeMap<u64, Vec<Did>>,
}

impl Kin {
    fn group(&mut self, did: &Did) -> u64 {
        if let Some(group) = self.group_of.get(did) {
            return *group;
        }
        let group = self.group_of.len() as u64;
        self.group_of.insert(did.clone(), group);
        self.groups.insert(group, vec![did.clone()]);
        group
    }

    fn join(&mut self, one: &Did, other: &Did) {
        let (kept, gone) = (self.group(one), self.group(other));
        if kept == gone {
            return;
        }
        for did in self.groups.remove(&gone).unwrap_or_default() {
            self.group_of.insert(did.clone(), kept);
            self.groups.entry(kept).or_default().push(did);
        }
    }
}

impl Marketplace {
    /// The pool that a panel for this dispute is drawn from.
    pub(crate) async fn pool(&self, docket: &Docket, now: Timestamp) -> Result<Pool, Error> {
        let dispute = &docket.dispute;
        let since = now.minus(Policy::MEMORY);
        let order = self.store().order(dispute.order).await?;
        let listing = match order {
            Some(order) => self.store().listing(order.listing).await?,
            None => None,
        };
        let listing = listing.ok_or_else(|| Error::Fault("an order without listing".to_owned()))?;
        let jurors = self.all_jurors().await?;
        let serving = jurors.into_iter();
        let serving: Vec<_> =
            serving.filter(|(juror, _)| juror.serves(listing.offer.service_type)).collect();
        let dealt = self.dealt_with(dispute, since).await?;
        let mut names: Vec<Did> = vec![dispute.buyer.clone(), dispute.seller.clone()];
        names.extend(serving.iter().map(|(juror, _)| juror.did.clone()));
        let mut kin = self.kin(&names, since).await?;
        let parties = [kin.group(&dispute.buyer), kin.group(&dispute.seller)];
        let candidates: Vec<Candidate> = serving
            .into_iter()
            .map(|(juror, stake)| Candidate {
                juror: juror.did.clone(),
                stake,
                since: juror.since,
                seats: juror.seats(),
                dealt_with_a_party: dealt.contains(&juror.did),
                cluster: Some(kin.group(&juror.did)),
            })
            .collect();
        Ok(Pool::of(dispute, &candidates, &parties, now))
    }

    async fn all_jurors(
        &self,
    ) -> Result<Vec<(Arc<marketplace_ports::Juror>, marketplace_money::Amount)>, Error> {
        let mut jurors: Vec<(Arc<marketplace_ports::Juror>, _)> = Vec::new();
        while jurors.len() < MOST_CANDIDATES {
            let after = jurors.last().map(|(juror, _)| juror.did.clone());
            let page = self.store().jurors(after.as_ref(), PAGE).await?;
            let last = page.len() < PAGE as usize;
            jurors.extend(page);
            if last {
                break;
            }
        }
        Ok(jurors)
    }

    /// Whoever had an order with one of the parties lately.
    async fn dealt_with(&self, dispute: &Dispute, since: Timestamp) -> Result<HashSet<Did>, Error> {
        let mut dealt = HashSet::new();
        for party in [&dispute.buyer, &dispute.seller] {
            for as_seller in [false, true] {
                let (mut cursor, mut seen) = (None, 0);
                loop {
                    let agent = party.clone();
                    let filter =
                        OrderFilter { agent, as_seller, status: None, cursor, limit: PAGE };
                    let page = self.store().orders(&filter).await?;
                    seen += page.items.len();
                    let recent = page.items.iter().filter(|order| order.created_at >= since);
                    dealt.extend(recent.map(|order| {
                        if as_seller { order.buyer.clone() } else { order.seller.clone() }
                    }));
                    let old = page.items.last().is_some_and(|order| order.created_at < since);
                    if page.next.is_none() || old || seen >= MOST_ORDERS {
                        break;
                    }
                    cursor = page.next;
                }
            }
        }
        Ok(dealt)
    }

    /// Who of these counts as one with whom: of whom and to whom it had, or sent, a good deal lately.
    async fn kin(&self, names: &[Did], since: Timestamp) -> Result<Kin, Error> {
        let mut kin = Kin::default();
        for names in names.chunks(PAGE as usize) {
            let links = self.store().sent_since(names, since, Policy::MATERIAL_LINK).await?;
            for (sender, receiver) in &links {
                kin.join(sender, receiver);
            }
        }
        Ok(kin)
    }
}

/// A frozen pool as it is kept: names, weights, clusters.
pub(crate) fn pool_bytes(pool: &Pool) -> Arc<[u8]> {
    let line = |entrant: &Entrant| json!([entrant.juror.as_str(), entrant.weight, entrant.cluster]);
    let lines: Vec<Value> = pool.entrants().iter().map(line).collect();
    Value::Array(lines).to_string().into_bytes().into()
}

/// The pool of these bytes.
pub(crate) fn pool_from(bytes: &[u8]) -> Option<Pool> {
    let lines: Vec<(String, i64, Option<u64>)> = serde_json::from_slice(bytes).ok()?;
    let entrant = |(juror, weight, cluster): (String, i64, Option<u64>)| {
        Some(Entrant { juror: juror.parse().ok()?, weight, cluster })
    };
    let entrants: Option<Vec<Entrant>> = lines.into_iter().map(entrant).collect();
    Some(Pool::new(entrants?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn did(number: usize) -> Did {
        format!("did:test:{number}").parse().unwrap()
    }

    fn groups(links: &[(usize, usize)], agents: usize) -> Vec<BTreeSet<usize>> {
        let mut kin = Kin::default();
        for (one, other) in links {
            kin.join(&did(*one), &did(*other));
        }
        let mut groups: BTreeMap<u64, BTreeSet<usize>> = BTreeMap::new();
        for agent in 0..agents {
            groups.entry(kin.group(&did(agent))).or_default().insert(agent);
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort();
        groups
    }

    #[test]
    fn links_join_through_others() {
        let check = |links: &[(usize, usize)], expect: &[&[usize]]| {
            let expect: Vec<BTreeSet<usize>> =
                expect.iter().map(|group| group.iter().copied().collect()).collect();
            assert_eq!(groups(links, 5), expect, "{links:?}");
        };
        check(&[], &[&[0], &[1], &[2], &[3], &[4]]);
        check(&[(0, 1), (1, 0)], &[&[0, 1], &[2], &[3], &[4]]);
        check(&[(0, 9), (9, 1)], &[&[0, 1], &[2], &[3], &[4]]);
        check(&[(0, 1), (2, 3), (3, 1)], &[&[0, 1, 2, 3], &[4]]);
        check(&[(4, 4)], &[&[0], &[1], &[2], &[3], &[4]]);
    }

    proptest! {
        /// Who is in a group with whom does not depend on the order of the links, nor on who sent.
        #[test]
        fn groups_are_what_links_reach(
            links in proptest::collection::vec((0_usize..9, 0_usize..9), 0..14),
        ) {
            let mut turned: Vec<_> = links.iter().rev().map(|(one, other)| (*other, *one)).collect();
            turned.extend(&links);
            prop_assert_eq!(groups(&links, 9), groups(&turned, 9));
            let mut reached: Vec<BTreeSet<usize>> =
                (0..9).map(|agent| BTreeSet::from([agent])).collect();
            for _ in 0..9 {
                for (one, other) in &links {
                    let both: BTreeSet<usize> = &reached[*one] | &reached[*other];
                    reached[*one].clone_from(&both);
                    reached[*other] = both;
                }
            }
            for (agent, own) in reached.iter().enumerate() {
                let group = groups(&links, 9).into_iter().find(|group| group.contains(&agent));
                prop_assert_eq!(group.as_ref(), Some(own));
            }
        }
    }
}
