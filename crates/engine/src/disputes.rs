//! Disputes and jurors: the use cases.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_disputes::{
    AvailableAction, Claim, Command, Context, Dispute, DisputeRefusal, Evidence, EvidenceInput,
    Operators, Policy, Stakes, available_actions,
};
use marketplace_escrow::{Order, OrderRefusal};
use marketplace_listings::{Invalid, ServiceType};
use marketplace_money::{Amount, Did, DisputeId, Gaps, OrderId, Timestamp};
use marketplace_ports::{DisputeFilter, Docket, Juror, Key, Page};
use sha2::{Digest, Sha256};

use crate::config::OperatorSet;
use crate::job::{Done, Idempotency, Verb};
use crate::marketplace::Marketplace;
use crate::refusal::{Error, Refusal};
use crate::verbs::{
    ActOnDispute, Bench, ConcedeOrder, LeaveJury, OpenDispute, OptOut, OrderView, RegisterJuror,
};

/// How often what was read before a command may have changed until it is decided.
const ATTEMPTS: usize = 5;

/// What opens a dispute.
#[derive(Clone, Debug)]
pub struct DisputeRequest {
    /// About which order.
    pub order: OrderId,
    /// What the caller wants, and why.
    pub claim: Claim,
    /// In its words; inert text.
    pub reason: Arc<str>,
}

/// A piece of evidence.
#[derive(Clone, Debug, Default)]
pub struct EvidenceRequest {
    /// At most 1 MiB.
    pub bytes: Vec<u8>,
    /// As the party says.
    pub media_type: Option<String>,
    /// As the party says; may be empty.
    pub note: String,
}

/// A dispute with what is needed to say what may be done with it.
#[derive(Clone, Debug)]
pub struct DisputeView {
    /// The dispute and its log.
    pub docket: Arc<Docket>,
    /// When it was looked at.
    pub now: Timestamp,
    /// Our downtime until then.
    pub gaps: Gaps,
    /// Who rules at the end.
    pub operators: OperatorSet,
}

impl DisputeView {
    /// The dispute as it is.
    #[must_use]
    pub fn dispute(&self) -> &Dispute {
        &self.docket.dispute
    }

    /// What an agent may do now.
    #[must_use]
    pub fn actions(&self, agent: &Did) -> Vec<AvailableAction> {
        let cx = Context {
            now: self.now,
            gaps: &self.gaps,
            respondent_available: Amount::ZERO,
            operators: Operators { keys: &self.operators.keys, needed: self.operators.needed },
        };
        available_actions(self.dispute(), agent, &cx)
    }

    /// Whether an agent may see the dispute and its evidence: a party, a juror of any of its
    /// panels, an operator.
    #[must_use]
    pub fn may_see(&self, agent: &Did) -> bool {
        self.dispute().side_of(agent).is_some()
            || self.docket.jurors().contains(&agent)
            || self.operators.includes(agent)
    }
}

/// A juror with its stake.
#[derive(Clone, Debug)]
pub struct JurorView {
    /// What is known of it.
    pub juror: Arc<Juror>,
    /// What it has locked.
    pub stake: Amount,
}

impl Marketplace {
    /// A party disputes its order. What the bond lacks is pulled from the TEG where that is
    /// possible; a refusal takes nothing.
    ///
    /// # Errors
    /// When the order cannot be disputed by this agent now, or the tokens are not to be had.
    pub async fn open_dispute(
        &self,
        by: &Did,
        request: DisputeRequest,
        idempotency: Option<Idempotency<DisputeView>>,
    ) -> Result<Done<DisputeView>, Error> {
        let config = self.config();
        let DisputeRequest { order, claim, reason } = request;
        for _ in 0..ATTEMPTS {
            // The order first: who reads its disputes later knows all that its version knows.
            let known = self.store().order(order).await?;
            let known = known.filter(|known| known.role_of(by).is_some());
            let order_version = known.ok_or(Refusal::Order(OrderRefusal::NotFound))?.version;
            let earlier = self.store().disputes_of(order).await?;
            let now = self.now().await?;
            let since = now.minus(Policy::MEMORY);
            let verb = OpenDispute {
                by: by.clone(),
                order,
                order_version,
                earlier,
                claim,
                reason: reason.clone(),
                lost: self.store().disputes_lost(by, since).await?,
                policy: self.dispute_policy(now),
                operators: config.operators.clone(),
            };
            match self.execute_funded(by, verb, idempotency.clone()).await {
                Err(Error::Refused(Refusal::BenchChanged)) => {}
                done => return done,
            }
        }
        Err(Error::unavailable("the order is changing too fast", 1))
    }

