//! A clock has run out: the rule is in the subject, the timer only knocks.

use std::collections::HashSet;

use marketplace_escrow::{Actor, Command, Order, OrderRefusal, TimerKind};
use marketplace_listings::ListingRefusal;
use marketplace_money::Did;
use marketplace_ports::{Key, Subject, Timer};

use super::change_listing;
use super::change_order::run;
use crate::desk::Desk;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Fires a leased timer.
#[derive(Clone, Debug)]
pub(crate) struct FireTimer {
    pub(crate) timer: Timer,
    /// The agent whose row the change touches: the order's buyer or the listing's provider.
    pub(crate) agent: Option<Did>,
    pub(crate) max_listings: i64,
}

impl Verb for FireTimer {
    type Reply = ();

    fn keys(&self, keys: &mut HashSet<Key>) {
        match self.timer.subject {
            Subject::Order(id) => {
                keys.insert(Key::Order(id));
            }
            Subject::Listing(id) => {
                keys.insert(Key::Listing(id));
                keys.insert(Key::ListingCount);
            }
            Subject::Withdrawal(_)
            | Subject::Deposit(_)
            | Subject::Dispute(_)
            | Subject::Command(_) => {}
        }
        keys.extend(self.agent.clone().map(Key::Agent));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let outcome = match self.timer.subject {
            Subject::Order(_) => self.order(desk),
            Subject::Listing(_) => self.listing(desk),
            // Disputes have a verb of their own.
            Subject::Withdrawal(_)
            | Subject::Deposit(_)
            | Subject::Dispute(_)
            | Subject::Command(_) => Err(Refusal::AlreadyDone),
        };
        match outcome {
            Ok(()) => Ok(()),
            // Our own downtime moved the deadline: knock again then.
            Err(Refusal::NotDue { due }) => {
                desk.set_timer(Timer { due, ..self.timer.clone() });
                Ok(())
            }
            // The subject went another way and left the timer behind.
            Err(_) => {
                desk.clear_timer(self.timer.subject, self.timer.kind);
                Ok(())
            }
        }
    }
}

impl FireTimer {
    fn order(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let Subject::Order(id) = self.timer.subject else { return Err(Refusal::NotFound) };
        let order = desk.order(id).ok_or(Refusal::NotFound)?;
        let outcome = self.lapse(desk, &order);
        if outcome.is_err() {
            // Nothing was written, but the answer to the timer rests on what was read.
            desk.rely_on(Key::Order(id), order.version);
        }
        outcome
    }

    fn lapse(&self, desk: &mut Desk<'_>, order: &Order) -> Result<(), Refusal> {
        let kind = order.timer().ok_or(Refusal::AlreadyDone)?.kind;
        if kind.name() != self.timer.kind {
            return Err(Refusal::AlreadyDone);
        }
        let command = match kind {
            TimerKind::Payment => Command::LapsePayment,
            TimerKind::Expiry => Command::Expire,
            TimerKind::Review => Command::LapseReview,
            TimerKind::Redelivery => Command::LapseRedelivery,
        };
        match run(desk, order, Actor::Timer, &command) {
            Ok(_) => Ok(()),
            Err(Refusal::Order(OrderRefusal::TooEarly { due })) => Err(Refusal::NotDue { due }),
            Err(refusal) => Err(refusal),
        }
    }

    fn listing(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let Subject::Listing(id) = self.timer.subject else { return Err(Refusal::NotFound) };
        let before = desk.listing(id).ok_or(Refusal::NotFound)?;
        match before.expire(desk.now(), desk.gaps()) {
            Ok(after) => {
                let event = "listing.expired";
                change_listing::write(desk, &before, after, event, self.max_listings).map(|_| ())
            }
            Err(ListingRefusal::NotDue { due }) => {
                desk.rely_on(Key::Listing(id), before.version);
                Err(Refusal::NotDue { due })
            }
            Err(refusal) => {
                desk.rely_on(Key::Listing(id), before.version);
                Err(refusal.into())
            }
        }
    }
}
