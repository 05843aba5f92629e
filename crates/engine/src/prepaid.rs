//! Commands that name a transfer at the TEG which the caller made before.

use std::sync::Arc;

use marketplace_money::Did;
use marketplace_ports::TegTransactionId;

use crate::job::{Done, Idempotency, Verb};
use crate::marketplace::Marketplace;
use crate::payment::check_name;
use crate::refusal::{Error, Refusal};
use crate::verbs::{Balance, ClaimTransfer};

impl Marketplace {
    /// Executes a command that names a transfer. When the mirror has not seen it, the mirror looks
    /// once more, and the command is tried once more.
    pub(crate) async fn execute_prepaid<V: Verb>(
        &self,
        transaction: &TegTransactionId,
        verb: V,
        idempotency: Option<Idempotency<V::Reply>>,
    ) -> Result<Done<V::Reply>, Error> {
        check_name(transaction)?;
        let verb = Arc::new(verb);
        let done = self.execute_shared(verb.clone(), idempotency.clone()).await;
        if !matches!(done, Err(Error::Refused(Refusal::PaymentNotSeen | Refusal::PaymentPending))) {
            return done;
        }
        self.refresh_history().await?;
        self.execute_shared(verb, idempotency).await
    }

    /// Claims a transfer that the agent made to us, for its balance. Its tokens are there since the
    /// mirror saw it; after this it cannot pay for a purchase.
    ///
    /// # Errors
    /// When it was not seen yet, is not the caller's, was used before, or names something else.
    pub async fn claim_transfer(
        &self,
        agent: &Did,
        transaction: TegTransactionId,
        idempotency: Option<Idempotency<Balance>>,
    ) -> Result<Done<Balance>, Error> {
        let (agent, ours) = (agent.clone(), self.did().clone());
        let verb = ClaimTransfer { agent, ours, transaction: transaction.clone() };
        self.execute_prepaid(&transaction, verb, idempotency).await
    }
}
