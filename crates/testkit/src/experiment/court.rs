//! One dispute, by the real machine: response, rules, panels, appeals, operators last.

use marketplace_disputes::{
    BondOutcome, Caller, Candidate, Category, Claim, Command, Context, Dispute, DisputeEvent,
    Finding, Opening, Operators, OrderFacts, Policy, Pool, Remedy, SeedSource, Side, TimerKind,
    Verdict, Vote, commitment, decide, evolve, posting,
};
use marketplace_escrow::{self as escrow, Order};
use marketplace_ledger::Account;
use marketplace_money::{Amount, Did, DisputeId, Gaps, Seconds, Timestamp};
use uuid::Uuid;

use super::deal::Purses;
use crate::sim::Rng;

/// What everybody knows but the machine.
pub(super) struct Truth<'a> {
    /// Whether the buyer is right.
    pub(super) buyer_is_right: bool,
    /// Whether the respondent answers.
    pub(super) contests: bool,
    /// Whether the loser wants a larger panel to look, if it is this side.
    pub(super) appeals: [bool; 2],
    /// Which side the colluding jurors are for, if any.
    pub(super) friends_of: Option<Side>,
    /// Who colludes.
    pub(super) colludes: &'a dyn Fn(&Did) -> bool,
}

/// How a dispute went.
pub(super) struct Outcome {
    pub(super) order: Order,
    pub(super) bonds: BondOutcome,
    /// 1 to 3.
    pub(super) tier: u8,
    pub(super) was_right: bool,
    /// From opening to the first ruling.
    pub(super) minutes: i64,
    pub(super) ended: Timestamp,
}

/// An honest juror errs so often in a hundred.
const ERRS: u32 = 10;

struct Case<'a, 'b> {
    dispute: Dispute,
    order: Order,
    pool: Pool,
    votes: Vec<(Did, Vote)>,
    /// Panels that were asked to vote: who did not come then does not come.
    asked: Vec<(usize, usize)>,
    now: Timestamp,
    jurors: &'a [Candidate],
    truth: &'a Truth<'b>,
    purses: &'a mut Purses,
    rng: &'a mut Rng,
    first_ruling: Option<Timestamp>,
}

/// What a dispute begins with.
#[derive(Clone, Copy)]
pub(super) struct Suit<'a> {
    pub(super) number: u128,
    /// Disputes that the buyer lost.
    pub(super) lost: u32,
    pub(super) jurors: &'a [Candidate],
    pub(super) now: Timestamp,
}

/// The buyer says that the delivery is bad, and wants everything back.
pub(super) fn hear(
    suit: &Suit<'_>,
    order: &Order,
    truth: &Truth<'_>,
    purses: &mut Purses,
    rng: &mut Rng,
) -> Outcome {
    let Suit { number, lost, jurors, now } = *suit;
    let gaps = Gaps::none();
    let opening = Opening {
        id: DisputeId::new(Uuid::from_u128(number)),
        by: order.buyer.clone(),
        claim: Claim { category: Category::PoorQuality, remedy: Remedy::Full },
        reason: "it is not what was agreed".into(),
        lost,
    };
    let cx = context(now, &gaps, Amount::from_avt(1_000));
    let opened = Dispute::open(&opening, order, &[], &Policy::ORIGINAL, &cx)
        .expect("a delivered order can be disputed");
    purses.book(posting(&opened.dispute, &opened.event).ok().flatten().as_ref());
    let order = escrow::apply(order, &opened.order_events);
    let mut case = Case {
        dispute: opened.dispute,
        order,
        pool: Pool::default(),
        votes: Vec::new(),
        asked: Vec::new(),
        now,
        jurors,
        truth,
        purses,
        rng,
        first_ruling: None,
    };
    case.run();
    case.outcome(now)
}

fn context<'a>(now: Timestamp, gaps: &'a Gaps, available: Amount) -> Context<'a> {
    let operators = Operators { keys: &[], needed: 1 };
    Context { now, gaps, respondent_available: available, operators }
}

fn minutes(minutes: u64) -> Seconds {
    Seconds(u32::try_from(minutes * 60).unwrap_or(u32::MAX))
}

