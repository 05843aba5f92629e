//! The ends of a dispute.

use std::sync::Arc;

use marketplace_listings::Invalid;
use marketplace_money::{Amount, Timestamp};

use crate::decide::Context;
use crate::opening::check_text;
use crate::payout::outcome_of;
use crate::{
    Actor, Approval, Basis, BondOutcome, Dispute, DisputeEvent, DisputeRefusal, Finding,
    OrderEffect, Phase, Policy, Remedy, Response, Ruling, Side, Verdict, abort_digest, rules,
    ruling_digest,
};

fn closed(phase: Phase, verdict: Verdict, at: Timestamp) -> DisputeEvent {
    DisputeEvent::Closed { phase, verdict, at }
}

fn without_ruling(bonds: BondOutcome, order: OrderEffect) -> Verdict {
    Verdict { finding: None, bonds, order, compensation: Amount::ZERO }
}

pub(crate) fn withdraw(at: Timestamp) -> DisputeEvent {
    let verdict = without_ruling(BondOutcome::Withdrawn, OrderEffect::Resume);
    closed(Phase::Withdrawn, verdict, at)
}

pub(crate) fn settle(seller: Amount, at: Timestamp) -> DisputeEvent {
    let verdict = without_ruling(BondOutcome::Settled, OrderEffect::Settle { seller });
    closed(Phase::Settled, verdict, at)
}

/// What this finding means for the order. Nothing proven changes nothing where nothing was
/// delivered, and never pays a seller that was to prove its claim.
fn order_effect(dispute: &Dispute, finding: Finding) -> OrderEffect {
    let price = dispute.price.price;
    match (finding, dispute.disputer) {
        (Finding::Awarded(remedy), disputer) => {
            OrderEffect::Rule { seller: remedy.seller_part(disputer, price) }
        }
        (Finding::Rejected, Side::Buyer) => OrderEffect::Rule { seller: price },
        (Finding::Unproven, Side::Buyer) if dispute.delivered => {
            OrderEffect::Rule { seller: price }
        }
        (Finding::Rejected | Finding::Unproven, _) => OrderEffect::Resume,
    }
}

fn verdict(
    dispute: &Dispute,
    finding: Finding,
    bonds: BondOutcome,
    order: OrderEffect,
    cx: &Context<'_>,
) -> Verdict {
    let compensation = match bonds {
        BondOutcome::Undefended => {
            Policy::compensation(dispute.price.price).min(cx.respondent_available)
        }
        _ => Amount::ZERO,
    };
    let compensation = compensation.max(Amount::ZERO);
    Verdict { finding: Some(finding), bonds, order, compensation }
}

/// The respondent never spoke against the claim: not by contesting, not by an appeal.
fn undefended(dispute: &Dispute, basis: &Basis) -> bool {
    let never = matches!(dispute.response, None | Some(Response::Silent | Response::Conceded));
    never && basis.tier() == 1 && dispute.rounds.len() == 1
}

/// The end that this ruling brings.
pub(crate) fn by_ruling(dispute: &Dispute, ruling: &Ruling, cx: &Context<'_>) -> DisputeEvent {
    let finding = ruling.finding;
    let bonds = outcome_of(dispute, finding, undefended(dispute, &ruling.basis));
    let order = order_effect(dispute, finding);
    closed(Phase::Final, verdict(dispute, finding, bonds, order, cx), cx.now)
}

/// What we could not decide in time does not undo what was decided before.
pub(crate) fn last_ruling_or_abort(dispute: &Dispute, cx: &Context<'_>) -> DisputeEvent {
    match dispute.ruling() {
        Some(ruling) => by_ruling(dispute, ruling, cx),
        None => {
            let verdict = without_ruling(BondOutcome::Aborted, OrderEffect::Abort);
            closed(Phase::Aborted, verdict, cx.now)
        }
    }
}

/// A party gives in. In time that saves bonds; once votes are open or something is ruled it costs
/// what losing costs, else everybody would give in at the last moment.
pub(crate) fn concede(
    dispute: &Dispute,
    role: Actor,
    everything: bool,
    cx: &Context<'_>,
) -> Result<Vec<DisputeEvent>, DisputeRefusal> {
    let late = dispute.has_shown_its_hand();
    let giver = crate::decide::side(dispute, role);
    let all = match giver {
        Side::Buyer => OrderEffect::Accept,
        Side::Seller => OrderEffect::Decline,
    };
    let at = cx.now;
    if role == Actor::Disputer {
        if !late {
            let verdict = without_ruling(BondOutcome::Withdrawn, all);
            return Ok(vec![closed(Phase::Final, verdict, at)]);
        }
        let finding = Finding::Rejected;
        let verdict = verdict(dispute, finding, BondOutcome::Rejected, all, cx);
        let ruling = rules::conceded(finding, at);
        return Ok(vec![DisputeEvent::Ruled(ruling), closed(Phase::Final, verdict, at)]);
    }
    let remedy = if everything { Remedy::Full } else { dispute.claim.remedy };
    let finding = Finding::Awarded(remedy);
    let ruling = rules::conceded(finding, at);
    let bonds = if late && !undefended(dispute, &ruling.basis) {
        BondOutcome::Upheld
    } else {
        BondOutcome::Undefended
    };
    let order = if everything { all } else { order_effect(dispute, finding) };
    let mut events = Vec::new();
    if dispute.response.is_none() {
        events.push(DisputeEvent::Responded { response: Response::Conceded, at });
    }
    events.push(DisputeEvent::Ruled(ruling));
    events.push(closed(Phase::Final, verdict(dispute, finding, bonds, order, cx), at));
    Ok(events)
}

/// Tier 3: the operators' word is the last one.
pub(crate) fn rule(
    dispute: &Dispute,
    finding: Finding,
    reason: &Arc<str>,
    approvals: &[Approval],
    cx: &Context<'_>,
) -> Result<Vec<DisputeEvent>, DisputeRefusal> {
    check_text("reason", reason, Dispute::LONGEST_REASON)?;
    if dispute.claim.limit(finding) != finding {
        return Err(Invalid::new("finding", "must not be more than was claimed").into());
    }
    let digest = ruling_digest(dispute, finding, reason);
    let signatures = cx.operators.approve(dispute, &digest, approvals);
    let signatures =
        signatures.ok_or(DisputeRefusal::NotApproved { needed: cx.operators.needed })?;
    let basis = Basis::Operators { reason: reason.clone(), signatures };
    let ruling = Ruling { finding, basis, at: cx.now };
    let end = by_ruling(dispute, &ruling, cx);
    Ok(vec![DisputeEvent::Ruled(ruling), end])
}

pub(crate) fn abort(
    dispute: &Dispute,
    reason: &Arc<str>,
    approvals: &[Approval],
    cx: &Context<'_>,
) -> Result<Vec<DisputeEvent>, DisputeRefusal> {
    check_text("reason", reason, Dispute::LONGEST_REASON)?;
    let signatures = cx.operators.approve(dispute, &abort_digest(dispute, reason), approvals);
    let signatures =
        signatures.ok_or(DisputeRefusal::NotApproved { needed: cx.operators.needed })?;
    let at = cx.now;
    let verdict = without_ruling(BondOutcome::Aborted, OrderEffect::Abort);
    Ok(vec![
        DisputeEvent::GivenUp { reason: reason.clone(), signatures, at },
        closed(Phase::Aborted, verdict, at),
    ])
}
