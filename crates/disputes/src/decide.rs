//! The one function that says yes or no to a dispute.

use marketplace_listings::Invalid;
use marketplace_money::{Amount, Deadline, Did, Gaps, Timestamp};

use crate::opening::check_text;
use crate::table::{TRANSITIONS, Transition};
use crate::{
    Actor, Appeal, Caller, Command, Dispute, DisputeEvent, DisputeRefusal, Evidence, EvidenceInput,
    Finding, Offer, Operators, Phase, Policy, Response, Side, State, TimerKind, Verb, closing,
    voting,
};

/// What a decision may know of the world.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The store's clock.
    pub now: Timestamp,
    /// Our downtime, which stops every clock.
    pub gaps: &'a Gaps,
    /// The respondent's available balance: what an undefended claim may take its compensation
    /// from, and whether it could post R.
    pub respondent_available: Amount,
    /// Who may rule at the end.
    pub operators: Operators<'a>,
}

/// Who is asking, seen from the dispute.
pub(crate) fn role(dispute: &Dispute, caller: &Caller) -> Result<Actor, DisputeRefusal> {
    match caller {
        Caller::Agent(did) => dispute.role_of(did).ok_or(DisputeRefusal::NotFound),
        Caller::Timer => Ok(Actor::Timer),
        Caller::Arbitration => Ok(Actor::Arbitration),
        Caller::Operators => Ok(Actor::Operators),
    }
}

/// The row for this verb and role in the dispute's phase.
pub(crate) fn find_row(
    phase: Phase,
    verb: Verb,
    role: Actor,
) -> Result<&'static Transition, DisputeRefusal> {
    let mut rows = TRANSITIONS.iter().filter(|row| row.verb == verb && row.actor.includes(role));
    let mut any = false;
    match rows.find(|row| {
        any = true;
        row.from.contains(&phase)
    }) {
        Some(row) => Ok(row),
        None if any => Err(DisputeRefusal::WrongPhase { verb, phase }),
        None => Err(DisputeRefusal::WrongRole { verb }),
    }
}

pub(crate) fn before(deadline: &Deadline, cx: &Context<'_>) -> Result<(), DisputeRefusal> {
    let due = deadline.effective(cx.gaps);
    if cx.now >= due { Err(DisputeRefusal::TooLate { due }) } else { Ok(()) }
}

fn after(deadline: &Deadline, cx: &Context<'_>) -> Result<(), DisputeRefusal> {
    let due = deadline.effective(cx.gaps);
    if cx.now < due { Err(DisputeRefusal::TooEarly { due }) } else { Ok(()) }
}

/// Conditions of a row that do not depend on what the command carries. From the deadline of a step
/// on, the dispute goes on as the timer makes it go: nobody gains from a timer that is late.
pub(crate) fn guard(
    dispute: &Dispute,
    verb: Verb,
    role: Actor,
    cx: &Context<'_>,
) -> Result<(), DisputeRefusal> {
    match verb {
        Verb::LapseLife => return after(&dispute.life(), cx),
        // Who gives the other side everything takes nothing from it.
        Verb::Concede => return Ok(()),
        _ => before(&dispute.life(), cx)?,
    }
    let Some(step) = dispute.step() else { return Ok(()) };
    match (verb, step.kind) {
        (Verb::Lapse, TimerKind::Call | TimerKind::Draw) => after(&dispute.ruling_due(), cx)?,
        (Verb::Lapse, _) => after(&step.deadline, cx)?,
        (Verb::CallPanel | Verb::DrawPanel, _) => before(&dispute.ruling_due(), cx)?,
        // Ours to do at once: until then the parties may go on.
        (_, TimerKind::Rules | TimerKind::Call | TimerKind::Draw) => {}
        _ => before(&step.deadline, cx)?,
    }
    match verb {
        Verb::Withdraw if dispute.has_shown_its_hand() => Err(DisputeRefusal::HandShown),
        Verb::AcceptSettlement => standing(dispute, role, cx).map(|_| ()),
        Verb::Appeal => appealable(dispute, role).map(|_| ()),
        Verb::AddEvidence => evidence_open(dispute, role, cx),
        _ => Ok(()),
    }
}