impl Case<'_, '_> {
    fn run(&mut self) {
        if self.truth.contests {
            let window = u64::from(self.dispute.windows.respond.0) / 60;
            self.pass(5, window - 10);
            let respondent = self.dispute.party(Side::Seller).clone();
            self.act(&Caller::Agent(respondent), &Command::Contest { bonded: true });
        }
        while let Some(timer) = self.dispute.next_timer() {
            match timer.kind {
                TimerKind::Rules => {
                    let facts = OrderFacts::of(&self.order, &Gaps::none());
                    let facts = Box::new(facts.expect("the order is in dispute"));
                    self.act(&Caller::Arbitration, &Command::ApplyRules { facts });
                }
                TimerKind::Call => {
                    self.pool = Pool::of(&self.dispute, self.jurors, &[], self.now);
                    let pool = self.pool.clone();
                    self.act(&Caller::Arbitration, &Command::CallPanel { pool });
                }
                TimerKind::Draw => self.draw(),
                _ if self.people_act() => {}
                _ => {
                    self.now = self.now.max(timer.deadline.due);
                    self.act(&Caller::Timer, &Command::Lapse);
                }
            }
        }
    }

    fn pass(&mut self, least: u64, more: u64) {
        self.now = self.now.plus(minutes(least + self.rng.below(more)));
    }

    fn draw(&mut self) {
        let mut hash = [0; 32];
        for part in hash.chunks_exact_mut(8) {
            part.copy_from_slice(&self.rng.next().to_be_bytes());
        }
        let source = SeedSource { position: 1, hash, beacon: None };
        let pool = self.pool.clone();
        self.act(&Caller::Arbitration, &Command::DrawPanel { pool, source });
    }

    /// Jurors vote and losers appeal; false where only the clock goes on.
    fn people_act(&mut self) -> bool {
        use marketplace_disputes::Phase;
        match self.dispute.phase() {
            Phase::Committing => self.commit(),
            Phase::Revealing => self.reveal(),
            Phase::Appealable => self.appeal(),
            _ => false,
        }
    }

    fn commit(&mut self) -> bool {
        let seats: Vec<Did> = self.dispute.panel().map_or_else(Vec::new, |panel| {
            let open = panel.seats.iter().filter(|seat| seat.commitment.is_none());
            open.map(|seat| seat.juror.clone()).collect()
        });
        let round = self.dispute.rounds.len() - 1;
        let attempt = self.dispute.rounds[round].panels.len().saturating_sub(1);
        if self.asked.contains(&(round, attempt)) {
            return false;
        }
        self.asked.push((round, attempt));
        let Some(timer) = self.dispute.next_timer() else { return false };
        let began = self.now;
        let window = timer.deadline.due.since(began) / 60_000_000;
        let window = u64::try_from(window).unwrap_or(0).max(2) - 1;
        let mut comes: Vec<(Timestamp, Did)> = Vec::new();
        for juror in seats {
            // One in thirty does not come.
            if !self.rng.chance(33) {
                comes.push((began.plus(minutes(self.rng.below(window))), juror));
            }
        }
        // The reveal begins with the last of them, so they must come in the order of time.
        comes.sort();
        for (at, juror) in comes {
            let mut salt = [0; 32];
            salt[..8].copy_from_slice(&self.rng.next().to_be_bytes());
            let vote = Vote { ballot: self.ballot(&juror), salt };
            let commitment = commitment(self.dispute.id, round, attempt, &juror, &vote);
            self.now = at;
            self.act(&Caller::Agent(juror.clone()), &Command::Commit { commitment });
            self.votes.push((juror, vote));
        }
        true
    }

    fn ballot(&mut self, juror: &Did) -> Finding {
        let for_buyer = match self.truth.friends_of {
            Some(side) if (self.truth.colludes)(juror) => side == Side::Buyer,
            _ => self.truth.buyer_is_right != self.rng.chance(ERRS * 10),
        };
        if for_buyer { Finding::Awarded(Remedy::Full) } else { Finding::Rejected }
    }

    /// Two in a hundred who sealed a vote forget to open it.
    fn reveal(&mut self) -> bool {
        let seats: Vec<Did> = self.dispute.panel().map_or_else(Vec::new, |panel| {
            let sealed = panel.seats.iter();
            let sealed = sealed.filter(|seat| seat.commitment.is_some() && seat.vote.is_none());
            sealed.map(|seat| seat.juror.clone()).collect()
        });
        let mut votes = self.votes.clone();
        votes.retain(|(juror, _)| seats.contains(juror));
        votes.retain(|_| !self.rng.chance(20));
        let Some(timer) = self.dispute.next_timer() else { return false };
        for (juror, vote) in &votes {
            self.pass(0, 2);
            if self.now >= timer.deadline.due {
                return false;
            }
            self.act(&Caller::Agent(juror.clone()), &Command::Reveal(*vote));
        }
        !votes.is_empty()
    }

