//! Can anybody end with more than it brought? A search over all legal moves of colluding
//! identities, to a depth that reaches every end of the machine.
//!
//! Two coalitions: everybody (both parties and all jurors are one agent, who plays against
//! insurance, revenue and our capital), and one party with a minority of the panel against an
//! honest party and honest jurors.

use std::collections::HashSet;

use marketplace_disputes::{
    Caller, Command, DisputeEvent, Finding, Phase, Remedy, Side, Stage, State, TimerKind,
};
use marketplace_ledger::{Account, FeeKind};
use marketplace_money::Amount;

use crate::walk::jurors_total;
use crate::world::{Setup, World};

/// Who is one agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coalition {
    Everybody,
    /// A party and the juror of the first seat.
    Side(Side),
}

struct Search {
    coalition: Coalition,
    /// What honest jurors find, and what an honest party wants.
    truth: Finding,
    seen: HashSet<String>,
    ends: usize,
    best: i128,
}

impl Search {
    fn run(world: &World, coalition: Coalition, truth: Finding) -> Self {
        let (seen, ends, best) = (HashSet::new(), 0, i128::MIN);
        let mut search = Self { coalition, truth, seen, ends, best };
        search.visit(world);
        search
    }

    fn visit(&mut self, world: &World) {
        if world.dispute.phase().is_terminal() {
            self.ends += 1;
            self.best = self.best.max(self.holds(world));
            return;
        }
        if !self.seen.insert(key(world)) {
            return;
        }
        for next in self.moves(world) {
            self.visit(&next);
        }
    }

    /// What the coalition has, the order's money included.
    fn holds(&self, world: &World) -> i128 {
        let (buyer, seller) = (world.agent("buyer"), world.agent("seller"));
        let escrow = world.balance(&Account::Order(world.order.id));
        match self.coalition {
            Coalition::Everybody => buyer + seller + escrow + jurors_total(world),
            // An order that goes on is the buyer's money until the seller earns it, and the truth
            // says whether it did.
            Coalition::Side(side) => {
                let friend = world.dispute.rounds.iter().flat_map(|round| &round.panels);
                let friend = friend.filter_map(|panel| panel.seats.first()).map(|seat| {
                    let agent = world.balance(&Account::Agent(seat.juror.clone()));
                    agent + world.balance(&Account::Juror(seat.juror.clone())) - STAKE
                });
                let own = if side == Side::Buyer { buyer } else { seller };
                own + friend.sum::<i128>()
            }
        }
    }

    fn is_ours(&self, side: Side) -> bool {
        match self.coalition {
            Coalition::Everybody => true,
            Coalition::Side(own) => own == side,
        }
    }

    /// Every state that the coalition can bring about next; honest players have one move.
    fn moves(&self, world: &World) -> Vec<World> {
        let disputer = world.dispute.disputer;
        let mut next = Vec::new();
        let mut attempt = |by: &Caller, command: &Command| {
            let mut world = world.clone();
            if world.act(by, command).is_ok() {
                next.push(world);
            }
        };
        for side in [Side::Buyer, Side::Seller].into_iter().filter(|side| self.is_ours(*side)) {
            let by = Caller::Agent(world.dispute.party(side).clone());
            if side == disputer {
                attempt(&by, &Command::Withdraw);
            }
            attempt(&by, &Command::Concede { everything: true });
            attempt(&by, &Command::Concede { everything: false });
            attempt(&by, &Command::Contest { bonded: true });
            attempt(&by, &Command::Contest { bonded: false });
            attempt(&by, &Command::Appeal);
            if self.coalition == Coalition::Everybody && world.dispute.offer.is_none() {
                let seller = Amount::from_nano(world.order.price.price.nano() / 3);
                attempt(&by, &Command::OfferSettlement { seller });
            }
            attempt(&by, &Command::AcceptSettlement { expected: None });
        }
        next.extend(self.votes(world));
        next.extend(self.honest_or_clock(world));
        next
    }

