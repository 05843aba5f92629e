//! What operators and holders of API keys do: dead letters, keys.

use std::sync::Arc;

use marketplace_money::Did;
use marketplace_ports::{ApiKey, DeadEffect};
use uuid::Uuid;

use crate::job::{Done, Idempotency};
use crate::marketplace::Marketplace;
use crate::refusal::{Error, Refusal};
use crate::verbs::{KeepApiKey, ReviveEffect, RevokeApiKey};

/// Dead letters that are looked through for one id.
const MOST_DEAD: u32 = 100_000;
/// Keys of one agent that are shown.
const MOST_KEYS: u32 = 1_000;

impl Marketplace {
    /// Work that was given up, at most `limit`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadEffect>, Error> {
        Ok(self.store().dead_effects(limit).await?)
    }

    /// Tries work again that was given up.
    ///
    /// # Errors
    /// When there is no dead letter of this id.
    pub async fn revive(&self, id: Uuid) -> Result<(), Error> {
        let dead = self.store().dead_effects(MOST_DEAD).await?;
        let dead = dead.into_iter().find(|dead| dead.effect.id == id);
        let error = dead.ok_or(Refusal::NotFound)?.error;
        self.execute(ReviveEffect { id, error }, None).await?;
        self.inner.publisher.work.notify_one();
        Ok(())
    }

    /// Binds a secret, known by its hash, to an agent. Doing it again changes nothing.
    ///
    /// # Errors
    /// When the secret is bound to another agent, or was revoked.
    pub async fn keep_api_key(
        &self,
        agent: &Did,
        sha256: [u8; 32],
        label: String,
        idempotency: Option<Idempotency<Arc<ApiKey>>>,
    ) -> Result<Done<Arc<ApiKey>>, Error> {
        self.execute(KeepApiKey { sha256, agent: agent.clone(), label }, idempotency).await
    }

    /// Ends a key, at once and for ever. `holder` is whose key it must be; nobody, for operators.
    ///
    /// # Errors
    /// When the holder has no such key.
    pub async fn revoke_api_key(
        &self,
        sha256: [u8; 32],
        holder: Option<Did>,
        idempotency: Option<Idempotency<Arc<ApiKey>>>,
    ) -> Result<Done<Arc<ApiKey>>, Error> {
        self.execute(RevokeApiKey { sha256, holder }, idempotency).await
    }

    /// The key of a secret.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn api_key(&self, sha256: &[u8; 32]) -> Result<Option<Arc<ApiKey>>, Error> {
        Ok(self.store().api_key(sha256).await?)
    }

    /// An agent's keys, the revoked ones too, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn api_keys(&self, agent: &Did) -> Result<Vec<Arc<ApiKey>>, Error> {
        let mut keys = self.store().api_keys(agent, MOST_KEYS).await?;
        keys.sort_by_key(|key| std::cmp::Reverse((key.at, key.sha256)));
        Ok(keys)
    }
}
