//! Work of the outbox that did not succeed comes back later.

use std::collections::HashSet;

use marketplace_money::Seconds;
use marketplace_ports::{Effect, EffectChange, Key};

use crate::desk::Desk;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Puts an effect back.
#[derive(Clone, Debug)]
pub(crate) struct RetryEffect {
    pub(crate) effect: Effect,
    pub(crate) error: String,
    pub(crate) after: Option<Seconds>,
    /// It stays where it is, for an operator to look at.
    pub(crate) give_up: bool,
}

impl Verb for RetryEffect {
    type Reply = ();

    fn keys(&self, _keys: &mut HashSet<Key>) {}

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let attempts = self.effect.attempts.saturating_add(1);
        let backoff = Seconds(2u32.saturating_pow(attempts.min(9)).min(300));
        let wait = self.after.unwrap_or(backoff).max(backoff);
        let due = if self.give_up { Effect::NEVER } else { desk.now().plus(wait) };
        let (id, error) = (self.effect.id, self.error.clone());
        desk.change_effect(EffectChange::Retry { id, due, attempts, error });
        Ok(())
    }
}

/// Puts an effect back that waits for something else: that was no try.
#[derive(Clone, Debug)]
pub(crate) struct PutOffEffect {
    pub(crate) effect: Effect,
    pub(crate) why: String,
    pub(crate) after: Seconds,
}

impl Verb for PutOffEffect {
    type Reply = ();

    fn keys(&self, _keys: &mut HashSet<Key>) {}

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let Effect { id, attempts, .. } = self.effect;
        let (due, error) = (desk.now().plus(self.after), self.why.clone());
        desk.change_effect(EffectChange::Retry { id, due, attempts, error });
        Ok(())
    }
}

/// Strikes an effect off that somebody else has brought about.
#[derive(Clone, Debug)]
pub(crate) struct FinishEffect {
    pub(crate) id: uuid::Uuid,
}

impl Verb for FinishEffect {
    type Reply = ();

    fn keys(&self, _keys: &mut HashSet<Key>) {}

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        desk.change_effect(EffectChange::Done(self.id));
        Ok(())
    }
}
