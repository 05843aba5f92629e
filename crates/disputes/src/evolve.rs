//! What an event makes of a dispute, and which money it moves.

use marketplace_ledger::{Account, EntryDraft, EntryError, EntryKind};
use marketplace_money::{Amount, Deadline, Did, Timestamp};

use crate::{
    Basis, Closed, Dispute, DisputeEvent, OrderEffect, Panel, Policy, Response, Round, Ruling,
    Seat, Stage, State, payments,
};

/// The dispute after the events of one decision: its version grows by one.
#[must_use]
pub fn apply(dispute: &Dispute, events: &[DisputeEvent]) -> Dispute {
    let mut next = events.iter().fold(dispute.clone(), evolve);
    next.version = dispute.version + 1;
    next
}

/// The dispute after one event. Total: `decide` never makes an event that does not fit, and a
/// closed dispute stays what it is.
#[must_use]
pub fn evolve(mut dispute: Dispute, event: &DisputeEvent) -> Dispute {
    if dispute.phase().is_terminal() {
        return dispute;
    }
    match event {
        DisputeEvent::Opened { .. } | DisputeEvent::GivenUp { .. } => {}
        DisputeEvent::EvidenceAdded(piece) => dispute.evidence.push(piece.clone()),
        DisputeEvent::Responded { response, at } => {
            dispute.response = Some(*response);
            dispute.state = State::UnderRules { since: *at };
        }
        DisputeEvent::SettlementOffered(offer) => dispute.offer = Some(offer.clone()),
        DisputeEvent::PanelWanted { at } => dispute.state = State::AwaitingPanel { since: *at },
        DisputeEvent::Escalated { why, at } => {
            let until = Deadline::after(*at, Policy::OPERATORS_TIME);
            dispute.state = State::UnderOperators { until, why: *why };
        }
        DisputeEvent::Ruled(ruling) => return ruled(dispute, ruling),
        DisputeEvent::Appealed { appeal, at } => {
            let appeal = Some(appeal.clone());
            dispute.rounds.push(Round { began: *at, appeal, panels: Vec::new(), ruling: None });
            dispute.state = State::AwaitingPanel { since: *at };
        }
        DisputeEvent::Closed { phase, verdict, at } => {
            let closed = Closed { phase: *phase, verdict: *verdict, at: *at };
            dispute.state = State::Closed(Box::new(closed));
        }
        DisputeEvent::Called { pool, size, at } => call(&mut dispute, *pool, *size, *at),
        DisputeEvent::Drawn { .. }
        | DisputeEvent::Committed { .. }
        | DisputeEvent::RevealBegan { .. }
        | DisputeEvent::Revealed { .. }
        | DisputeEvent::PanelFailed { .. } => panel_event(&mut dispute, event),
    }
    dispute
}

fn ruled(mut dispute: Dispute, ruling: &Ruling) -> Dispute {
    let until = Deadline::after(ruling.at, dispute.windows.appeal);
    dispute.state = State::Appealable { until };
    if let Some(round) = dispute.rounds.last_mut() {
        if let (Basis::Panel { .. }, Some(panel)) = (&ruling.basis, round.panels.last_mut()) {
            panel.stage = Stage::Found(ruling.finding);
        }
        round.ruling = Some(ruling.clone());
    }
    dispute
}

fn call(dispute: &mut Dispute, pool: [u8; 32], size: usize, at: Timestamp) {
    dispute.state = State::AwaitingDraw { since: at };
    let Some(round) = dispute.rounds.last_mut() else { return };
    let (draw, seats, stage) = (None, Vec::new(), Stage::Called);
    round.panels.push(Panel { size, pool, called_at: at, draw, seats, stage });
}

fn panel_event(dispute: &mut Dispute, event: &DisputeEvent) {
    let panel = dispute.rounds.last_mut().and_then(|round| round.panels.last_mut());
    let Some(panel) = panel else { return };
    match event {
        DisputeEvent::Drawn { draw, jurors, until } => {
            let seat = |juror: &Did| Seat { juror: juror.clone(), commitment: None, vote: None };
            panel.draw = Some(*draw);
            panel.seats = jurors.iter().map(seat).collect();
            panel.stage = Stage::Committing;
            dispute.state = State::Committing { until: *until };
        }
        DisputeEvent::Committed { juror, commitment, .. } => {
            if let Some(seat) = panel.seats.iter_mut().find(|seat| seat.juror == *juror) {
                seat.commitment = Some(*commitment);
            }
        }
        DisputeEvent::RevealBegan { until } => {
            panel.stage = Stage::Revealing;
            dispute.state = State::Revealing { until: *until };
        }
        DisputeEvent::Revealed { juror, vote, .. } => {
            if let Some(seat) = panel.seats.iter_mut().find(|seat| seat.juror == *juror) {
                seat.vote = Some(*vote);
            }
        }
        DisputeEvent::PanelFailed { .. } => {
            panel.stage = match panel.stage {
                Stage::Revealing => Stage::TooFewRevealed,
                _ => Stage::TooFewCommitted,
            };
        }
        _ => {}
    }
}

/// What the end of the dispute makes of the order's escrow; nothing where the order goes on. The
/// same entry that the order itself books when it is given the command of this effect.
///
/// # Errors
/// When the effect gives a part that the price does not have.
pub fn award(dispute: &Dispute, effect: OrderEffect) -> Result<Option<EntryDraft>, EntryError> {
    let price = &dispute.price;
    let seller = match effect {
        OrderEffect::Resume => return Ok(None),
        OrderEffect::Rule { seller } | OrderEffect::Settle { seller } => seller,
        OrderEffect::Accept => price.price,
        OrderEffect::Decline => Amount::ZERO,
        OrderEffect::Abort => marketplace_escrow::aborted(price, dispute.delivered),
    };
    let shares = price.split(seller).ok_or(EntryError::Overflow)?;
    let parties = [&dispute.buyer, &dispute.seller];
    marketplace_escrow::award(dispute.order, parties, price.total, &shares).map(Some)
}

/// The money that an event moves, given the dispute before it; nothing for most. What the
/// dispute's account gets is always the change of [`Dispute::held`].
///
/// # Errors
/// Never for stakes within the policy: all sums fit.
pub fn posting(dispute: &Dispute, event: &DisputeEvent) -> Result<Option<EntryDraft>, EntryError> {
    let (payer, amount) = match event {
        DisputeEvent::Opened { .. } => (dispute.disputer, dispute.opening_cost()),
        DisputeEvent::Responded { response: Response::Contested, .. } => {
            (dispute.disputer.other(), dispute.stakes.counter_bond)
        }
        DisputeEvent::Appealed { appeal, .. } => (appeal.by, appeal.bond),
        DisputeEvent::Closed { verdict, .. } => {
            let mut moves: Vec<(Account, Amount)> = Vec::new();
            for payment in payments(dispute, verdict) {
                let out = payment.amount.checked_neg().ok_or(EntryError::Overflow)?;
                moves.push((payment.from, out));
                moves.push((payment.to, payment.amount));
            }
            return match EntryDraft::new(EntryKind::DisputeClosed, moves) {
                Err(EntryError::Empty) => Ok(None),
                draft => draft.map(Some),
            };
        }
        _ => return Ok(None),
    };
    if amount.is_zero() {
        return Ok(None);
    }
    let from = Account::Agent(dispute.party(payer).clone());
    EntryDraft::transfer(EntryKind::DisputeBond, from, Account::Dispute(dispute.id), amount)
        .map(Some)
}
