//! Funding by pull: a command that lacks tokens fetches what it lacks, for itself only.
//!
//! Intent first, then the TEG, then one commit with the credit and the command. A crash between
//! any two leaves an intent that the worker resolves; the same attempt repeated goes on where it
//! was.

use std::sync::Arc;

use marketplace_listings::Invalid;
use marketplace_money::{Amount, DepositId, Did};
use marketplace_ports::{Deposit, DepositState, Key, TegError, TransferOrder};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::job::{Done, Idempotency, Verb};
use crate::marketplace::Marketplace;
use crate::refusal::{Error, Refusal};
use crate::verbs::{AskDeposit, Balance, CloseDeposit, CreditDeposit, Funded, ShowBalance};

/// What a refusal lacks, if it is for want of tokens.
fn lacking(refusal: &Refusal) -> Option<Amount> {
    match refusal {
        Refusal::InsufficientBalance { need, available } => need.checked_sub(*available),
        Refusal::ListingFee(inner) => lacking(inner),
        _ => None,
    }
}

/// The same attempt of the same caller asks for the same deposit.
fn deposit_id<R>(idempotency: Option<&Idempotency<R>>, fresh: Uuid) -> DepositId {
    let Some(Idempotency { key, body_sha256, .. }) = idempotency else {
        return DepositId::new(fresh);
    };
    let mut hash = Sha256::new();
    for part in [key.caller.as_str(), &key.route, &key.key] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update(body_sha256);
    from_hash(&hash.finalize())
}

