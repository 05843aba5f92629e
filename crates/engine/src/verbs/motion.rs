//! Operators propose, agree, and take back. With as many approvals as it takes, the motion is
//! carried out in the same commit as the last of them.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_disputes::{
    self as disputes, Approval, Dispute, DisputeRefusal, Finding, OperatorSignature, Policy,
    abort_digest, ruling_digest,
};
use marketplace_escrow::{Actor, Command, OrderRefusal};
use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_listings::Invalid;
use marketplace_money::{Amount, CommandId, Did, OrderId, Seconds, Timestamp};
use marketplace_ports::{
    HouseRule, Key, Motion, MotionAction, MotionApproval, MotionState, Subject,
};
use serde_json::json;
use uuid::Uuid;

use super::change_listing::write;
use super::change_order::run;
use super::dispute::{Bench, operators_decide};
use super::explain_transfer::explain;
use super::send_withdrawal::resolve;
use crate::config::OperatorSet;
use crate::desk::Desk;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Between the last approval of an economic change and its effect.
pub(crate) const TIMELOCK: Seconds = Seconds::from_hours(48);
const LONGEST_REASON: usize = 2_000;

/// Whether a signature of a digest is this agent's: an edge knows keys.
pub type SignedBy = Arc<dyn Fn(&Did, &[u8; 32], &[u8; 64]) -> bool + Send + Sync>;

/// What carrying out a motion needs beside the store's view.
#[derive(Clone)]
pub(crate) struct Means {
    pub(crate) operators: OperatorSet,
    /// Ourselves: cannot be frozen.
    pub(crate) ours: Did,
    pub(crate) max_listings: i64,
    /// What the operator owns, read just before.
    pub(crate) capital: Amount,
    /// The parties that an action needs loaded: the provider of a listing.
    pub(crate) provider: Option<Did>,
    /// Of a dispute: everything that its end touches.
    pub(crate) bench: Option<Bench>,
    pub(crate) signed_by: SignedBy,
}

/// An operator's word on a motion.
#[derive(Clone, Debug)]
pub(crate) enum Word {
    /// It wants this done.
    Propose {
        /// Public.
        reason: Arc<str>,
    },
    /// It agrees with a motion that stands.
    Approve {
        /// Which.
        motion: Uuid,
    },
}

/// Proposes or approves; nothing is written when it is only tried.
#[derive(Clone)]
pub(crate) struct Move {
    pub(crate) operator: Did,
    pub(crate) word: Word,
    pub(crate) action: MotionAction,
    pub(crate) signature: Option<[u8; 64]>,
    pub(crate) means: Means,
    pub(crate) try_only: bool,
}

impl Verb for Move {
    type Reply = Arc<Motion>;