/// Decides a command of `caller` on `dispute` at `cx.now`.
///
/// # Errors
/// The first refusal in the order of [`DisputeRefusal`]; the dispute is unchanged then.
pub fn decide(
    dispute: &Dispute,
    caller: &Caller,
    command: &Command,
    cx: &Context<'_>,
) -> Result<Vec<DisputeEvent>, DisputeRefusal> {
    let role = role(dispute, caller)?;
    let verb = command.verb();
    find_row(dispute.phase(), verb, role)?;
    guard(dispute, verb, role, cx)?;
    let at = cx.now;
    match command {
        Command::AddEvidence(input) => add_evidence(dispute, role, input, at),
        Command::Contest { bonded } => contest(dispute, *bonded, cx),
        Command::Concede { everything } => closing::concede(dispute, role, *everything, cx),
        Command::OfferSettlement { seller } => offer(dispute, role, *seller, at),
        Command::AcceptSettlement { expected } => {
            let seller = standing(dispute, role, cx)?;
            if expected.is_some_and(|expected| expected != seller) {
                return Err(DisputeRefusal::OfferChanged { seller });
            }
            Ok(vec![closing::settle(seller, at)])
        }
        Command::Withdraw => Ok(vec![closing::withdraw(at)]),
        Command::ApplyRules { facts } => voting::apply_rules(dispute, facts, cx),
        Command::CallPanel { pool } => voting::call(dispute, pool, cx),
        Command::DrawPanel { pool, source } => voting::draw(dispute, pool, source, cx),
        Command::Commit { commitment } => voting::commit(dispute, caller, commitment, cx),
        Command::Reveal(vote) => voting::reveal(dispute, caller, vote, cx),
        Command::Appeal => {
            Ok(vec![DisputeEvent::Appealed { appeal: appealable(dispute, role)?, at }])
        }
        Command::Rule { finding, reason, approvals } => {
            closing::rule(dispute, *finding, reason, approvals, cx)
        }
        Command::Abort { reason, approvals } => closing::abort(dispute, reason, approvals, cx),
        Command::Lapse => lapse(dispute, cx),
        Command::LapseLife => Ok(vec![closing::last_ruling_or_abort(dispute, cx)]),
    }
}

fn lapse(dispute: &Dispute, cx: &Context<'_>) -> Result<Vec<DisputeEvent>, DisputeRefusal> {
    let at = cx.now;
    match dispute.state {
        State::AwaitingResponse { .. } => {
            Ok(vec![DisputeEvent::Responded { response: Response::Silent, at }])
        }
        State::AwaitingPanel { .. } | State::AwaitingDraw { .. } => {
            let why = crate::Escalation::RulingTimeOver;
            Ok(vec![DisputeEvent::Escalated { why, at }])
        }
        State::Committing { .. } => Ok(voting::votes_are_in(dispute, cx)),
        State::Revealing { .. } => Ok(voting::votes_are_open(dispute, cx)),
        State::UnderOperators { .. } | State::Appealable { .. } => {
            Ok(vec![closing::last_ruling_or_abort(dispute, cx)])
        }
        State::UnderRules { .. } | State::Closed(_) => {
            Err(DisputeRefusal::WrongPhase { verb: Verb::Lapse, phase: dispute.phase() })
        }
    }
}

pub(crate) fn side(dispute: &Dispute, role: Actor) -> Side {
    if role == Actor::Disputer { dispute.disputer } else { dispute.disputer.other() }
}

