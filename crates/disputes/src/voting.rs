//! Tier 1 and tier 2: rules, the call, the draw, sealed and open votes.

use marketplace_money::{Deadline, Timestamp};

use crate::decide::{Context, juror};
use crate::{
    Basis, Caller, Case, Dispute, DisputeEvent, DisputeRefusal, Draw, Escalation, OrderFacts,
    Panel, Policy, Pool, Response, Ruling, SeedSource, Vote, closing, commitment, rules,
};

pub(crate) fn apply_rules(
    dispute: &Dispute,
    facts: &OrderFacts,
    cx: &Context<'_>,
) -> Result<Vec<DisputeEvent>, DisputeRefusal> {
    let ours =
        facts.disputed_at == dispute.opened_at && facts.delivery.is_some() == dispute.delivered;
    let Some(response) = dispute.response.filter(|_| ours) else {
        return Err(DisputeRefusal::WrongFacts);
    };
    let case = Case { disputer: dispute.disputer, claim: dispute.claim, response, facts };
    if let Some((ruling, rule)) = rules::apply_rules(&case, cx.now) {
        return Ok(ruled(dispute, &ruling, rule.is_final, cx));
    }
    Ok(vec![no_rule(response, cx.now)])
}

/// What happens where no rule decides.
pub(crate) const fn no_rule(response: Response, at: Timestamp) -> DisputeEvent {
    match response {
        Response::ContestedUnbonded => DisputeEvent::Escalated { why: Escalation::Unbonded, at },
        _ => DisputeEvent::PanelWanted { at },
    }
}

/// A ruling of a rule or a panel, and the end of the dispute where nobody can appeal it.
fn ruled(
    dispute: &Dispute,
    ruling: &Ruling,
    is_final: bool,
    cx: &Context<'_>,
) -> Vec<DisputeEvent> {
    let mut events = vec![DisputeEvent::Ruled(ruling.clone())];
    if is_final || dispute.rounds.len() > Policy::MOST_APPEALS {
        events.push(closing::by_ruling(dispute, ruling, cx));
    }
    events
}

pub(crate) fn call(
    dispute: &Dispute,
    pool: &Pool,
    cx: &Context<'_>,
) -> Result<Vec<DisputeEvent>, DisputeRefusal> {
    if !pool.suits(dispute) {
        return Err(DisputeRefusal::WrongPool);
    }
    let (size, at) = (dispute.panel_size(), cx.now);
    Ok(vec![if pool.independent() < size {
        DisputeEvent::Escalated { why: Escalation::PoolTooSmall, at }
    } else {
        DisputeEvent::Called { pool: pool.hash(), size, at }
    }])
}

/// The window from now, but not beyond the time for a ruling.
fn window(dispute: &Dispute, length: marketplace_money::Seconds, cx: &Context<'_>) -> Deadline {
    let due = cx.now.plus(length).min(dispute.ruling_due().effective(cx.gaps));
    Deadline { from: cx.now, due }
}

fn windows(dispute: &Dispute) -> crate::Windows {
    let (_, attempt) = dispute.place();
    if attempt == 0 { dispute.windows } else { dispute.windows.halved() }
}

pub(crate) fn draw(
    dispute: &Dispute,
    pool: &Pool,
    source: &SeedSource,
    cx: &Context<'_>,
) -> Result<Vec<DisputeEvent>, DisputeRefusal> {
    let panel = dispute.panel().filter(|panel| panel.pool == pool.hash());
    let panel = panel.ok_or(DisputeRefusal::WrongPool)?;
    let (round, attempt) = dispute.place();
    let jurors = pool.draw(&source.seed(dispute.id, round, attempt), panel.size);
    // The call counted the independent jurors of this very pool.
    if jurors.len() < panel.size {
        return Err(DisputeRefusal::WrongPool);
    }
    let draw = Draw { source: *source, at: cx.now };
    let until = window(dispute, windows(dispute).commit, cx);
    Ok(vec![DisputeEvent::Drawn { draw, jurors, until }])
}

