//! All records in memory: for embedders, simulations and the answer to "why this score?".

use std::collections::BTreeMap;

use marketplace_money::{Amount, Did, Reputation, Timestamp};

use crate::{Edge, Recorded, Records, Settlement, Standing, Trust, record};

/// Every agent's standing, and what everybody said of everybody.
#[derive(Clone, Debug, Default)]
pub struct Book {
    standings: BTreeMap<Did, Standing>,
    /// By who is spoken of, then by who speaks.
    edges: BTreeMap<Did, BTreeMap<Did, Edge>>,
}

impl Book {
    /// Of an agent; nobody knows a stranger.
    #[must_use]
    pub fn standing(&self, agent: &Did) -> Standing {
        self.standings.get(agent).copied().unwrap_or_default()
    }

    /// What `by` said of `about`.
    #[must_use]
    pub fn edge(&self, about: &Did, by: &Did) -> Edge {
        self.edges.get(about).and_then(|said| said.get(by)).copied().unwrap_or_default()
    }

    /// Adds a settlement.
    pub fn record(&mut self, settlement: &Settlement) -> Recorded {
        let (buyer, seller) = (&settlement.buyer, &settlement.seller);
        let recorded = record(
            settlement,
            &Records {
                buyer: self.standing(buyer),
                seller: self.standing(seller),
                about_buyer: self.edge(buyer, seller),
                about_seller: self.edge(seller, buyer),
            },
        );
        let records = recorded.records;
        if buyer != seller {
            self.standings.insert(buyer.clone(), records.buyer);
            self.standings.insert(seller.clone(), records.seller);
            let mut said = |about: &Did, by: &Did, edge: Edge| {
                self.edges.entry(about.clone()).or_default().insert(by.clone(), edge);
            };
            said(buyer, seller, records.about_buyer);
            said(seller, buyer, records.about_seller);
        }
        recorded
    }

    /// All standings, by name.
    pub fn agents(&self) -> impl Iterator<Item = (&Did, &Standing)> {
        self.standings.iter()
    }

    /// All that was said: of whom, by whom, what.
    pub fn edges<'a>(&'a self) -> impl Iterator<Item = (&'a Did, &'a Did, &'a Edge)> {
        let of = |about, said: &'a BTreeMap<Did, Edge>| {
            said.iter().map(move |(by, edge)| (about, by, edge))
        };
        self.edges.iter().flat_map(move |(about, said)| of(about, said))
    }

    /// Puts a standing back that [`Self::agents`] gave.
    pub fn restore_agent(&mut self, did: Did, standing: Standing) {
        self.standings.insert(did, standing);
    }

    /// Puts words back that [`Self::edges`] gave.
    pub fn restore_edge(&mut self, about: Did, by: Did, edge: Edge) {
        self.edges.entry(about).or_default().insert(by, edge);
    }

    /// Why an agent has its score.
    #[must_use]
    pub fn explain(&self, agent: &Did, stake: Amount, now: Timestamp) -> Explanation {
        let said = self.edges.get(agent).into_iter().flatten();
        let words = said.map(|(by, edge)| (by.clone(), *edge));
        Explanation::new(&self.standing(agent), stake, words, now)
    }
}

/// What one counterparty's words add to a score, in nano-AVT of weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Who.
    pub by: Did,
    /// For the agent, as faded by now.
    pub positive: i64,
    /// Against it, as faded by now; counts double.
    pub negative: i64,
}

/// A score with its parts. What the counterparties add is what the sums are, but for the rounding
/// of each part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// −100 to 100.
    pub score: Reputation,
    /// The raw layer's sum.
    pub raw: i64,
    /// All that is for the agent, in nano-AVT of weight.
    pub positive: i64,
    /// All that is against it; counts double.
    pub negative: i64,
    /// How far its own word is trusted.
    pub trust: Trust,
    /// What backs its own word beside its stake, in nano-AVT.
    pub volume: i64,
    /// At stake.
    pub stake: Amount,
    /// How much of others' money may wait on it.
    pub exposure_limit: Amount,
    /// The heaviest words first.
    pub parts: Vec<Part>,
}

impl Explanation {
    /// From an agent's standing and all that was said of it.
    #[must_use]
    pub fn new(
        standing: &Standing,
        stake: Amount,
        words: impl IntoIterator<Item = (Did, Edge)>,
        now: Timestamp,
    ) -> Self {
        let part = |(by, edge): (Did, Edge)| Part {
            by,
            positive: edge.positive.at(now),
            negative: edge.negative.at(now),
        };
        let mut parts: Vec<Part> = words.into_iter().map(part).collect();
        parts.retain(|part| part.positive > 0 || part.negative > 0);
        let weight = |part: &Part| part.positive.saturating_add(part.negative.saturating_mul(2));
        parts.sort_by_key(|part| std::cmp::Reverse(weight(part)));
        Self {
            score: standing.score(now),
            raw: standing.raw(),
            positive: standing.positive.at(now),
            negative: standing.negative.at(now),
            trust: standing.trust(stake, now),
            volume: standing.volume.at(now),
            stake,
            exposure_limit: crate::exposure_limit(standing, stake),
            parts,
        }
    }
}