    fn keys(&self, keys: &mut HashSet<Key>) {
        if let Word::Approve { motion } = self.word {
            keys.insert(Key::Motion(motion));
        }
        match &self.action {
            MotionAction::ExtendOrder { order, .. }
            | MotionAction::RefundOrder { order }
            | MotionAction::ReleaseOrder { order } => drop(keys.insert(Key::Order(*order))),
            MotionAction::Delist { listing } => {
                keys.insert(Key::Listing(*listing));
                keys.insert(Key::ListingCount);
                keys.extend(self.means.provider.clone().map(Key::Agent));
            }
            MotionAction::Adjust { agent, .. } => {
                keys.insert(Key::Balance(Account::Agent(agent.clone())));
            }
            MotionAction::RuleDispute { .. } | MotionAction::AbortDispute { .. } => {
                if let Some(bench) = &self.means.bench {
                    bench.keys(keys);
                }
            }
            MotionAction::ResolveWithdrawal { withdrawal, .. } => {
                keys.insert(Key::Withdrawal(*withdrawal));
            }
            MotionAction::ExplainTransfer { transaction } => {
                keys.insert(Key::TegTransaction(transaction.clone()));
            }
            MotionAction::Freeze { .. }
            | MotionAction::Unfreeze { .. }
            | MotionAction::SetFees(_)
            | MotionAction::SetRule(_)
            | MotionAction::RetryLetters { .. }
            | MotionAction::RotateKey
            | MotionAction::BindApiKey { .. }
            | MotionAction::RevokeApiKey { .. } => {}
        }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let clean = desk.checkpoint();
        let before = self.standing(desk)?;
        let at = desk.now();
        let mut motion = before.as_ref().clone();
        if motion.approvals.iter().any(|approval| approval.operator == self.operator) {
            return Err(Refusal::AlreadyApproved);
        }
        let (operator, signature) = (self.operator.clone(), self.signature);
        motion.approvals.push(MotionApproval { operator, at, signature });
        let set = &self.means.operators;
        let approved = motion.approvals.iter().filter(|a| set.includes(&a.operator)).count();
        let mut audience = Vec::new();
        if let Some(bench) = &self.means.bench {
            let digest = ruling_digest_of(desk, bench, &motion)?;
            if !self.try_only {
                self.check_signature(&digest)?;
            }
            // A ruling cannot be tried with too few signatures: they are part of it.
            if approved >= set.needed && !self.try_only {
                motion.state = self.decide_dispute(desk, bench, &motion, digest)?;
            }
        } else {
            let effect = desk.checkpoint();
            let (state, others) = self.carry_out(desk, &motion)?;
            if approved >= set.needed {
                (motion.state, audience) = (state, others);
            } else {
                // It could be done now, which is all that was to be found out.
                desk.roll_back(effect);
            }
        }
        let name = match motion.state {
            MotionState::Open if before.version == 0 => "operator.proposed",
            MotionState::Open => "operator.approved",
            _ => "operator.decided",
        };
        audience.extend(set.keys.iter().cloned());
        tell(desk, name, &motion, &self.operator, audience);
        let read = before.version;
        let motion = desk.write_motion(read, motion);
        if self.try_only {
            desk.roll_back(clean);
        }
        Ok(motion)
    }
}

impl Move {
    /// The motion as it stands: a new one, or one that is open.
    fn standing(&self, desk: &mut Desk<'_>) -> Result<Arc<Motion>, Refusal> {
        match &self.word {
            Word::Propose { reason } => {
                check_reason(reason)?;
                Ok(Arc::new(Motion {
                    id: desk.fresh(),
                    version: 0,
                    action: self.seen(desk)?,
                    reason: reason.clone(),
                    approvals: Vec::new(),
                    state: MotionState::Open,
                    at: desk.now(),
                }))
            }
            Word::Approve { motion } => {
                let motion = desk.motion(*motion).ok_or(Refusal::NotFound)?;
                if motion.state != MotionState::Open || desk.now() >= motion.lapses_at() {
                    return Err(Refusal::MotionOver);
                }
                Ok(motion)
            }
        }
    }

    /// What is proposed, with the version of what was looked at: others agree to that, and not to
    /// what may come of it until then.
    fn seen(&self, desk: &Desk<'_>) -> Result<MotionAction, Refusal> {
        let MotionAction::ResolveWithdrawal { withdrawal, resolution, .. } = self.action else {
            return Ok(self.action.clone());
        };
        let version = desk.withdrawal(withdrawal).ok_or(Refusal::NotFound)?.version;
        Ok(MotionAction::ResolveWithdrawal { withdrawal, resolution, version })
    }

    fn check_signature(&self, digest: &[u8; 32]) -> Result<(), Refusal> {
        let signed = self.signature.as_ref();
        if signed.is_some_and(|signature| (self.means.signed_by)(&self.operator, digest, signature))
        {
            return Ok(());
        }
        let problem = "must be yours over the motion's digest (ask for it with dry_run)";
        Err(Refusal::InvalidInput { field: "signature", problem: problem.to_owned() })
    }

    /// Tier 3, with every signature that was given.
    fn decide_dispute(
        &self,
        desk: &mut Desk<'_>,
        bench: &Bench,
        motion: &Motion,
        digest: [u8; 32],
    ) -> Result<MotionState, Refusal> {
        let approval = |approval: &MotionApproval| {
            let operator = approval.operator.clone();
            let signed = OperatorSignature { operator, signature: approval.signature? };
            Approval::check(signed, digest, self.means.signed_by.as_ref())
        };
        let approvals = motion.approvals.iter().filter_map(approval).collect();
        let reason = motion.reason.clone();
        let command = match &motion.action {
            MotionAction::RuleDispute { finding, .. } => {
                let finding = finding_of(finding)?;
                disputes::Command::Rule { finding, reason, approvals }
            }
            _ => disputes::Command::Abort { reason, approvals },
        };
        operators_decide(desk, bench, &self.means.operators, &command)?;
        Ok(MotionState::Done { at: desk.now() })
    }