fn seated(dispute: &Dispute) -> Result<&Panel, DisputeRefusal> {
    dispute.panel().ok_or(DisputeRefusal::NotFound)
}

pub(crate) fn commit(
    dispute: &Dispute,
    caller: &Caller,
    commitment: &[u8; 32],
    cx: &Context<'_>,
) -> Result<Vec<DisputeEvent>, DisputeRefusal> {
    let (panel, juror) = (seated(dispute)?, juror(caller)?);
    let seat = panel.seat(juror).ok_or(DisputeRefusal::NotFound)?;
    if seat.commitment.is_some() {
        return Err(DisputeRefusal::AlreadyVoted);
    }
    let event =
        DisputeEvent::Committed { juror: juror.clone(), commitment: *commitment, at: cx.now };
    let mut events = vec![event];
    if panel.committed() + 1 == panel.size {
        events.push(reveal_began(dispute, cx));
    }
    Ok(events)
}

fn reveal_began(dispute: &Dispute, cx: &Context<'_>) -> DisputeEvent {
    DisputeEvent::RevealBegan { until: window(dispute, windows(dispute).reveal, cx) }
}

pub(crate) fn reveal(
    dispute: &Dispute,
    caller: &Caller,
    vote: &Vote,
    cx: &Context<'_>,
) -> Result<Vec<DisputeEvent>, DisputeRefusal> {
    let (panel, juror) = (seated(dispute)?, juror(caller)?);
    let seat = panel.seat(juror).ok_or(DisputeRefusal::NotFound)?;
    if seat.vote.is_some() {
        return Err(DisputeRefusal::AlreadyVoted);
    }
    let sealed = seat.commitment.ok_or(DisputeRefusal::NotCommitted)?;
    let (round, attempt) = dispute.place();
    if commitment(dispute.id, round, attempt, juror, vote) != sealed {
        return Err(DisputeRefusal::WrongSeal);
    }
    let event = DisputeEvent::Revealed { juror: juror.clone(), vote: *vote, at: cx.now };
    let next = crate::evolve(dispute.clone(), &event);
    let mut events = vec![event];
    if panel.revealed() + 1 == panel.committed() {
        events.extend(votes_are_open(&next, cx));
    }
    Ok(events)
}

/// The time for sealed votes is over.
pub(crate) fn votes_are_in(dispute: &Dispute, cx: &Context<'_>) -> Vec<DisputeEvent> {
    let quorum = dispute.panel().is_some_and(|panel| panel.committed() >= panel.quorum());
    if !quorum {
        return failed(dispute, cx);
    }
    if dispute.ruling_due().passed(cx.now, cx.gaps) {
        let why = Escalation::RulingTimeOver;
        return vec![DisputeEvent::Escalated { why, at: cx.now }];
    }
    vec![reveal_began(dispute, cx)]
}

/// No more votes are opened: the median rules, if there are enough.
pub(crate) fn votes_are_open(dispute: &Dispute, cx: &Context<'_>) -> Vec<DisputeEvent> {
    let median = dispute
        .panel()
        .filter(|panel| panel.revealed() >= panel.quorum())
        .and_then(|panel| Some((panel.median()?, panel.revealed())));
    let Some((median, revealed)) = median else { return failed(dispute, cx) };
    let finding = dispute.claim.limit(median);
    let ruling = Ruling { finding, basis: Basis::Panel { revealed }, at: cx.now };
    ruled(dispute, &ruling, false, cx)
}

/// One more panel if there is time for it, then the operators.
fn failed(dispute: &Dispute, cx: &Context<'_>) -> Vec<DisputeEvent> {
    let at: Timestamp = cx.now;
    let (_, attempt) = dispute.place();
    let mut events = vec![DisputeEvent::PanelFailed { at }];
    if dispute.ruling_due().passed(at, cx.gaps) {
        events.push(DisputeEvent::Escalated { why: Escalation::RulingTimeOver, at });
    } else if attempt > 0 {
        events.push(DisputeEvent::Escalated { why: Escalation::NoQuorum, at });
    } else {
        events.push(DisputeEvent::PanelWanted { at });
    }
    events
}
