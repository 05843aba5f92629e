//! What operators do together: propose, approve, cancel; and what of it is in force.

use std::sync::Arc;

use marketplace_fees::FeeSchedule;
use marketplace_ledger::Account;
use marketplace_money::{Amount, Did};
use marketplace_ports::{Motion, MotionAction, SealedEvent, StoreError};
use uuid::Uuid;

use crate::in_force::Tariff;
use crate::job::{Done, Idempotency};
use crate::marketplace::Marketplace;
use crate::refusal::{Error, Refusal};
use crate::verbs::{CancelMotion, Means, Move, Word};

const PAGE: u32 = 500;

/// An operator's word on what shall be done.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// What.
    pub action: MotionAction,
    /// Public.
    pub reason: Arc<str>,
    /// Only look whether it could be done.
    pub try_only: bool,
}

impl Marketplace {
    /// An operator proposes something; where its word is enough, it is done in the same commit.
    ///
    /// # Errors
    /// When the caller is no operator, or the rules say no to what it wants.
    pub async fn propose(
        &self,
        operator: &Did,
        proposal: Proposal,
        idempotency: Option<Idempotency<Arc<Motion>>>,
    ) -> Result<Done<Arc<Motion>>, Error> {
        let verb = Move {
            operator: self.operator(operator)?,
            word: Word::Propose { reason: proposal.reason },
            means: self.means(&proposal.action).await?,
            action: proposal.action,
            signature: None,
            try_only: proposal.try_only,
        };
        let idempotency = idempotency.filter(|_| !verb.try_only);
        self.execute(verb, idempotency).await
    }

    /// Another operator agrees; the last one that it takes has it done.
    ///
    /// # Errors
    /// When the motion is over, or cannot be carried out any more.
    pub async fn approve_motion(
        &self,
        operator: &Did,
        motion: Uuid,
        idempotency: Option<Idempotency<Arc<Motion>>>,
    ) -> Result<Done<Arc<Motion>>, Error> {
        let known = self.store().motion(motion).await?.ok_or(Refusal::NotFound)?;
        let verb = Move {
            operator: self.operator(operator)?,
            word: Word::Approve { motion },
            action: known.action.clone(),
            signature: None,
            means: self.means(&known.action).await?,
            try_only: false,
        };
        self.execute(verb, idempotency).await
    }

    /// Takes a motion back that waits, for approvals or for its time.
    ///
    /// # Errors
    /// When it is over.
    pub async fn cancel_motion(
        &self,
        operator: &Did,
        motion: Uuid,
        reason: String,
        idempotency: Option<Idempotency<Arc<Motion>>>,
    ) -> Result<Done<Arc<Motion>>, Error> {
        let (operator, operators) = (self.operator(operator)?, self.config().operators.clone());
        self.execute(CancelMotion { operator, motion, reason, operators }, idempotency).await
    }

    /// One motion.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn motion(&self, id: Uuid) -> Result<Option<Arc<Motion>>, Error> {
        Ok(self.store().motion(id).await?)
    }

    /// Motions, newest first, before one of them.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn motions(
        &self,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Arc<Motion>>, Error> {
        Ok(self.store().motions(before, limit).await?)
    }

    /// The fees over time, as this server knows them.
    #[must_use]
    pub fn tariff(&self) -> Tariff {
        self.inner.publisher.in_force.tariff(self.config().fees)
    }

    /// The fees of now.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn fees(&self) -> Result<FeeSchedule, Error> {
        Ok(self.tariff().at(self.now().await?))
    }

    /// Whether operators froze an agent: it may look, and command nothing.
    #[must_use]
    pub fn is_frozen(&self, did: &Did) -> bool {
        self.inner.publisher.in_force.is_frozen(did)
    }

    /// Our own tokens, as the books have them.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn own_capital(&self) -> Result<Amount, Error> {
        Ok(self.store().account_sum(&Account::Capital).await?)
    }

    /// Everybody's events after a position, in order: for operators.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn event_log(&self, after: u64, limit: u32) -> Result<Vec<SealedEvent>, Error> {
        Ok(self.store().events_after(after, limit).await?)
    }

    /// Reads all motions whose effect lasts. There are few.
    pub(crate) async fn refresh_in_force(&self) -> Result<(), StoreError> {
        let mut before = None;
        loop {
            let page = self.store().motions(before, PAGE).await?;
            for motion in &page {
                self.inner.publisher.in_force.put(motion);
            }
            match page.last() {
                Some(last) if page.len() == PAGE as usize => before = Some(last.id),
                _ => return Ok(()),
            }
        }
    }

    fn operator(&self, did: &Did) -> Result<Did, Refusal> {
        let known = self.config().operators.includes(did);
        if known { Ok(did.clone()) } else { Err(Refusal::OperatorsOnly) }
    }

    async fn means(&self, action: &MotionAction) -> Result<Means, Error> {
        let config = self.config();
        let capital = match action {
            MotionAction::Adjust { .. } => self.own_capital().await?,
            _ => Amount::ZERO,
        };
        let provider = match action {
            MotionAction::Delist { listing } => {
                let listing = self.store().listing(*listing).await?;
                Some(listing.ok_or(Refusal::ListingNotFound)?.provider.clone())
            }
            _ => None,
        };
        let (operators, ours) = (config.operators.clone(), config.did.clone());
        Ok(Means { operators, ours, max_listings: config.max_listings, capital, provider })
    }
}