fn evidence_open(dispute: &Dispute, role: Actor, cx: &Context<'_>) -> Result<(), DisputeRefusal> {
    let own = side(dispute, role);
    if dispute.evidence.iter().filter(|piece| piece.by == own).count() >= Evidence::MOST {
        return Err(DisputeRefusal::TooMuchEvidence);
    }
    match dispute.state {
        // The other half belongs to the jurors: they must see all of it.
        State::Committing { until } => {
            let half = until.due.since(until.from) / 2;
            if cx.now >= until.from.plus_micros(half) {
                return Err(DisputeRefusal::EvidenceClosed);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn add_evidence(
    dispute: &Dispute,
    role: Actor,
    input: &EvidenceInput,
    at: Timestamp,
) -> Result<Vec<DisputeEvent>, DisputeRefusal> {
    if input.size > Evidence::LARGEST {
        return Err(Invalid::new("evidence", "must be at most 1 MiB").into());
    }
    check_text("evidence.note", &input.note, Evidence::LONGEST_NOTE)?;
    let visible = |text: &str| text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if let Some(media_type) = &input.media_type
        && (media_type.len() > Evidence::LONGEST_MEDIA_TYPE || !visible(media_type))
    {
        let problem = "must be at most 255 visible ASCII characters";
        return Err(Invalid::new("evidence.media_type", problem).into());
    }
    Ok(vec![DisputeEvent::EvidenceAdded(Evidence {
        by: side(dispute, role),
        sha256: input.sha256,
        size: input.size,
        media_type: input.media_type.clone(),
        note: input.note.clone(),
        at,
    })])
}

fn contest(
    dispute: &Dispute,
    bonded: bool,
    cx: &Context<'_>,
) -> Result<Vec<DisputeEvent>, DisputeRefusal> {
    let counter_bond = dispute.stakes.counter_bond;
    if !bonded && cx.respondent_available >= counter_bond {
        return Err(DisputeRefusal::BondAffordable { counter_bond });
    }
    let response = if bonded { Response::Contested } else { Response::ContestedUnbonded };
    Ok(vec![DisputeEvent::Responded { response, at: cx.now }])
}

fn offer(
    dispute: &Dispute,
    role: Actor,
    seller: Amount,
    at: Timestamp,
) -> Result<Vec<DisputeEvent>, DisputeRefusal> {
    if dispute.price.split(seller).is_none() {
        return Err(Invalid::new("seller", "must be from 0 to the price").into());
    }
    let lapses = Deadline::after(at, Policy::OFFER_LIFE);
    let offer = Offer { by: side(dispute, role), seller, lapses };
    Ok(vec![DisputeEvent::SettlementOffered(offer)])
}

/// What the seller would get by the other side's offer.
pub(crate) fn standing(
    dispute: &Dispute,
    role: Actor,
    cx: &Context<'_>,
) -> Result<Amount, DisputeRefusal> {
    let own = side(dispute, role);
    let offer = dispute.offer.as_ref().filter(|offer| offer.by != own);
    let offer = offer.ok_or(DisputeRefusal::NoOffer)?;
    before(&offer.lapses, cx)?;
    Ok(offer.seller)
}

/// The appeal that this party may make.
pub(crate) fn appealable(dispute: &Dispute, role: Actor) -> Result<Appeal, DisputeRefusal> {
    let against = dispute.ruling().map(|ruling| ruling.finding);
    let against = against.ok_or(DisputeRefusal::NothingToAppeal)?;
    let wants_more = match role {
        Actor::Disputer => against < Finding::Awarded(dispute.claim.remedy),
        _ => against > Finding::Rejected,
    };
    if !wants_more {
        return Err(DisputeRefusal::NothingToAppeal);
    }
    let bond = Policy::appeal_bond(dispute.appeal_panel_size());
    Ok(Appeal { by: side(dispute, role), bond, against })
}

/// The juror that asks.
pub(crate) fn juror(caller: &Caller) -> Result<&Did, DisputeRefusal> {
    match caller {
        Caller::Agent(did) => Ok(did),
        _ => Err(DisputeRefusal::NotFound),
    }
}