    /// Votes are cast seat by seat; the coalition's own seats may vote anything or be silent.
    fn votes(&self, world: &World) -> Vec<World> {
        let Some(panel) = world.dispute.panel() else { return Vec::new() };
        let waiting = panel.seats.iter().position(|seat| match panel.stage {
            Stage::Committing => seat.commitment.is_none(),
            Stage::Revealing => seat.commitment.is_some() && seat.vote.is_none(),
            _ => false,
        });
        let Some(at) = waiting else { return Vec::new() };
        let juror = panel.seats[at].juror.clone();
        let by = Caller::Agent(juror.clone());
        let ours = self.coalition == Coalition::Everybody || at == 0;
        if panel.stage == Stage::Revealing {
            let mut world = world.clone();
            let vote = world.votes[&juror];
            let done = world.act(&by, &Command::Reveal(vote));
            return done.is_ok().then_some(world).into_iter().collect();
        }
        let all = [Finding::Rejected, Finding::Unproven, Finding::Awarded(Remedy::Full)];
        let ballots = if ours { &all[..] } else { std::slice::from_ref(&self.truth) };
        let cast = |ballot: &Finding| {
            let mut world = world.clone();
            world.commit(&juror, *ballot).is_ok().then_some(world)
        };
        ballots.iter().filter_map(cast).collect()
    }

    /// The honest party contests in time and appeals what is wrong; else the clock strikes.
    fn honest_or_clock(&self, world: &World) -> Vec<World> {
        let mut world = world.clone();
        let honest_votes = self.honest_seats_wait(&world);
        if honest_votes {
            return Vec::new();
        }
        if let Coalition::Side(own) = self.coalition {
            let honest = own.other();
            let by = Caller::Agent(world.dispute.party(honest).clone());
            let command = match world.dispute.state {
                State::AwaitingResponse { .. } if world.dispute.disputer == own => {
                    Some(Command::Contest { bonded: true })
                }
                _ => None,
            };
            if let Some(command) = command
                && world.act(&by, &command).is_ok()
            {
                return vec![world];
            }
        }
        let kind = world.dispute.next_timer().map(|timer| timer.kind);
        if kind == Some(TimerKind::Operators) {
            // Operators are honest too.
            let reason = "as it is";
            let digest = marketplace_disputes::ruling_digest(&world.dispute, self.truth, reason);
            let approvals = world.approvals(digest, 2);
            let rule = Command::Rule { finding: self.truth, reason: reason.into(), approvals };
            assert_eq!(world.act(&Caller::Operators, &rule), Ok(()));
            return vec![world];
        }
        world.strike();
        vec![world]
    }

    /// Honest jurors do not let the time pass.
    fn honest_seats_wait(&self, world: &World) -> bool {
        let Some(panel) = world.dispute.panel() else { return false };
        let waits = |seat: &marketplace_disputes::Seat| match panel.stage {
            Stage::Committing => seat.commitment.is_none(),
            Stage::Revealing => seat.commitment.is_some() && seat.vote.is_none(),
            _ => false,
        };
        self.coalition != Coalition::Everybody && panel.seats.iter().skip(1).any(waits)
    }
}

const STAKE: i128 = 250_000_000_000;

/// What makes two states the same for what can still be won: times do not.
fn key(world: &World) -> String {
    let dispute = &world.dispute;
    let votes: Vec<String> = dispute
        .rounds
        .iter()
        .flat_map(|round| &round.panels)
        .map(|panel| {
            let seats = panel.seats.iter().map(|seat| {
                let ballot = world.votes.get(&seat.juror).map(|vote| vote.ballot);
                (seat.commitment.is_some().then_some(ballot), seat.vote.is_some())
            });
            // Which seat voted what makes no difference to money, only how many did.
            let mut seats: Vec<String> = seats.map(|seat| format!("{seat:?}")).collect();
            seats[1.min(panel.seats.len())..].sort();
            format!("{:?} {seats:?}", panel.stage)
        })
        .collect();
    let rulings: Vec<_> = dispute
        .rounds
        .iter()
        .map(|round| (round.appeal.clone(), round.ruling.as_ref().map(|ruling| ruling.finding)))
        .collect();
    let (phase, response, offer) = (dispute.phase(), dispute.response, dispute.offer.is_some());
    format!("{phase} {response:?} {offer} {votes:?} {rulings:?}")
}