    /// Does it; says what it becomes, and who else hears of it.
    fn carry_out(
        &self,
        desk: &mut Desk<'_>,
        motion: &Motion,
    ) -> Result<(MotionState, Vec<Did>), Refusal> {
        let done = MotionState::Done { at: desk.now() };
        match &motion.action {
            MotionAction::ExtendOrder { order, by } => {
                change(desk, *order, |_| Command::Extend { by: *by })?;
                Ok((done, Vec::new()))
            }
            MotionAction::RefundOrder { order } => {
                change(desk, *order, |_| Command::Intervene { seller: Amount::ZERO })?;
                Ok((done, Vec::new()))
            }
            MotionAction::ReleaseOrder { order } => {
                change(desk, *order, |price| Command::Intervene { seller: price })?;
                Ok((done, Vec::new()))
            }
            MotionAction::Delist { listing } => {
                let before = desk.listing(*listing).ok_or(Refusal::ListingNotFound)?;
                let after = before.delist(&before.provider)?;
                write(desk, &before, after, "listing.delisted", self.means.max_listings)?;
                Ok((done, vec![before.provider.clone()]))
            }
            MotionAction::Freeze { agent } if *agent == self.means.ours => {
                Err(Invalid::new("agent", "is the marketplace itself").into())
            }
            MotionAction::Freeze { agent } | MotionAction::Unfreeze { agent } => {
                Ok((done, vec![agent.clone()]))
            }
            MotionAction::Adjust { agent, amount } => {
                self.adjust(desk, agent, *amount, &motion.reason)?;
                Ok((done, vec![agent.clone()]))
            }
            MotionAction::SetFees(fees) => {
                fees.validate()?;
                Ok((scheduled(desk.now()), Vec::new()))
            }
            MotionAction::SetRule(rule) => {
                check_rule(*rule)?;
                Ok((scheduled(desk.now()), Vec::new()))
            }
            MotionAction::ResolveWithdrawal { withdrawal, resolution, version } => {
                let waiting = (*withdrawal, *version);
                resolve(desk, waiting, *resolution, &motion.reason)?;
                Ok((done, Vec::new()))
            }
            MotionAction::ExplainTransfer { transaction } => {
                explain(desk, transaction, &motion.reason)?;
                Ok((done, Vec::new()))
            }
            MotionAction::RuleDispute { .. }
            | MotionAction::AbortDispute { .. }
            | MotionAction::RetryLetters { .. }
            | MotionAction::RotateKey
            | MotionAction::BindApiKey { .. }
            | MotionAction::RevokeApiKey { .. } => Err(Refusal::NotFound),
        }
    }

    /// From capital and back: never new money, and never more than there is.
    fn adjust(
        &self,
        desk: &mut Desk<'_>,
        agent: &Did,
        amount: Amount,
        reason: &str,
    ) -> Result<(), Refusal> {
        let invalid = || Refusal::from(Invalid::new("amount", "must not be 0"));
        let (from, to, moved) = if amount.is_negative() {
            let taken = amount.checked_neg().ok_or_else(invalid)?;
            (Account::Agent(agent.clone()), Account::Capital, taken)
        } else {
            if amount > self.means.capital {
                let available = self.means.capital;
                return Err(Refusal::InsufficientCapital { need: amount, available });
            }
            (Account::Capital, Account::Agent(agent.clone()), amount)
        };
        let draft = EntryDraft::transfer(EntryKind::Adjustment, from, to, moved);
        let draft = draft.map_err(|_| invalid())?;
        desk.post(draft.because(reason))?;
        Ok(())
    }
}

/// An economic change: public before it counts.
const fn scheduled(at: Timestamp) -> MotionState {
    MotionState::Scheduled { at, from: at.plus(TIMELOCK) }
}

