//! Agents' standing, from our cached copy: the TEG is asked at most once a minute for each agent,
//! and when it does not answer, the last good answer stands.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use marketplace_money::{Did, Reputation, Seconds, Timestamp};
use marketplace_ports::{Store, Teg};

use crate::measures::Measures;

const FRESH: Seconds = Seconds(60);
/// Agents remembered; beyond that the oldest answers go.
const MOST: usize = 100_000;

pub(crate) struct ReputationCache {
    teg: Arc<dyn Teg>,
    store: Arc<dyn Store>,
    measures: Measures,
    known: Mutex<HashMap<Did, (Reputation, Timestamp)>>,
}

impl ReputationCache {
    pub(crate) fn new(teg: Arc<dyn Teg>, store: Arc<dyn Store>, measures: Measures) -> Self {
        Self { teg, store, measures, known: Mutex::default() }
    }

    /// An agent's standing; unknown agents have none, which is 0.
    pub(crate) async fn of(&self, did: &Did, now: Timestamp) -> Reputation {
        let known = self.lock().get(did).copied();
        let fresh = known.filter(|(_, at)| now < at.plus(FRESH));
        self.measures.looked("reputation", fresh.is_some());
        if let Some((reputation, _)) = fresh {
            return reputation;
        }
        let reputation = match self.teg.reputation(did).await {
            Ok(reputation) => reputation.unwrap_or_default(),
            Err(error) => {
                tracing::warn!(%error, %did, "using the last known reputation");
                match known {
                    Some((reputation, _)) => reputation,
                    None => self.stored(did).await,
                }
            }
        };
        let mut cache = self.lock();
        if cache.len() >= MOST {
            cache.retain(|_, (_, at)| now < at.plus(FRESH));
        }
        cache.insert(did.clone(), (reputation, now));
        reputation
    }

    async fn stored(&self, did: &Did) -> Reputation {
        let agent = self.store.agent(did).await.ok().flatten();
        agent.map(|agent| agent.reputation).unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Did, (Reputation, Timestamp)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
