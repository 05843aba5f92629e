//! A clock of a dispute has run out. What the step needs was read before; whether it still fits is
//! decided here.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_disputes::{Caller, Command, DisputeRefusal, Phase};
use marketplace_money::Seconds;
use marketplace_ports::{Exhibit, Key, Timer};

use super::dispute::{Bench, Inputs, run};
use crate::config::OperatorSet;
use crate::desk::Desk;
use crate::job::Verb;
use crate::refusal::Refusal;

/// A step that could not be done is tried again after this: no dispute may be left without a clock.
const AGAIN: Seconds = Seconds(60);

/// Makes a dispute go on.
#[derive(Clone, Debug)]
pub(crate) struct TickDispute {
    pub(crate) timer: Timer,
    pub(crate) bench: Bench,
    /// Of the timer, or of our own machinery.
    pub(crate) caller: Caller,
    pub(crate) command: Command,
    pub(crate) inputs: Inputs,
    /// The bytes of a frozen pool.
    pub(crate) pool: Option<Arc<[u8]>>,
    pub(crate) operators: OperatorSet,
}

impl Verb for TickDispute {
    type Reply = ();

    fn keys(&self, keys: &mut HashSet<Key>) {
        self.bench.keys(keys);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let Timer { subject, kind, .. } = self.timer;
        let docket = desk.docket(self.bench.dispute).ok_or(Refusal::NotFound)?;
        if docket.dispute.next_timer().is_none_or(|timer| timer.kind.name() != kind) {
            // It went another way and left the timer behind.
            desk.rely_on(Key::Dispute(self.bench.dispute), docket.dispute.version);
            desk.clear_timer(subject, kind);
            return Ok(());
        }
        let (operators, inputs) = (&self.operators, self.inputs.clone());
        let due = match run(desk, &self.bench, operators, &self.caller, &self.command, inputs) {
            Ok(view) => {
                self.keep_pool(desk);
                debug_assert!(view.docket.dispute.version > docket.dispute.version);
                return Ok(());
            }
            Err(Refusal::BenchChanged) => return Err(Refusal::BenchChanged),
            // Our own downtime moved the deadline: knock again then.
            Err(Refusal::Dispute(DisputeRefusal::TooEarly { due })) => due,
            Err(refusal) => {
                let dispute = self.bench.dispute;
                tracing::warn!(%dispute, %kind, %refusal, "a step of a dispute waits");
                desk.now().plus(AGAIN)
            }
        };
        desk.rely_on(Key::Dispute(self.bench.dispute), docket.dispute.version);
        desk.set_timer(Timer { due, ..self.timer.clone() });
        Ok(())
    }
}

impl TickDispute {
    fn keep_pool(&self, desk: &mut Desk<'_>) {
        if let (Some(name), Some(bytes)) = (self.inputs.pool, &self.pool) {
            let (dispute, bytes) = (self.bench.dispute, bytes.clone());
            desk.exhibit(Exhibit { dispute, name, bytes });
        }
    }
}

/// Puts the clock off: what the step needs is not there yet.
#[derive(Clone, Debug)]
pub(crate) struct PutOff {
    pub(crate) timer: Timer,
    pub(crate) bench: Bench,
    pub(crate) micros: i64,
}

impl Verb for PutOff {
    type Reply = ();

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Dispute(self.bench.dispute));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let docket = desk.docket(self.bench.dispute).ok_or(Refusal::NotFound)?;
        let due = desk.now().plus_micros(self.micros);
        desk.rely_on(Key::Dispute(self.bench.dispute), docket.dispute.version);
        if docket.dispute.phase() == Phase::AwaitingDraw {
            desk.set_timer(Timer { due, ..self.timer.clone() });
        } else {
            desk.clear_timer(self.timer.subject, self.timer.kind);
        }
        Ok(())
    }
}
