//! Agents' rows follow their standing: one of all workers writes them.

use std::collections::BTreeSet;

use futures::future::join_all;
use marketplace_money::{Amount, Did};

use super::jobs::Job;
use crate::refusal::Error;
use crate::reputation::Worth;
use crate::verbs::RefreshReputation;

/// A score that moved by less is no news, unless it crosses zero: in thousandths of a point.
const NEWS: i32 = 500;
/// Nor is a backing that moved by less than this part of itself.
const PART: i64 = 16;

fn is_news(told: Option<&Worth>, worth: &Worth) -> bool {
    let Some(told) = told else { return true };
    let (was, is) = (told.score, worth.score);
    let moved = (was.milli() - is.milli()).abs() >= NEWS;
    let crossed = was.is_negative() != is.is_negative();
    let backing = |amount: Amount| amount.nano();
    let difference = (backing(told.backing) - backing(worth.backing)).saturating_abs();
    moved || crossed || difference > backing(told.backing).max(0) / PART
}

impl Job {
    /// Looks at every agent of whom something was said since the last look, and at every provider
    /// with active listings, whose score may come from the TEG (each answer is cached) and fades.
    pub(super) async fn refresh_standing(&mut self) -> Result<(), Error> {
        self.marketplace.catch_up_standings().await?;
        let mut agents: BTreeSet<Did> = self.marketplace.inner.standings.take_changed();
        agents.extend(self.marketplace.inner.publisher.catalog.providers());
        let agents: Vec<Did> = agents.into_iter().collect();
        for some in agents.chunks(self.marketplace.inner.abreast()) {
            let looks = join_all(some.iter().map(|agent| self.look_at(agent))).await;
            for (agent, news) in some.iter().zip(looks) {
                if let Some(worth) = news? {
                    self.told.insert(agent.clone(), worth);
                }
            }
        }
        Ok(())
    }

    /// What was written of an agent, if it was news.
    async fn look_at(&self, agent: &Did) -> Result<Option<Worth>, Error> {
        let worth = self.marketplace.worth(agent).await?;
        if !is_news(self.told.get(agent), &worth) {
            return Ok(None);
        }
        let (reputation, backing) = (worth.score, worth.backing);
        let verb = RefreshReputation { agent: agent.clone(), reputation, backing };
        match self.marketplace.execute(verb, None).await {
            Ok(_) | Err(Error::Refused(_)) => Ok(Some(worth)),
            Err(error) => Err(error),
        }
    }
}
