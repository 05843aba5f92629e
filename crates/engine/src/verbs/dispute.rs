//! What all commands on disputes share: one decision, and everything that follows from it in one
//! commit. The dispute, its money, its clock, its jurors, and the order when the dispute ends.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_disputes::{
    Board, Caller, Command, Context, Dispute, DisputeEvent, DisputeRefusal, LogEntry, Operators,
    OrderFacts, decide, evolve, posting, rule_set_hash,
};
use marketplace_escrow::OrderRefusal;
use marketplace_ledger::Account;
use marketplace_listings::Invalid;
use marketplace_money::{Amount, Did, DisputeId, OrderId};
use marketplace_ports::{Docket, EffectKind, Juror, Key, Subject, Timer};

use super::change_order;
use crate::config::OperatorSet;
use crate::desk::Desk;
use crate::dispute_events::{audience, dispute_data, notices, stake_data};
use crate::disputes::DisputeView;
use crate::refusal::Refusal;

/// Everything that a command on a dispute must see beside it. Read before the command is queued;
/// what it says never changes, but that panels are drawn.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    pub(crate) dispute: DisputeId,
    order: OrderId,
    parties: [Did; 2],
    jurors: Vec<Did>,
}

impl Bench {
    pub(crate) fn of(docket: &Docket) -> Self {
        let dispute = &docket.dispute;
        Self {
            dispute: dispute.id,
            order: dispute.order,
            parties: [dispute.buyer.clone(), dispute.seller.clone()],
            jurors: docket.jurors().into_iter().cloned().collect(),
        }
    }

    /// With those who are about to be drawn.
    pub(crate) fn with(mut self, jurors: &[Did]) -> Self {
        self.jurors.extend_from_slice(jurors);
        self
    }

    pub(crate) fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Dispute(self.dispute));
        keys.insert(Key::Order(self.order));
        let agents = self.parties.iter().cloned().map(Account::Agent);
        let stakes = self.jurors.iter().cloned().map(Account::Juror);
        keys.extend(agents.chain(stakes).map(Key::Balance));
        keys.extend(self.jurors.iter().cloned().map(Key::Juror));
    }

    fn covers(&self, docket: &Docket, events: &[DisputeEvent]) -> bool {
        let drawn = events.iter().filter_map(|event| match event {
            DisputeEvent::Drawn { jurors, .. } => Some(jurors),
            _ => None,
        });
        let mut all = docket.jurors().into_iter().chain(drawn.flatten());
        all.all(|juror| self.jurors.contains(juror))
    }
}

/// What a command was decided on, to be kept with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inputs {
    pub(crate) facts: Option<OrderFacts>,
    pub(crate) pool: Option<[u8; 32]>,
    /// Where they decided.
    pub(crate) operators: Option<Board>,
}

/// Decides one command on a dispute and writes what follows.
pub(crate) fn run(
    desk: &mut Desk<'_>,
    bench: &Bench,
    operators: &OperatorSet,
    caller: &Caller,
    command: &Command,
    inputs: Inputs,
) -> Result<DisputeView, Refusal> {
    let docket = desk.docket(bench.dispute).ok_or(DisputeRefusal::NotFound)?;
    let dispute = &docket.dispute;
    let respondent = dispute.party(dispute.disputer.other()).clone();
    let cx = Context {
        now: desk.now(),
        gaps: desk.gaps(),
        respondent_available: desk.balance(&Account::Agent(respondent)),
        operators: Operators { keys: &operators.keys, needed: operators.needed },
    };
    let events = decide(dispute, caller, command, &cx)?;
    if !bench.covers(&docket, &events) {
        return Err(Refusal::BenchChanged);
    }
    let board = || Board { keys: operators.keys.clone(), needed: operators.needed };
    let operators_then = (*caller == Caller::Operators).then(board);
    let docket = write(desk, &docket, events, Inputs { operators: operators_then, ..inputs })?;
    let (now, gaps) = (desk.now(), desk.gaps().clone());
    Ok(DisputeView { docket, now, gaps, operators: operators.clone() })
}

/// Enough operators have decided: rules, or gives up. For a commit that holds more than this.
pub(crate) fn operators_decide(
    desk: &mut Desk<'_>,
    bench: &Bench,
    operators: &OperatorSet,
    command: &Command,
) -> Result<DisputeView, Refusal> {
    run(desk, bench, operators, &Caller::Operators, command, Inputs::default())
}

