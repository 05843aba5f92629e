//! What settled orders say of agents: derived from the feed by each server for itself, the same on
//! all of them; what an agent's word and price go by follows from it.

mod cache;
mod follow;
mod settled;
mod snapshot;
mod standings;
mod totals;

use marketplace_money::{Did, Reputation};
use marketplace_reputation::Explanation;

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
    /// Up to which event of the feed this is known.
    pub position: u64,
    /// Whether this server has read the feed to its end since it started.
    pub is_complete: bool,
}

/// What a server goes by of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Worth {
    pub(crate) score: Reputation,
    pub(crate) source: ScoreSource,
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
            return Ok(Worth { score: agent.reputation, source: ScoreSource::Teg });
        }
        let standing = standings.of(did);
        if standings::has_weight(&standing, now) {
            let score = standing.score(now);
            return Ok(Worth { score, source: ScoreSource::Effective });
        }
        let score = self.inner.reputations.of(did, now).await;
        Ok(Worth { score, source: ScoreSource::Teg })
    }

    /// Whether the feed was read to its end. A short one is read at once.
    async fn knows_standings(&self) -> Result<bool, Error> {
        if !self.inner.standings.is_complete() {
            self.begin_standings().await?;
        }
        Ok(self.inner.standings.is_complete())
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
            position: standings.position(),
            is_complete: standings.is_complete(),
        })
    }
}