    fn appeal(&mut self) -> bool {
        let Some(ruling) = self.dispute.ruling() else { return false };
        if ruling.basis.tier() != 2 || self.dispute.rounds.len() > Policy::MOST_APPEALS {
            return false;
        }
        let loser = if ruling.finding.quarters() > 0 { Side::Seller } else { Side::Buyer };
        let (wants, party) = (
            self.truth.appeals[usize::from(loser == Side::Seller)],
            self.dispute.party(loser).clone(),
        );
        if !wants {
            return false;
        }
        self.pass(5, 50);
        self.act(&Caller::Agent(party), &Command::Appeal);
        true
    }

    fn act(&mut self, by: &Caller, command: &Command) {
        let gaps = Gaps::none();
        let respondent = self.purses.agent(self.dispute.party(Side::Seller)).max(0);
        let cx = context(self.now, &gaps, Amount::from_nano(respondent));
        let events = match decide(&self.dispute, by, command, &cx) {
            Ok(events) => events,
            Err(refusal) => panic!("a dispute of the experiment refused {command:?}: {refusal}"),
        };
        for event in &events {
            let draft = posting(&self.dispute, event).expect("the sums of the experiment fit");
            self.purses.book(draft.as_ref());
            self.dispute = evolve(self.dispute.clone(), event);
            match event {
                DisputeEvent::Ruled(ruling) => {
                    self.first_ruling.get_or_insert(ruling.at);
                }
                DisputeEvent::Closed { verdict, .. } => self.close(verdict),
                _ => {}
            }
        }
    }

    fn close(&mut self, verdict: &Verdict) {
        let (actor, command) = verdict.order.order_command();
        self.order = super::deal::act(&self.order, actor, &command, self.now, self.purses);
    }

    fn outcome(self, began: Timestamp) -> Outcome {
        let last = self.dispute.rounds.iter().rev().find_map(|round| round.ruling.as_ref());
        let marketplace_disputes::State::Closed(closed) = &self.dispute.state else {
            panic!("a dispute without a clock is over");
        };
        let for_buyer = closed.verdict.finding.is_some_and(|finding| finding.quarters() > 0);
        let ruled = self.first_ruling.unwrap_or(self.now);
        Outcome {
            bonds: closed.verdict.bonds,
            tier: last.map_or(3, |ruling| ruling.basis.tier()),
            was_right: for_buyer == self.truth.buyer_is_right,
            minutes: ruled.since(began) / 60_000_000,
            ended: self.now,
            order: self.order,
        }
    }
}

/// A candidate of the pool.
pub(super) fn candidate(juror: &Did, stake: Amount, since: Timestamp, dealt: bool) -> Candidate {
    Candidate {
        juror: juror.clone(),
        stake,
        since,
        seats: 0,
        dealt_with_a_party: dealt,
        cluster: None,
    }
}

/// The naive court: three by head, the most votes win, the loser's bond and the fee are gone.
pub(super) fn naive(
    order: &Order,
    jurors: &[Did],
    truth: &Truth<'_>,
    now: Timestamp,
    purses: &mut Purses,
    rng: &mut Rng,
) -> Outcome {
    use escrow::{Actor, Command as Act};
    let mut votes = 0;
    for _ in 0..3 {
        let for_buyer = match (rng.pick(jurors), truth.friends_of) {
            (Some(juror), Some(side)) if (truth.colludes)(juror) => side == Side::Buyer,
            _ => truth.buyer_is_right != rng.chance(ERRS * 10),
        };
        votes += i32::from(for_buyer);
    }
    let for_buyer = votes >= 2;
    let order = super::deal::act(order, Actor::Buyer, &Act::Dispute, now, purses);
    let seller = if for_buyer { Amount::ZERO } else { order.price.price };
    let order = super::deal::act(&order, Actor::Arbitration, &Act::Rule { seller }, now, purses);
    if !for_buyer {
        let cost = Amount::from_avt(11);
        let buyer = Account::Agent(order.buyer.clone());
        let kind = marketplace_ledger::EntryKind::DisputeClosed;
        let lost = marketplace_ledger::EntryDraft::transfer(kind, buyer, Account::Insurance, cost);
        purses.book(lost.ok().as_ref());
    }
    let bonds = if for_buyer { BondOutcome::Upheld } else { BondOutcome::Rejected };
    let was_right = for_buyer == truth.buyer_is_right;
    Outcome { order, bonds, tier: 2, was_right, minutes: 24 * 60, ended: now }
}