fn check_rule(rule: HouseRule) -> Result<(), Refusal> {
    let highest = Policy::HIGHEST_STAKE;
    let value = rule.value().unwrap_or_default();
    let fits = match rule {
        HouseRule::DisputeBond(bond) => bond.is_positive() && bond <= highest,
        _ => !value.is_negative(),
    };
    if fits {
        return Ok(());
    }
    let problem = match rule {
        HouseRule::DisputeBond(_) => format!("must be above 0 and at most {highest}"),
        _ => "must not be negative".to_owned(),
    };
    Err(Refusal::InvalidInput { field: "value", problem })
}

fn finding_of(name: &str) -> Result<Finding, Refusal> {
    name.parse().map_err(|problem: &str| {
        let (field, problem) = ("finding", problem.to_owned());
        Refusal::InvalidInput { field, problem }
    })
}

/// What operators sign, as the dispute stands now.
fn ruling_digest_of(desk: &Desk<'_>, bench: &Bench, motion: &Motion) -> Result<[u8; 32], Refusal> {
    let docket = desk.docket(bench.dispute).ok_or(DisputeRefusal::NotFound)?;
    digest_of(&docket.dispute, motion)?.ok_or(Refusal::NotFound)
}

/// What operators sign to carry a motion on this dispute out; nothing for other motions.
pub(crate) fn digest_of(dispute: &Dispute, motion: &Motion) -> Result<Option<[u8; 32]>, Refusal> {
    Ok(match &motion.action {
        MotionAction::RuleDispute { finding, .. } => {
            Some(ruling_digest(dispute, finding_of(finding)?, &motion.reason))
        }
        MotionAction::AbortDispute { .. } => Some(abort_digest(dispute, &motion.reason)),
        _ => None,
    })
}

/// An order that nobody disputes; one that is disputed belongs to its dispute.
fn change(
    desk: &mut Desk<'_>,
    id: OrderId,
    command: impl Fn(Amount) -> Command,
) -> Result<(), Refusal> {
    let order = desk.order(id).ok_or(OrderRefusal::NotFound)?;
    run(desk, &order, Actor::Operators, &command(order.price.price))?;
    Ok(())
}

pub(crate) fn check_reason(reason: &str) -> Result<(), Refusal> {
    let fit = !reason.trim().is_empty() && reason.chars().count() <= LONGEST_REASON;
    if fit { Ok(()) } else { Err(Invalid::new("reason", "must have 1 to 2000 characters").into()) }
}

pub(crate) fn tell(
    desk: &mut Desk<'_>,
    name: &'static str,
    motion: &Motion,
    by: &Did,
    audience: Vec<Did>,
) {
    let data = json!({
        "motion_id": motion.id.to_string(),
        "action": motion.action.name(),
        "reason": motion.reason.as_ref(),
        "by": by.as_str(),
        "approvals": motion.approvals.len(),
    });
    let subject = Subject::Command(CommandId::new(motion.id));
    let mut once: Vec<Did> = Vec::new();
    for did in audience {
        if !once.contains(&did) {
            once.push(did);
        }
    }
    desk.emit(subject, name, once, data.to_string());
}

/// Takes back what waits: for approvals, or for its time.
#[derive(Clone, Debug)]
pub(crate) struct CancelMotion {
    pub(crate) operator: Did,
    pub(crate) motion: Uuid,
    pub(crate) reason: String,
    pub(crate) operators: OperatorSet,
}

impl Verb for CancelMotion {
    type Reply = Arc<Motion>;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Motion(self.motion));
    }

    /// One operator is enough: to do nothing needs nobody's consent.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        check_reason(&self.reason)?;
        let before = desk.motion(self.motion).ok_or(Refusal::NotFound)?;
        let (now, waits) = (desk.now(), &before.state);
        let waits = match waits {
            MotionState::Open => true,
            MotionState::Scheduled { from, .. } => now < *from,
            MotionState::Done { .. } | MotionState::Cancelled { .. } => false,
        };
        if !waits {
            return Err(Refusal::MotionOver);
        }
        let (by, reason) = (self.operator.clone(), self.reason.clone());
        let state = MotionState::Cancelled { by, reason, at: now };
        let motion = Motion { state, ..before.as_ref().clone() };
        let audience = self.operators.keys.clone();
        tell(desk, "operator.cancelled", &motion, &self.operator, audience);
        Ok(desk.write_motion(before.version, motion))
    }
}
