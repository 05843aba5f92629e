//! What settled orders say of agents: derived from the feed by each server for itself, the same on
//! all of them; what an agent's word and price go by follows from it.

mod cache;
mod follow;
mod settled;
mod snapshot;
mod standings;
mod totals;

use marketplace_money::{Amount, Did, Reputation};
use marketplace_reputation::{Explanation, backing};

pub(crate) use cache::ReputationCache;
pub(crate) use standings::Standings;
pub use totals::Totals;

use crate::marketplace::Marketplace;
use crate::refusal::Error;

/// Where a score comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScoreSource {
    /// From orders that were settled here.
    Effective,
    /// Nothing of weight was settled here yet: from the TEG's raw score.
    Teg,
}

/// An agent's standing with what it follows from.
#[derive(Clone, Debug)]
pub struct AgentStanding {
    /// What everything here goes by: price, listing, order of search results.
    pub score: Reputation,
    /// Where that comes from.
    pub source: ScoreSource,
    /// What our own orders say, and why.
    pub explanation: Explanation,
    /// The most that may be open with it as a seller; nothing: there is no limit.
    pub exposure_limit: Option<Amount>,
    /// What is open with it now.
    pub open_escrow: Amount,
    /// Up to which event of the feed this is known.
    pub position: u64,
    /// Whether this server has read the feed to its end since it started.
    pub is_complete: bool,
}

/// What a buyer goes by of a seller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SellerTerms {
    /// Moves the price where the listing wants it.
    pub score: Reputation,
    /// The most that may be open with it; nothing: there is no limit.
    pub exposure_limit: Option<Amount>,
    /// What is open with it now.
    pub open_escrow: Amount,
}

/// What a server goes by of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Worth {
    pub(crate) score: Reputation,
    pub(crate) source: ScoreSource,
    pub(crate) backing: Amount,
}

impl Marketplace {
    /// An agent's score: the effective one as soon as something of weight was settled with it, the
    /// TEG's before.
    pub(crate) async fn reputation(&self, did: &Did) -> Result<Reputation, Error> {
        Ok(self.worth(did).await?.score)
    }

    /// What this server goes by. While it still reads the feed after its start, that is the
    /// agent's row, as the servers wrote it when they last knew.
    pub(crate) async fn worth(&self, did: &Did) -> Result<Worth, Error> {
        let now = self.now().await?;
        let standings = &self.inner.standings;
        if !self.knows_standings().await?
            && let Some(agent) = self.store().agent(did).await?
        {
            let (score, backing) = (agent.reputation, agent.backing);
            return Ok(Worth { score, source: ScoreSource::Teg, backing });
        }
        let (standing, stake) = standings.of(did);
        let backing = backing(&standing, stake);
        if standings::has_weight(&standing, now) {
            let score = standing.score(now);
            return Ok(Worth { score, source: ScoreSource::Effective, backing });
        }
        let score = self.inner.reputations.of(did, now).await;
        Ok(Worth { score, source: ScoreSource::Teg, backing })
    }

    /// Whether the feed was read to its end. A short one is read at once.
    async fn knows_standings(&self) -> Result<bool, Error> {
        if !self.inner.standings.is_complete() {
            self.begin_standings().await?;
        }
        Ok(self.inner.standings.is_complete())
    }

    /// What lets more than the base be open with a seller. Never asks the TEG.
    pub(crate) async fn backing(&self, did: &Did) -> Result<Amount, Error> {
        if self.knows_standings().await? {
            let (standing, stake) = self.inner.standings.of(did);
            return Ok(backing(&standing, stake));
        }
        Ok(self.store().agent(did).await?.map_or(Amount::ZERO, |agent| agent.backing))
    }

    /// How much may be open with a seller; nothing: there is no limit.
    pub(crate) async fn exposure_limit(&self, did: &Did) -> Result<Option<Amount>, Error> {
        let rules = self.house_rules().at(self.now().await?);
        let Some(base) = rules.exposure_base else { return Ok(None) };
        Ok(Some(base.checked_add(self.backing(did).await?).unwrap_or(Amount::MAX)))
    }

    /// What a buyer goes by of a seller.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn seller_terms(&self, did: &Did) -> Result<SellerTerms, Error> {
        Ok(SellerTerms {
            score: self.reputation(did).await?,
            exposure_limit: self.exposure_limit(did).await?,
            open_escrow: self.store().exposure(did).await?,
        })
    }

    /// An agent's standing, explained.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn standing(&self, did: &Did) -> Result<AgentStanding, Error> {
        let now = self.now().await?;
        let worth = self.worth(did).await?;
        let standings = &self.inner.standings;
        Ok(AgentStanding {
            score: worth.score,
            source: worth.source,
            explanation: standings.explain(did, now),
            exposure_limit: self.exposure_limit(did).await?,
            open_escrow: self.store().exposure(did).await?,
            position: standings.position(),
            is_complete: standings.is_complete(),
        })
    }
}