fn from_hash(hash: &[u8]) -> DepositId {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash).for_each(|(byte, from)| *byte = *from);
    DepositId::new(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

/// How often one attempt may try to pull before it is told that it cannot pay.
const MOST_DEPOSITS: usize = 8;

impl Marketplace {
    /// Executes a command of `caller`; when it lacks tokens, pulls them from the TEG first.
    pub(crate) async fn execute_funded<V: Verb>(
        &self,
        caller: &Did,
        verb: V,
        idempotency: Option<Idempotency<V::Reply>>,
    ) -> Result<Done<V::Reply>, Error> {
        let verb = Arc::new(verb);
        let refusal = match self.execute_shared(verb.clone(), idempotency.clone()).await {
            Err(Error::Refused(refusal)) => refusal,
            done => return done,
        };
        let Some(amount) = lacking(&refusal) else { return Err(refusal.into()) };
        // On the heap: nearly every command ends above, and a request's future would carry the
        // size of this branch around for nothing.
        Box::pin(self.pull_and_execute(caller, verb, idempotency, refusal, amount)).await
    }

    /// Pulls what the command lacks, then executes it with the credit in one commit.
    async fn pull_and_execute<V: Verb>(
        &self,
        caller: &Did,
        verb: Arc<V>,
        idempotency: Option<Idempotency<V::Reply>>,
        refusal: Refusal,
        amount: Amount,
    ) -> Result<Done<V::Reply>, Error> {
        let id = deposit_id(idempotency.as_ref(), self.fresh_id().await?);
        let credit = match self.pull(id, caller, amount, Ended::Next).await {
            Ok(credit) => credit,
            Err(PullError::NotToBeHad) => return Err(refusal.into()),
            Err(PullError::Failed(error)) => return Err(error),
        };
        self.finish_funded(Funded { credit, verb }, idempotency).await
    }

    /// Moves tokens into the balance because the agent asks for it.
    pub(crate) async fn deposit_by_pull(
        &self,
        agent: &Did,
        amount: Amount,
        idempotency: Option<Idempotency<Balance>>,
    ) -> Result<Done<Balance>, Error> {
        if !amount.is_positive() {
            return Err(Refusal::from(Invalid::new("amount", "must be above 0")).into());
        }
        // Another body under a key that was used must not move tokens: here the key is looked up
        // before the TEG is called, not only in the commit after it.
        if let Some(answer) = self.answered(idempotency.as_ref()).await? {
            return answer;
        }
        let id = deposit_id(idempotency.as_ref(), self.fresh_id().await?);
        let credit = match self.pull(id, agent, amount, Ended::Same).await {
            Ok(credit) => credit,
            Err(PullError::Failed(error)) => return Err(error),
            Err(PullError::NotToBeHad) => {
                let available = self.wallet(agent).await?.teg.map(|teg| teg.available);
                let available = available.unwrap_or_default();
                return Err(Refusal::InsufficientBalance { need: amount, available }.into());
            }
        };
        let verb = Arc::new(ShowBalance { agent: agent.clone() });
        self.finish_funded(Funded { credit, verb }, idempotency).await
    }

    /// The stored answer to an earlier attempt, if there is one.
    async fn answered<R>(
        &self,
        idempotency: Option<&Idempotency<R>>,
    ) -> Result<Option<Result<Done<R>, Error>>, Error> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        let keys = [Key::Idempotency(idempotency.key.clone())].into_iter().collect();
        Ok(idempotency.answered(&self.store().load(&keys).await?))
    }

    async fn finish_funded<V: Verb>(
        &self,
        funded: Funded<V>,
        idempotency: Option<Idempotency<V::Reply>>,
    ) -> Result<Done<V::Reply>, Error> {
        let idempotency = idempotency.map(|Idempotency { key, body_sha256, render }| Idempotency {
            key,
            body_sha256,
            render: Arc::new(move |reply: &Result<V::Reply, Refusal>| {
                // A refusal is never remembered (`Funded::is_refusal`).
                reply.as_ref().map(|reply| render(reply)).unwrap_or_default()
            }) as _,
        });
        match self.execute(funded, idempotency).await? {
            Done::Fresh(Ok(reply)) => Ok(Done::Fresh(reply)),
            Done::Fresh(Err(refusal)) => Err(refusal.into()),
            Done::Repeated(reply) => Ok(Done::Repeated(reply)),
        }
    }

    /// Moves `amount` from the agent to us at the TEG, under a recorded intent.
    async fn pull(
        &self,
        id: DepositId,
        agent: &Did,
        amount: Amount,
        ended: Ended,
    ) -> Result<CreditDeposit, PullError> {
        let deposit = self.ask_deposit(id, agent, amount, ended).await?;
        let id = deposit.id;
        let order = TransferOrder {
            key: id.uuid(),
            counterparty: deposit.agent.clone(),
            amount: deposit.amount,
            memo: format!("deposit:{id}"),
        };
        match self.teg().pull(&order).await {
            Ok(transfer) => Ok(CreditDeposit { id, transfer }),
            Err(TegError::Refused { reason, .. }) => {
                self.close_deposit(id, DepositState::Refused { reason }).await;
                Err(PullError::NotToBeHad)
            }
            Err(error @ TegError::Unsupported { .. }) => {
                let reason = error.to_string();
                self.close_deposit(id, DepositState::Refused { reason }).await;
                Err(PullError::NotToBeHad)
            }
            // The worker finds out what became of it; the same attempt may be repeated.
            Err(error @ (TegError::Unavailable { .. } | TegError::Unknown { .. })) => {
                Err(PullError::Failed(Error::unavailable(error, 2)))
            }
        }
    }

    /// The intent to go on with: this one, or the next when it has ended. One that was refused
    /// moved nothing, and one that was credited is in the balance that did not suffice.
    async fn ask_deposit(
        &self,
        first: DepositId,
        agent: &Did,
        amount: Amount,
        ended: Ended,
    ) -> Result<Arc<Deposit>, PullError> {
        let mut id = first;
        for _ in 0..MOST_DEPOSITS {
            let ask = AskDeposit { id, agent: agent.clone(), amount };
            let Done::Fresh(deposit) =
                self.alone().execute(ask, None).await.map_err(PullError::Failed)?
            else {
                return Err(PullError::NotToBeHad);
            };
            match deposit.state {
                // The intent's own amount goes with its key, whatever is lacking now.
                DepositState::Asked | DepositState::Unseen => return Ok(deposit),
                DepositState::Credited(_) if ended == Ended::Same => return Ok(deposit),
                DepositState::Refused { .. } | DepositState::Credited(_) => {
                    let hash = Sha256::digest(id.uuid().as_bytes());
                    id = from_hash(&hash);
                }
            }
        }
        Err(PullError::NotToBeHad)
    }

    pub(crate) async fn close_deposit(&self, id: DepositId, state: DepositState) {
        match self.alone().execute(CloseDeposit { id, state }, None).await {
            Ok(_) | Err(Error::Refused(_)) => {}
            // The worker will look at it again.
            Err(error) => tracing::warn!(%id, %error, "a deposit stays open"),
        }
    }
}

/// What to do with an intent that was credited before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// It is in the balance that did not suffice: ask for more.
    Next,
    /// It is what was asked for: nothing more.
    Same,
}

enum PullError {
    /// The agent does not have it, or this TEG does not give it.
    NotToBeHad,
    /// We do not know, or cannot say now.
    Failed(Error),
}