    /// The economics of disputes that begin now: fee and bond follow what operators decided.
    fn dispute_policy(&self, now: Timestamp) -> Policy {
        let fee = self.tariff().at(now).dispute;
        let bond = self.house_rules().at(now).dispute_bond;
        Policy { fee, bond, ..self.config().disputes }
    }

    /// What it takes an agent to dispute an order now. A claim of non-delivery needs no bond.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn dispute_stakes(&self, by: &Did, order: &Order) -> Result<Stakes, Error> {
        let now = self.now().await?;
        let lost = self.store().disputes_lost(by, now.minus(Policy::MEMORY)).await?;
        Ok(self.dispute_policy(now).stakes(order.price.price, false, lost))
    }

    /// A party or a juror acts on a dispute: contest, concede, offer and accept a settlement,
    /// withdraw, commit, reveal, appeal. A bond that the balance lacks is pulled from the TEG where
    /// that is possible.
    ///
    /// # Errors
    /// When the table of the dispute machine has no such row now.
    pub async fn act_on_dispute(
        &self,
        caller: &Did,
        dispute: DisputeId,
        command: Command,
        idempotency: Option<Idempotency<DisputeView>>,
    ) -> Result<Done<DisputeView>, Error> {
        if matches!(command, Command::AddEvidence(_)) {
            return Err(Refusal::from(Invalid::new("evidence", "must come with its bytes")).into());
        }
        self.act(caller, dispute, command, None, idempotency).await
    }

    /// A party hands in a piece of evidence.
    ///
    /// # Errors
    /// When it is too large, too much, or too late.
    pub async fn add_evidence(
        &self,
        caller: &Did,
        dispute: DisputeId,
        request: EvidenceRequest,
        idempotency: Option<Idempotency<DisputeView>>,
    ) -> Result<Done<DisputeView>, Error> {
        let size = request.bytes.len() as u64;
        if size > Evidence::LARGEST {
            return Err(Refusal::from(Invalid::new("evidence", "must be at most 1 MiB")).into());
        }
        let sha256 = Sha256::digest(&request.bytes).into();
        let (media_type, note) = (request.media_type.map(Arc::from), request.note.into());
        let command = Command::AddEvidence(EvidenceInput { sha256, size, media_type, note });
        self.act(caller, dispute, command, Some(request.bytes.into()), idempotency).await
    }

    async fn act(
        &self,
        caller: &Did,
        dispute: DisputeId,
        command: Command,
        bytes: Option<Arc<[u8]>>,
        idempotency: Option<Idempotency<DisputeView>>,
    ) -> Result<Done<DisputeView>, Error> {
        for _ in 0..ATTEMPTS {
            let verb = ActOnDispute {
                caller: caller.clone(),
                bench: self.bench(dispute).await?,
                command: command.clone(),
                bytes: bytes.clone(),
                operators: self.config().operators.clone(),
            };
            match self.execute_funded(caller, verb, idempotency.clone()).await {
                Err(Error::Refused(Refusal::BenchChanged)) => {}
                done => return done,
            }
        }
        Err(Error::unavailable("the dispute is changing too fast", 1))
    }

    /// What a command on a dispute must see beside it.
    pub(crate) async fn bench(&self, dispute: DisputeId) -> Result<Bench, Error> {
        let docket = self.store().docket(dispute).await?;
        Ok(Bench::of(docket.ok_or(Refusal::Dispute(DisputeRefusal::NotFound))?.as_ref()))
    }

    /// A party acts on its order; to accept or decline one that is in a dispute is to concede. An
    /// order whose dispute ends meanwhile is seen again as it then is.
    pub(crate) async fn change_or_concede<V: Verb<Reply = OrderView>>(
        &self,
        caller: &Did,
        order: OrderId,
        verb: V,
        idempotency: Option<Idempotency<OrderView>>,
    ) -> Result<Done<OrderView>, Error> {
        let verb = Arc::new(verb);
        for _ in 0..ATTEMPTS {
            match self.execute_shared(Arc::clone(&verb), idempotency.clone()).await {
                Err(Error::Refused(Refusal::InDispute)) => {}
                done => return done,
            }
            let disputes = self.store().disputes_of(order).await?;
            let open = disputes.iter().find(|row| !row.dispute.phase().is_terminal());
            let Some(open) = open else { continue };
            let verb = ConcedeOrder {
                caller: caller.clone(),
                order,
                bench: Bench::of(open),
                operators: self.config().operators.clone(),
            };
            match self.execute(verb, idempotency.clone()).await {
                Err(Error::Refused(Refusal::BenchChanged)) => {}
                done => return done,
            }
        }
        Err(Error::unavailable("the dispute is changing too fast", 1))
    }

    /// Makes an agent a juror, or adds to its stake and sets what it judges.
    ///
    /// # Errors
    /// When the stake would be too small, or the tokens are not to be had.
    pub async fn register_juror(
        &self,
        agent: &Did,
        stake: Amount,
        service_types: Vec<ServiceType>,
        idempotency: Option<Idempotency<JurorView>>,
    ) -> Result<Done<JurorView>, Error> {
        let verb = RegisterJuror { agent: agent.clone(), stake, service_types };
        self.execute_funded(agent, verb, idempotency).await
    }

    /// A juror takes no seats for the time being, or takes them again.
    ///
    /// # Errors
    /// When the agent is no juror.
    pub async fn opt_out_juror(
        &self,
        agent: &Did,
        out: bool,
        idempotency: Option<Idempotency<JurorView>>,
    ) -> Result<Done<JurorView>, Error> {
        self.execute(OptOut { agent: agent.clone(), out }, idempotency).await
    }

    /// A juror asks for its stake: from now on it gets no seat. Asked again after seven days, when
    /// every seat is done, the stake goes back to its balance.
    ///
    /// # Errors
    /// When the agent is no juror, or its stake is bound.
    pub async fn unregister_juror(
        &self,
        agent: &Did,
        idempotency: Option<Idempotency<JurorView>>,
    ) -> Result<Done<JurorView>, Error> {
        self.execute(LeaveJury { agent: agent.clone() }, idempotency).await
    }

    /// An agent as a juror.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn juror(&self, agent: &Did) -> Result<Option<JurorView>, Error> {
        let found = self.store().juror(agent).await?;
        Ok(found.map(|(juror, stake)| JurorView { juror, stake }))
    }

    /// A dispute with the time it was looked at.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn dispute(&self, id: DisputeId) -> Result<Option<DisputeView>, Error> {
        let Some(docket) = self.store().docket(id).await? else { return Ok(None) };
        Ok(self.views(vec![docket]).await?.pop())
    }

    /// Those of these disputes that there are, read at once.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn disputes_named(
        &self,
        ids: impl IntoIterator<Item = DisputeId>,
    ) -> Result<Vec<DisputeView>, Error> {
        let keys: HashSet<Key> = ids.into_iter().map(Key::Dispute).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let dockets = self.store().load(&keys).await?.disputes;
        self.views(dockets.into_values().collect()).await
    }

    /// All disputes about an order, oldest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn disputes_of(&self, order: OrderId) -> Result<Vec<DisputeView>, Error> {
        let dockets = self.store().disputes_of(order).await?;
        self.views(dockets).await
    }

    /// Disputes, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn disputes(&self, filter: &DisputeFilter) -> Result<Page<DisputeView>, Error> {
        let page = self.store().disputes(filter).await?;
        Ok(Page { items: self.views(page.items).await?, next: page.next })
    }

    /// The bytes of a piece of evidence.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn evidence(
        &self,
        dispute: DisputeId,
        sha256: [u8; 32],
    ) -> Result<Option<Arc<[u8]>>, Error> {
        let Some(docket) = self.store().docket(dispute).await? else { return Ok(None) };
        // Pools are kept beside it, under other hashes.
        if !docket.dispute.evidence.iter().any(|piece| piece.sha256 == sha256) {
            return Ok(None);
        }
        Ok(self.store().exhibit(dispute, sha256).await?)
    }

    async fn views(&self, dockets: Vec<Arc<Docket>>) -> Result<Vec<DisputeView>, Error> {
        let (now, gaps) = self.store().clock().await?;
        let operators = &self.config().operators;
        let view = |docket| {
            let (gaps, operators) = (gaps.clone(), operators.clone());
            DisputeView { docket, now, gaps, operators }
        };
        Ok(dockets.into_iter().map(view).collect())
    }
}