fn search(setup: &Setup, coalition: Coalition, truth: Finding) -> Search {
    Search::run(&World::open(setup), coalition, truth)
}

/// Both parties and all jurors are one agent: whatever it does, it only loses fees and forfeits.
#[test]
fn nobody_draws_from_us_by_colluding() {
    let full = Finding::Awarded(Remedy::Full);
    let cases = [
        (3, Remedy::Full, 0, Finding::Unproven),
        (3, Remedy::Full, 0, full),
        (3, Remedy::Half, 4, Finding::Rejected),
    ];
    for (jurors, remedy, lost, truth) in cases {
        let setup = Setup { jurors, remedy, lost, ..Setup::default() };
        let world = World::open(&setup);
        let brought = world.total() - world.balance(&Account::Capital);
        let search = search(&setup, Coalition::Everybody, truth);
        assert!(search.ends > 100, "{}", search.ends);
        // Settling at once costs nothing but the order's own fee, and nothing costs less.
        assert!(search.best <= brought, "{} above {brought}", search.best);
    }
}

/// A respondent that cannot post its bond goes on without it, and that too is no way to our money.
#[test]
fn poverty_is_no_way_to_our_money() {
    for truth in [Finding::Unproven, Finding::Rejected, Finding::Awarded(Remedy::Full)] {
        let setup = Setup { poor: true, jurors: 3, ..Setup::default() };
        let world = World::open(&setup);
        let respondent = Caller::Agent(world.dispute.party(Side::Seller).clone());
        assert!(world.ask(&respondent, &Command::Contest { bonded: false }).is_ok());
        let brought = world.total() - world.balance(&Account::Capital);
        let search = search(&setup, Coalition::Everybody, truth);
        assert!(search.ends > 5, "{}", search.ends);
        assert!(search.best <= brought, "{} above {brought}", search.best);
    }
}

/// A party and a friend on every panel, against an honest party and honest jurors: the best that
/// they can do is what the truth gives them anyway.
#[test]
fn a_minority_gains_nothing_over_the_truth() {
    for side in [Side::Buyer, Side::Seller] {
        let buyer_is_right = side == Side::Seller;
        // The buyer disputes; it is right or wrong.
        let truth = if buyer_is_right { Finding::Awarded(Remedy::Full) } else { Finding::Rejected };
        let setup = Setup { price: Amount::from_avt(30), ..Setup::default() };
        let search = search(&setup, Coalition::Side(side), truth);
        assert!(search.ends > 10, "{}", search.ends);
        let purse = i128::from(setup.purse.nano());
        // Pay for a friend's honest work is no gain by collusion: at most K for each panel.
        let wages = 3 * 500_000_000;
        assert!(search.best <= purse + wages, "{side}: {} above {purse}", search.best);
    }
}

/// The other accounts: every path of the search above also keeps them from shrinking.
#[test]
fn our_accounts_only_grow() {
    for seed in 0..500 {
        let (world, ending) = crate::walk::path(seed);
        assert!(world.balance(&Account::Fees(FeeKind::Dispute)) >= 0);
        let capital = 1_000_000_000_000 - world.balance(&Account::Capital);
        let given_up = world
            .log
            .iter()
            .flat_map(|entry| &entry.events)
            .any(|event| matches!(event, DisputeEvent::Closed { phase: Phase::Aborted, .. }));
        let undecided = world.dispute.rounds.last().is_some_and(|round| round.ruling.is_none());
        assert!(capital == 0 || given_up || undecided, "seed {seed}: {ending:?} cost {capital}");
    }
}
