//! A command in the queue: its verb, its attempt, and who waits for the answer.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_money::{CommandId, Seconds};
use marketplace_ports::{ChangeSet, IdempotencyKey, IdempotencyRecord, Key, Notifier, View};
use tokio::sync::oneshot;

use crate::beside::Beside;
use crate::desk::{Desk, advance};
use crate::refusal::{Error, Refusal};

/// A use case: what it must know, and what it decides. Pure: the desk is all it sees.
pub trait Verb: Send + Sync + 'static {
    /// What the caller gets.
    type Reply: Clone + Send + 'static;

    /// Everything that `decide` will look at.
    fn keys(&self, keys: &mut HashSet<Key>);

    /// Decides and writes to the desk. Checks come first; a refusal leaves no trace.
    ///
    /// # Errors
    /// Why the rules say no.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal>;

    /// Whether the commit itself checks all that a decision to write rests on: versions that it
    /// writes or relies on, and balances. Then it may be taken on what is remembered
    /// ([`marketplace_ports::Store::recall`]).
    fn is_checked_by_its_commit(&self) -> bool {
        false
    }

    /// Whether this reply says that nothing was done: then it is not remembered.
    fn is_refusal(_reply: &Self::Reply) -> bool {
        false
    }
}

/// How a reply is written down for those who ask again.
pub type Render<R> = Arc<dyn Fn(&R) -> String + Send + Sync>;

/// The caller's promise that a repeated request is the same request.
pub struct Idempotency<R> {
    /// Caller, route and key.
    pub key: IdempotencyKey,
    /// Over the body: the same key with another body is refused.
    pub body_sha256: [u8; 32],
    /// Makes the stored answer.
    pub render: Render<R>,
}

impl<R> Clone for Idempotency<R> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), body_sha256: self.body_sha256, render: self.render.clone() }
    }
}

impl<R> Idempotency<R> {
    /// The stored answer to an earlier attempt, if there is one.
    pub(crate) fn answered(&self, view: &View) -> Option<Result<Done<R>, Error>> {
        let record = view.idempotency.get(&self.key)?;
        Some(if record.body_sha256 == self.body_sha256 {
            Ok(Done::Repeated(record.reply.clone()))
        } else {
            Err(Error::KeyReused)
        })
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done<R> {
    /// Now.
    Fresh(R),
    /// Before, by an attempt with the same key: the answer that was given then.
    Repeated(String),
}

/// Idempotency records live seven days.
const RECORD_LIFE: Seconds = Seconds::from_hours(7 * 24);

/// What a job wants of the batch.
pub(crate) enum Step {
    /// Nothing, if everything before it in the batch comes to be.
    Refused,
    /// This commit.
    Write(Box<ChangeSet>),
}

/// A job without its type.
pub(crate) trait Job: Send {
    fn command(&self) -> CommandId;
    fn keys(&self, keys: &mut HashSet<Key>);
    /// Whether it may be decided on what is remembered.
    fn may_recall(&self) -> bool;
    /// Decides on the view, and shows the result to those who come after.
    fn step(&mut self, view: &mut View, notifier: &dyn Notifier) -> Step;
    /// Gives the answer of the last step.
    fn answer(&mut self);
    /// Gives another answer.
    fn fail(&mut self, error: Error);
}

type Answer<R> = Result<Done<R>, Error>;

pub(crate) struct TypedJob<V: Verb> {
    command: CommandId,
    verb: Arc<V>,
    idempotency: Option<Idempotency<V::Reply>>,
    pending: Option<Answer<V::Reply>>,
    waiting: Option<oneshot::Sender<Answer<V::Reply>>>,
    beside: Option<Arc<Beside>>,
}

impl<V: Verb> TypedJob<V> {
    pub(crate) fn new(
        command: CommandId,
        verb: Arc<V>,
        idempotency: Option<Idempotency<V::Reply>>,
        waiting: oneshot::Sender<Answer<V::Reply>>,
        beside: Option<Arc<Beside>>,
    ) -> Self {
        Self { command, verb, idempotency, pending: None, waiting: Some(waiting), beside }
    }
}

impl<V: Verb> Job for TypedJob<V> {
    fn command(&self) -> CommandId {
        self.command
    }

    fn keys(&self, keys: &mut HashSet<Key>) {
        if let Some(idempotency) = &self.idempotency {
            keys.insert(Key::Idempotency(idempotency.key.clone()));
        }
        if let Some(beside) = &self.beside {
            beside.add_keys(keys);
        }
        self.verb.keys(keys);
    }

    fn may_recall(&self) -> bool {
        self.verb.is_checked_by_its_commit()
    }

    fn step(&mut self, view: &mut View, notifier: &dyn Notifier) -> Step {
        let mut desk = Desk::new(view, self.command, notifier);
        // A proof that was used is worth nothing, not even an answer that was given before.
        if let Some(Err(refusal)) = self.beside.as_ref().map(|beside| beside.check(&desk)) {
            self.pending = Some(Err(Error::Refused(refusal)));
            return Step::Refused;
        }
        if let Some(answer) = self.idempotency.as_ref().and_then(|given| given.answered(view)) {
            self.pending = Some(answer);
            return Step::Refused;
        }
        match self.verb.decide(&mut desk) {
            Err(refusal) => {
                self.pending = Some(Err(Error::Refused(refusal)));
                Step::Refused
            }
            Ok(reply) => {
                if let Some(idempotency) = &self.idempotency
                    && !V::is_refusal(&reply)
                {
                    let record = IdempotencyRecord {
                        body_sha256: idempotency.body_sha256,
                        reply: (idempotency.render)(&reply),
                        expires_at: desk.now().plus(RECORD_LIFE),
                    };
                    desk.remember(idempotency.key.clone(), record);
                }
                if let Some(beside) = &self.beside
                    && !V::is_refusal(&reply)
                {
                    beside.write(&mut desk);
                }
                let set = desk.finish();
                advance(view, &set);
                self.pending = Some(Ok(Done::Fresh(reply)));
                Step::Write(Box::new(set))
            }
        }
    }

    fn answer(&mut self) {
        if let (Some(waiting), Some(pending)) = (self.waiting.take(), self.pending.take()) {
            // The caller may have gone; what was done stays done.
            let _ = waiting.send(pending);
        }
    }

    fn fail(&mut self, error: Error) {
        self.pending = Some(Err(error));
        self.answer();
    }
}
