//! What a party or a juror may do now, with the exact amounts and the time that is left.

use marketplace_money::{Amount, Did, Timestamp};

use crate::decide::{appealable, find_row, guard, standing};
use crate::{Actor, Context, Dispute, Stage, State, Verb};

/// One thing that the viewer may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvailableAction {
    /// What.
    pub verb: Verb,
    /// The bond that it costs.
    pub bond: Option<Amount>,
    /// What the seller would get of the price, when it ends the dispute by agreement.
    pub seller: Option<Amount>,
    /// Until when, where a clock runs; with our downtime credited.
    pub until: Option<Timestamp>,
}

/// What an agent may do, in the order of the table.
#[must_use]
pub fn available_actions(dispute: &Dispute, agent: &Did, cx: &Context<'_>) -> Vec<AvailableAction> {
    let Some(role) = dispute.role_of(agent) else { return Vec::new() };
    let may = |verb: &Verb| {
        find_row(dispute.phase(), *verb, role).is_ok()
            && guard(dispute, *verb, role, cx).is_ok()
            && (role != Actor::Juror || is_open_to_juror(dispute, agent, *verb))
    };
    let verbs = Verb::NAMES.iter().map(|(verb, _)| *verb).filter(may);
    verbs.map(|verb| action(dispute, verb, role, cx)).collect()
}

fn is_open_to_juror(dispute: &Dispute, agent: &Did, verb: Verb) -> bool {
    let seat = dispute.panel().and_then(|panel| Some((panel.stage, panel.seat(agent)?)));
    match (verb, seat) {
        (Verb::Commit, Some((Stage::Committing, seat))) => seat.commitment.is_none(),
        (Verb::Reveal, Some((Stage::Revealing, seat))) => {
            seat.commitment.is_some() && seat.vote.is_none()
        }
        _ => false,
    }
}

fn action(dispute: &Dispute, verb: Verb, role: Actor, cx: &Context<'_>) -> AvailableAction {
    let bond = match verb {
        Verb::Contest => Some(dispute.stakes.counter_bond),
        Verb::Appeal => appealable(dispute, role).ok().map(|appeal| appeal.bond),
        _ => None,
    };
    let seller = match verb {
        Verb::AcceptSettlement => standing(dispute, role, cx).ok(),
        _ => None,
    };
    let step = dispute.step().map(|step| step.deadline);
    let own = match (verb, &dispute.state) {
        (Verb::AcceptSettlement, _) => dispute.offer.as_ref().map(|offer| offer.lapses),
        (Verb::AddEvidence, State::Committing { until: window }) => {
            let half = window.due.since(window.from) / 2;
            Some(marketplace_money::Deadline { due: window.from.plus_micros(half), ..*window })
        }
        _ => None,
    };
    let clocks = own.into_iter().chain(step).chain([dispute.life()]);
    let clocks = clocks.map(|deadline| deadline.effective(cx.gaps));
    let until = clocks.filter(|clock| *clock > cx.now).min();
    AvailableAction { verb, bond, seller, until }
}
