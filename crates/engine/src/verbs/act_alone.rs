//! What one operator does alone, because it moves no tokens: what it did, who and why is a motion
//! that was never open, written in the same commit.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_money::Did;
use marketplace_ports::{EffectChange, Key, Motion, MotionAction, MotionApproval, MotionState};
use uuid::Uuid;

use super::motion::{check_reason, tell};
use crate::config::OperatorSet;
use crate::desk::Desk;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Who of the operators acts alone, and why.
#[derive(Clone, Debug)]
pub struct OperatorAct {
    /// Who.
    pub operator: Did,
    /// Public.
    pub reason: Arc<str>,
    /// Only look whether it could be done.
    pub try_only: bool,
}

/// An act, and who hears of it.
#[derive(Clone, Debug)]
pub(crate) struct Alone {
    pub(crate) act: OperatorAct,
    pub(crate) operators: OperatorSet,
}

impl Alone {
    /// Writes down what is done with this commit.
    ///
    /// # Errors
    /// When there is no reason.
    pub(crate) fn write(
        &self,
        desk: &mut Desk<'_>,
        action: MotionAction,
    ) -> Result<Arc<Motion>, Refusal> {
        let state = MotionState::Done { at: desk.now() };
        self.note(desk, action, state, "operator.decided")
    }

    fn note(
        &self,
        desk: &mut Desk<'_>,
        action: MotionAction,
        state: MotionState,
        name: &'static str,
    ) -> Result<Arc<Motion>, Refusal> {
        let OperatorAct { operator, reason, .. } = &self.act;
        check_reason(reason)?;
        let at = desk.now();
        let approval = MotionApproval { operator: operator.clone(), at, signature: None };
        let motion = Motion {
            id: desk.fresh(),
            version: 0,
            action,
            reason: reason.clone(),
            approvals: vec![approval],
            state,
            at,
        };
        tell(desk, name, &motion, operator, self.operators.keys.clone());
        Ok(desk.write_motion(0, motion))
    }
}

/// Work that was given up is tried again, as if it were new.
#[derive(Clone, Debug)]
pub(crate) struct RetryLetters {
    /// Which, and why each failed the last time.
    pub(crate) letters: Vec<(Uuid, String)>,
    pub(crate) alone: Alone,
}

impl Verb for RetryLetters {
    type Reply = Arc<Motion>;

    fn keys(&self, _keys: &mut HashSet<Key>) {}

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let clean = desk.checkpoint();
        let letters = self.letters.iter().map(|(id, _)| *id).collect();
        let motion = self.alone.write(desk, MotionAction::RetryLetters { letters })?;
        let due = desk.now();
        for (id, error) in &self.letters {
            let (id, error) = (*id, error.clone());
            desk.change_effect(EffectChange::Retry { id, due, attempts: 0, error });
        }
        if self.alone.act.try_only {
            desk.roll_back(clean);
        }
        Ok(motion)
    }
}

/// Writes down, before our key is changed, that an operator wants it: what happens outside of our
/// books must not happen without a word in them.
#[derive(Clone, Debug)]
pub(crate) struct BeginRotation {
    pub(crate) alone: Alone,
}

impl Verb for BeginRotation {
    type Reply = Arc<Motion>;

    fn keys(&self, _keys: &mut HashSet<Key>) {}

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let clean = desk.checkpoint();
        let (action, open) = (MotionAction::RotateKey, MotionState::Open);
        let motion = self.alone.note(desk, action, open, "operator.proposed")?;
        if self.alone.act.try_only {
            desk.roll_back(clean);
        }
        Ok(motion)
    }
}

/// Writes down what became of it.
#[derive(Clone, Debug)]
pub(crate) struct EndRotation {
    pub(crate) motion: Uuid,
    /// Why the key is the old one still.
    pub(crate) failure: Option<String>,
    pub(crate) operator: Did,
    pub(crate) operators: OperatorSet,
}

impl Verb for EndRotation {
    type Reply = Arc<Motion>;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Motion(self.motion));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let before = desk.motion(self.motion).ok_or(Refusal::NotFound)?;
        let at = desk.now();
        let (state, name) = match &self.failure {
            None => (MotionState::Done { at }, "operator.decided"),
            Some(reason) => {
                let (by, reason) = (self.operator.clone(), reason.clone());
                (MotionState::Cancelled { by, reason, at }, "operator.cancelled")
            }
        };
        let motion = Motion { state, ..before.as_ref().clone() };
        tell(desk, name, &motion, &self.operator, self.operators.keys.clone());
        Ok(desk.write_motion(before.version, motion))
    }
}
