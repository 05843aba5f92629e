//! What operators do alone, and what holders of API keys do: dead letters, keys.

use std::collections::HashMap;
use std::sync::Arc;

use marketplace_money::Did;
use marketplace_ports::{ApiKey, DeadEffect, Motion};
use uuid::Uuid;

use crate::job::{Done, Idempotency};
use crate::marketplace::Marketplace;
use crate::refusal::{Error, Refusal};
use crate::verbs::{
    Alone, BeginRotation, EndRotation, KeepApiKey, OperatorAct, RetryLetters, RevokeApiKey, Revoker,
};

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

    /// An operator has work tried again that was given up: all of it or nothing.
    ///
    /// # Errors
    /// When the caller is no operator or gives no reason, or an id is none of a dead letter.
    pub async fn retry_letters(
        &self,
        act: OperatorAct,
        letters: &[Uuid],
        idempotency: Option<Idempotency<Arc<Motion>>>,
    ) -> Result<Done<Arc<Motion>>, Error> {
        let (alone, idempotency) = self.acting(act, idempotency)?;
        let dead = self.store().dead_effects(MOST_DEAD).await?;
        let mut errors: HashMap<Uuid, String> =
            dead.into_iter().map(|dead| (dead.effect.id, dead.error)).collect();
        let letter = |id: &Uuid| Some((*id, errors.remove(id)?));
        let letters: Option<Vec<_>> = letters.iter().map(letter).collect();
        let letters = letters.ok_or(Refusal::NotFound)?;
        let done = self.execute(RetryLetters { letters, alone }, idempotency).await?;
        self.inner.publisher.work.notify_one();
        Ok(done)
    }

    /// Writes down that an operator changes our key, before it is done.
    ///
    /// # Errors
    /// When the caller is no operator or gives no reason.
    pub async fn begin_rotation(&self, act: OperatorAct) -> Result<Done<Arc<Motion>>, Error> {
        let (alone, _) = self.acting::<Arc<Motion>>(act, None)?;
        self.execute(BeginRotation { alone }, None).await
    }

    /// Writes down what became of it: nothing, or why the key is the old one still.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn end_rotation(
        &self,
        operator: &Did,
        motion: Uuid,
        failure: Option<String>,
    ) -> Result<Done<Arc<Motion>>, Error> {
        let (operator, operators) = (operator.clone(), self.config().operators.clone());
        self.execute(EndRotation { motion, failure, operator, operators }, None).await
    }

    /// What is only tried is answered anew each time.
    fn acting<R>(
        &self,
        act: OperatorAct,
        idempotency: Option<Idempotency<R>>,
    ) -> Result<(Alone, Option<Idempotency<R>>), Refusal> {
        self.operator(&act.operator)?;
        let idempotency = idempotency.filter(|_| !act.try_only);
        Ok((Alone { act, operators: self.config().operators.clone() }, idempotency))
    }

    /// An agent binds a secret, known by its hash, to itself. Doing it again changes nothing.
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
        let (agent, by) = (agent.clone(), None);
        self.execute(KeepApiKey { sha256, agent, label, by }, idempotency).await
    }

    /// An operator binds a secret to an agent. Doing it again changes nothing.
    ///
    /// # Errors
    /// When the caller is no operator or gives no reason, or the secret is bound to another agent,
    /// or was revoked.
    pub async fn bind_api_key(
        &self,
        act: OperatorAct,
        (agent, sha256, label): (Did, [u8; 32], String),
        idempotency: Option<Idempotency<Arc<ApiKey>>>,
    ) -> Result<Done<Arc<ApiKey>>, Error> {
        let (alone, idempotency) = self.acting(act, idempotency)?;
        let by = Some(alone);
        self.execute(KeepApiKey { sha256, agent, label, by }, idempotency).await
    }

    /// A holder ends its key, at once and for ever.
    ///
    /// # Errors
    /// When the holder has no such key.
    pub async fn revoke_api_key(
        &self,
        sha256: [u8; 32],
        holder: Did,
        idempotency: Option<Idempotency<Arc<ApiKey>>>,
    ) -> Result<Done<Arc<ApiKey>>, Error> {
        let by = Revoker::Holder(holder);
        self.execute(RevokeApiKey { sha256, by }, idempotency).await
    }

    /// An operator ends anybody's key.
    ///
    /// # Errors
    /// When the caller is no operator or gives no reason, or there is no such key.
    pub async fn revoke_any_api_key(
        &self,
        act: OperatorAct,
        sha256: [u8; 32],
        idempotency: Option<Idempotency<Arc<ApiKey>>>,
    ) -> Result<Done<Arc<ApiKey>>, Error> {
        let (alone, idempotency) = self.acting(act, idempotency)?;
        let by = Revoker::Operator(alone);
        self.execute(RevokeApiKey { sha256, by }, idempotency).await
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
