//! The line before the executor: what waits, and what must wait for a commit on its way.

use std::collections::{HashSet, VecDeque};

use marketplace_ports::Key;

use crate::job::Job;

/// A command in the line.
pub(crate) struct Queued {
    job: Box<dyn Job>,
    ticket: Ticket,
}

/// What the line knows of a command.
#[derive(Default)]
pub(crate) struct Ticket {
    /// How often it was decided again.
    pub(crate) attempts: usize,
    /// What no two commits on their way may both touch.
    keys: Vec<Key>,
}

/// Commands in their order. With several commits on their way, a command waits while one of them
/// has a row that it reads: it would be decided on what is about to change.
pub(crate) struct Line {
    waiting: VecDeque<Queued>,
    flying: HashSet<Key>,
    /// Whether there may be more than one commit on its way.
    holds_back: bool,
}

/// Listings, their count and balances are shared by many commands that do not disturb each other:
/// a purchase only relies on its listing, and a credit never conflicts. Where they do disturb each
/// other, the commit says so and the command is decided again.
fn is_exclusive(key: &Key) -> bool {
    !matches!(key, Key::Listing(_) | Key::ListingCount | Key::Balance(_))
}

impl Line {
    pub(crate) fn new(in_flight: usize) -> Self {
        Self { waiting: VecDeque::new(), flying: HashSet::new(), holds_back: in_flight > 1 }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn push(&mut self, job: Box<dyn Job>) {
        let keys = if self.holds_back {
            let mut keys = HashSet::new();
            job.keys(&mut keys);
            keys.into_iter().filter(is_exclusive).collect()
        } else {
            Vec::new()
        };
        self.waiting.push_back(Queued { job, ticket: Ticket { attempts: 0, keys } });
    }

    /// The next commands, at most `limit`, that need not wait for a commit on its way; none of them
    /// overtakes one that touches the same rows.
    pub(crate) fn take(&mut self, limit: usize) -> Vec<Queued> {
        if !self.holds_back {
            let count = self.waiting.len().min(limit);
            return self.waiting.drain(..count).collect();
        }
        let mut taken: Vec<Queued> = Vec::new();
        let mut held_back: HashSet<Key> = HashSet::new();
        let mut rest = VecDeque::with_capacity(self.waiting.len());
        for queued in self.waiting.drain(..) {
            let is_held = |key: &Key| self.flying.contains(key) || held_back.contains(key);
            if taken.len() >= limit || queued.ticket.keys.iter().any(is_held) {
                held_back.extend(queued.ticket.keys.iter().cloned());
                rest.push_back(queued);
            } else {
                taken.push(queued);
            }
        }
        self.waiting = rest;
        // Afterwards: commands of one batch see each other.
        self.flying.extend(taken.iter().flat_map(|queued| queued.ticket.keys.iter().cloned()));
        taken
    }

    /// A commit has come to its end: what it touched is free, and what must be decided again is
    /// first in the line.
    pub(crate) fn land(&mut self, keys: &[Key], again: Vec<Queued>) {
        for key in keys {
            self.flying.remove(key);
        }
        for queued in again.into_iter().rev() {
            self.waiting.push_front(queued);
        }
    }
}

impl Queued {
    /// Whether it may be decided on what is remembered: never again, when that did not hold.
    pub(crate) fn may_recall(&self) -> bool {
        self.ticket.attempts == 0 && self.job.may_recall()
    }

    pub(crate) fn keys(&self) -> &[Key] {
        &self.ticket.keys
    }

    pub(crate) fn split(self) -> (Box<dyn Job>, Ticket) {
        (self.job, self.ticket)
    }
}

impl Ticket {
    /// Back into the line, for one more attempt.
    pub(crate) fn requeue(self, job: Box<dyn Job>) -> Queued {
        Queued { job, ticket: Self { attempts: self.attempts + 1, ..self } }
    }
}

#[cfg(test)]
mod tests {
    use marketplace_money::{CommandId, OrderId};
    use marketplace_ports::View;
    use uuid::Uuid;

    use super::*;
    use crate::job::Step;
    use crate::refusal::Error;

    /// A command that touches orders of these numbers.
    struct Touches(u128, Vec<Key>);

    impl Job for Touches {
        fn command(&self) -> CommandId {
            CommandId::new(Uuid::from_u128(self.0))
        }

        fn keys(&self, keys: &mut HashSet<Key>) {
            keys.extend(self.1.iter().cloned());
        }

        fn may_recall(&self) -> bool {
            true
        }

        fn step(&mut self, _view: &mut View, _: &dyn marketplace_ports::Notifier) -> Step {
            Step::Refused
        }

        fn answer(&mut self) {}

        fn fail(&mut self, _error: Error) {}
    }

    fn line(in_flight: usize, commands: &[&[u128]]) -> Line {
        let mut line = Line::new(in_flight);
        for (number, orders) in (1..).zip(commands) {
            let key = |order: &u128| Key::Order(OrderId::new(Uuid::from_u128(*order)));
            let mut keys: Vec<Key> = orders.iter().map(key).collect();
            keys.push(Key::ListingCount);
            line.push(Box::new(Touches(number, keys)));
        }
        line
    }

    fn names(taken: &[Queued]) -> Vec<u128> {
        taken.iter().map(|queued| queued.job.command().uuid().as_u128()).collect()
    }

    #[test]
    fn with_one_commit_at_a_time_nobody_is_held_back() {
        let mut line = line(1, &[&[1], &[1], &[2]]);
        assert_eq!(names(&line.take(2)), [1, 2]);
        assert_eq!(names(&line.take(2)), [3]);
    }

    #[test]
    fn who_touches_what_is_on_its_way_waits_and_is_not_overtaken() {
        let mut line = line(2, &[&[1], &[1, 2], &[2], &[3], &[4]]);
        let first = line.take(1);
        assert_eq!(names(&first), [1]);
        // The second waits for order 1, the third for the second; the others need not wait.
        let second = line.take(10);
        assert_eq!(names(&second), [4, 5]);
        assert_eq!(names(&line.take(10)), [0; 0]);
        line.land(first[0].keys(), Vec::new());
        assert_eq!(names(&line.take(10)), [2, 3]);
        assert_eq!(line.len(), 0);
    }

    #[test]
    fn who_is_decided_again_is_first() {
        let mut line = line(2, &[&[1], &[2], &[3]]);
        let mut first = line.take(2);
        let keys: Vec<Key> = first.iter().flat_map(|queued| queued.keys().to_vec()).collect();
        let (job, ticket) = first.pop().unwrap().split();
        line.land(&keys, vec![ticket.requeue(job)]);
        let next = line.take(10);
        assert_eq!(names(&next), [2, 3]);
        assert_eq!(next[0].ticket.attempts, 1);
    }
}
