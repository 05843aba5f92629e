//! Commands on disputes.

use marketplace_disputes::DisputeRefusal;
use marketplace_engine::{
    DisputeRequest, DisputeView, Done, Error, EvidenceRequest, Marketplace, Refusal,
};
use marketplace_money::{Did, DisputeId};

use super::perform::{Attempt, Trader, told};
use super::{Outcome, Step, Which};
use crate::Problem;

fn none() -> Box<Problem> {
    told(&Error::Refused(Refusal::Dispute(DisputeRefusal::NotFound)))
}

impl Trader<'_> {
    /// A party disputes its order. Evidence that is refused does not undo it: the answer shows
    /// what the dispute has, and more can be handed in.
    pub(super) async fn open_dispute(
        &self,
        did: &Did,
        request: DisputeRequest,
        evidence: Option<EvidenceRequest>,
        attempt: Option<&Attempt>,
    ) -> Result<Outcome, Box<Problem>> {
        let attempt = self.attempt(did, attempt, name);
        let opened = self.marketplace.open_dispute(did, request, attempt).await;
        let done = opened.map_err(|error| told(&error))?;
        let (Done::Fresh(view), Some(evidence)) = (&done, evidence) else {
            return self.disputed(done).await;
        };
        // The proof is used up by the dispute itself.
        let alone: Marketplace = self.marketplace.alone();
        match alone.add_evidence(did, view.dispute().id, evidence, None).await {
            Ok(done) => self.disputed(done).await,
            Err(error) => {
                let dispute = view.dispute().id;
                tracing::warn!(%error, %dispute, "the evidence of a command is not added");
                self.disputed(done).await
            }
        }
    }

    pub(super) async fn act_on_dispute(
        &self,
        did: &Did,
        which: Which,
        step: Step,
        attempt: Option<&Attempt>,
    ) -> Result<Outcome, Box<Problem>> {
        let dispute = self.find(did, which).await?.dispute().id;
        let attempt = self.attempt(did, attempt, name);
        let done = match step {
            Step::Act(command) => {
                self.marketplace.act_on_dispute(did, dispute, command, attempt).await
            }
            Step::Evidence(request) => {
                self.marketplace.add_evidence(did, dispute, request, attempt).await
            }
        };
        self.disputed(done.map_err(|error| told(&error))?).await
    }

    async fn disputed(&self, done: Done<DisputeView>) -> Result<Outcome, Box<Problem>> {
        match done {
            Done::Fresh(view) => Ok(Outcome::Dispute(Box::new(view))),
            Done::Repeated(id) => match id.parse::<DisputeId>() {
                Ok(id) => self.show_dispute(Which::Named(id)).await,
                Err(_) => Err(Problem::internal().into()),
            },
        }
    }

    /// A dispute for its parties, its jurors and operators. Everybody else hears what is said of
    /// one that does not exist.
    pub(super) async fn show_dispute(&self, which: Which) -> Result<Outcome, Box<Problem>> {
        let view = self.find(self.caller()?, which).await?;
        Ok(Outcome::Dispute(Box::new(view)))
    }

    async fn find(&self, did: &Did, which: Which) -> Result<DisputeView, Box<Problem>> {
        let found = match which {
            Which::Named(id) => self.marketplace.dispute(id).await,
            Which::Of(order) => {
                self.marketplace.disputes_of(order).await.map(|mut disputes| disputes.pop())
            }
        };
        let found = found.map_err(|error| told(&error))?;
        found.filter(|view| view.may_see(did)).ok_or_else(none)
    }
}

fn name(view: &DisputeView) -> String {
    view.dispute().id.to_string()
}
