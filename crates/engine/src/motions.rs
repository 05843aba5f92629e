//! What operators do together: propose, approve, cancel; and what of it is in force.

use std::sync::Arc;

use marketplace_disputes::DisputeRefusal;
use marketplace_fees::FeeSchedule;
use marketplace_ledger::Account;
use marketplace_money::{Amount, Did, Seconds};
use marketplace_ports::{HouseRules, Lease, Motion, MotionAction, SealedEvent, StoreError};
use uuid::Uuid;

use crate::in_force::{Ruled, Tariff};
use crate::job::{Done, Idempotency};
use crate::marketplace::Marketplace;
use crate::payment::check_name;
use crate::refusal::{Error, Refusal};
use crate::verbs::{CancelMotion, Means, Move, SignedBy, Word, digest_of};

const PAGE: u32 = 500;
/// How often a panel may be drawn until a motion on its dispute is decided.
const ATTEMPTS: usize = 5;
/// The right to adjust a balance, for longer than any command takes.
const ADJUSTMENT: &str = "adjustment";
const LONGEST_ADJUSTMENT: Seconds = Seconds(60);

/// An operator, and what it says.
struct Voice {
    operator: Did,
    word: Word,
    signature: Option<[u8; 64]>,
    try_only: bool,
}

/// An operator's word on what shall be done.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// What.
    pub action: MotionAction,
    /// Public.
    pub reason: Arc<str>,
    /// Only look whether it could be done.
    pub try_only: bool,
    /// Of the operator over [`Marketplace::motion_digest`], where it is needed.
    pub signature: Option<[u8; 64]>,
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
        signed_by: SignedBy,
        idempotency: Option<Idempotency<Arc<Motion>>>,
    ) -> Result<Done<Arc<Motion>>, Error> {
        let Proposal { action, reason, try_only, signature } = proposal;
        let word = Word::Propose { reason };
        let voice = Voice { operator: self.operator(operator)?, word, signature, try_only };
        self.speak(voice, action, signed_by, idempotency.filter(|_| !try_only)).await
    }

    /// Another operator agrees; the last one that it takes has it done.
    ///
    /// # Errors
    /// When the motion is over, or cannot be carried out any more.
    pub async fn approve_motion(
        &self,
        operator: &Did,
        motion: Uuid,
        signature: Option<[u8; 64]>,
        signed_by: SignedBy,
        idempotency: Option<Idempotency<Arc<Motion>>>,
    ) -> Result<Done<Arc<Motion>>, Error> {
        let known = self.store().motion(motion).await?.ok_or(Refusal::NotFound)?;
        if known.action.is_done_alone() {
            return Err(Refusal::MotionOver.into());
        }
        let word = Word::Approve { motion };
        let voice = Voice { operator: self.operator(operator)?, word, signature, try_only: false };
        self.speak(voice, known.action.clone(), signed_by, idempotency).await
    }

    /// What is taken from capital is decided on the sum of its journal, which no version guards: so
    /// one at a time, over all servers.
    async fn speak(
        &self,
        voice: Voice,
        action: MotionAction,
        signed_by: SignedBy,
        idempotency: Option<Idempotency<Arc<Motion>>>,
    ) -> Result<Done<Arc<Motion>>, Error> {
        let of_capital =
            matches!(action, MotionAction::Adjust { .. } | MotionAction::ExplainTransfer { .. });
        if !of_capital {
            return self.decide_motion(voice, action, signed_by, idempotency).await;
        }
        let _turn = self.inner.adjusting.lock().await;
        let lease = Lease { owner: self.fresh_id().await?, duration: LONGEST_ADJUSTMENT };
        if !self.store().lease_job(ADJUSTMENT, lease).await? {
            return Err(Error::unavailable("another server adjusts a balance", 1));
        }
        let done = self.decide_motion(voice, action, signed_by, idempotency).await;
        if let Err(error) = self.store().release_leases(lease.owner).await {
            tracing::warn!(%error, "the next adjustment has to wait for this one's lease");
        }
        done
    }

    async fn decide_motion(
        &self,
        voice: Voice,
        action: MotionAction,
        signed_by: SignedBy,
        idempotency: Option<Idempotency<Arc<Motion>>>,
    ) -> Result<Done<Arc<Motion>>, Error> {
        for _ in 0..ATTEMPTS {
            let verb = Move {
                operator: voice.operator.clone(),
                word: voice.word.clone(),
                action: action.clone(),
                signature: voice.signature,
                means: self.means(&action, signed_by.clone()).await?,
                try_only: voice.try_only,
            };
            match self.execute(verb, idempotency.clone()).await {
                Err(Error::Refused(Refusal::BenchChanged)) => {}
                done => return done,
            }
        }
        Err(Error::unavailable("the dispute is changing too fast", 1))
    }

    /// What operators sign to have a motion on a dispute carried out; nothing for other motions.
    ///
    /// # Errors
    /// When there is no such dispute.
    pub async fn motion_digest(&self, motion: &Motion) -> Result<Option<[u8; 32]>, Error> {
        let (MotionAction::RuleDispute { dispute, .. } | MotionAction::AbortDispute { dispute }) =
            &motion.action
        else {
            return Ok(None);
        };
        let docket = self.store().docket(*dispute).await?;
        let docket = docket.ok_or(Refusal::Dispute(DisputeRefusal::NotFound))?;
        Ok(digest_of(&docket.dispute, motion)?)
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

    /// What else operators can change, over time, as this server knows it.
    #[must_use]
    pub fn house_rules(&self) -> Ruled<HouseRules> {
        self.inner.publisher.in_force.rules(self.config().house_rules())
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

    pub(crate) fn operator(&self, did: &Did) -> Result<Did, Refusal> {
        let known = self.config().operators.includes(did);
        if known { Ok(did.clone()) } else { Err(Refusal::OperatorsOnly) }
    }

    async fn means(&self, action: &MotionAction, signed_by: SignedBy) -> Result<Means, Error> {
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
        let bench = match action {
            MotionAction::RuleDispute { dispute, .. } | MotionAction::AbortDispute { dispute } => {
                Some(self.bench(*dispute).await?)
            }
            _ => None,
        };
        if let MotionAction::ExplainTransfer { transaction } = action {
            check_name(transaction)?;
        }
        let (operators, ours) = (config.operators.clone(), config.did.clone());
        let max_listings = config.max_listings;
        Ok(Means { operators, ours, max_listings, capital, provider, bench, signed_by })
    }
}