fn write(
    desk: &mut Desk<'_>,
    before: &Docket,
    events: Vec<DisputeEvent>,
    inputs: Inputs,
) -> Result<Arc<Docket>, Refusal> {
    // Events name the version that they make: who has read that has seen them.
    let mut stage = before.dispute.clone();
    stage.version += 1;
    for event in &events {
        post(desk, &stage, event)?;
        stage = evolve(stage, event);
        tell(desk, &stage, event);
        match event {
            DisputeEvent::Drawn { jurors, .. } => seat(desk, stage.id, jurors)?,
            DisputeEvent::Closed { verdict, .. } => {
                dismiss(desk, before);
                let order = desk.order(stage.order).ok_or(OrderRefusal::NotFound)?;
                let (role, command) = verdict.order.order_command();
                change_order::run(desk, &order, role, &command)?;
            }
            _ => {}
        }
    }
    let mut after = before.after(LogEntry { at: desk.now(), events });
    let version = after.dispute.version;
    if let Some(facts) = inputs.facts {
        (after.facts, after.rule_set) = (Some((version, facts)), Some(rule_set_hash()));
    }
    let operators = inputs.operators.map(|board| (version, board));
    after.operators = operators.or(after.operators.take());
    after.pools.extend(inputs.pool.map(|name| (version, name)));
    set_timer(desk, Some(&before.dispute), &after.dispute);
    Ok(desk.write_docket(before.dispute.version, after))
}

/// Posts the money of an event, given the dispute before it.
pub(crate) fn post(
    desk: &mut Desk<'_>,
    dispute: &Dispute,
    event: &DisputeEvent,
) -> Result<(), Refusal> {
    let draft = posting(dispute, event);
    let draft = draft.map_err(|_| Invalid::new("price", "is out of range"))?;
    let Some(draft) = draft else { return Ok(()) };
    desk.post(draft.because(Docket::entry_reason(dispute.id))).map(|_| ())
}

/// Records a fact of the dispute as it is after it, and has told who can be told.
pub(crate) fn tell(desk: &mut Desk<'_>, dispute: &Dispute, event: &DisputeEvent) {
    let data = dispute_data(dispute, event);
    let subject = Subject::Dispute(dispute.id);
    desk.emit(subject, event.name(), audience(dispute, event), data);
    for (agent, notice) in notices(dispute, event) {
        if desk.reaches(&agent) {
            let due = desk.now();
            let dispute = dispute.id;
            desk.add_effect(EffectKind::NotifyDispute { dispute, agent, notice }, due);
        }
    }
}

/// Jurors take their seats. One whose stake no longer covers another seat makes the draw void: the
/// operators rule then, in time.
fn seat(desk: &mut Desk<'_>, dispute: DisputeId, jurors: &[Did]) -> Result<(), Refusal> {
    for did in jurors {
        let juror = desk.juror(did);
        if !juror.bears(desk.balance(&Account::Juror(did.clone())), 1) {
            return Err(Refusal::NotAJuror);
        }
        let mut seated = juror.as_ref().clone();
        seated.benches.push(dispute);
        desk.write_juror(juror.version, seated);
    }
    Ok(())
}

/// The jurors' work is done; what it cost them has been posted.
fn dismiss(desk: &mut Desk<'_>, before: &Docket) {
    for did in before.jurors() {
        let juror = desk.juror(did);
        let mut free = juror.as_ref().clone();
        free.benches.retain(|bench| *bench != before.dispute.id);
        desk.write_juror(juror.version, free);
        stake_changed(desk, did);
    }
}

/// Says what is at stake now.
pub(crate) fn stake_changed(desk: &mut Desk<'_>, did: &Did) -> Amount {
    let stake = desk.balance(&Account::Juror(did.clone()));
    let subject = Subject::Command(desk.command());
    desk.emit(subject, "juror.stake_changed", vec![did.clone()], stake_data(stake));
    stake
}

/// The clock of a dispute follows from its state alone.
pub(crate) fn set_timer(desk: &mut Desk<'_>, before: Option<&Dispute>, after: &Dispute) {
    let subject = Subject::Dispute(after.id);
    let (old, new) = (before.and_then(Dispute::next_timer), after.next_timer());
    if let Some(old) = old
        && new.is_none_or(|new| new.kind != old.kind)
    {
        desk.clear_timer(subject, old.kind.name());
    }
    if let Some(new) = new
        && old != Some(new)
    {
        let (kind, sequence) = (new.kind.name(), after.version);
        desk.set_timer(Timer { subject, kind, sequence, due: new.deadline.due });
    }
}

/// What a juror has locked, and what is known of it.
pub(crate) fn juror_keys(did: &Did, keys: &mut HashSet<Key>) {
    keys.insert(Key::Juror(did.clone()));
    keys.insert(Key::Balance(Account::Juror(did.clone())));
    keys.insert(Key::Balance(Account::Agent(did.clone())));
}

/// Whether somebody is a juror: it has a stake.
pub(crate) fn is_juror(juror: &Juror, stake: Amount) -> bool {
    juror.version > 0 && stake.is_positive()
}
