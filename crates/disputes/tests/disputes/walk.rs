//! Random paths through a dispute: any legal move of anybody at any time, also our failures. Every
//! path must end, and [`World::act`] checks the money at every step.

use marketplace_disputes::{
    BondOutcome, Caller, Category, Command, DisputeRefusal, EvidenceInput, Finding, Phase, Policy,
    Remedy, Response, Side, Stage, State, abort_digest, ruling_digest,
};
use marketplace_ledger::Account;
use marketplace_listings::AcceptancePolicy;
use marketplace_money::{Amount, Gap, Seconds};

use crate::world::{Refused, Setup, World};

/// SplitMix64: the same path for the same seed on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() % limit as u64).unwrap_or(0)
    }

    pub(crate) fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.roll() % 100 < percent
    }
}

pub(crate) fn setup(dice: &mut Dice) -> Setup {
    let prices = [1, 3, 999_999_999, 5_000_000_001, 9_999_999_999, 50_000_000_007];
    let prices = [&prices[..], &[99_999_999_999, 150_000_000_001, 2_000_000_000_003]].concat();
    let odd = Policy {
        bond: Amount::from_nano(dice.one_of(&[0, 1, 7, 2_500_000_001])),
        fee: Amount::from_nano(dice.one_of(&[0, 1, 3, 400_000_001])),
        ruling_time: Seconds::from_hours(dice.one_of(&[1, 5, 24, 72])),
    };
    let disputer = dice.one_of(&[Side::Buyer, Side::Buyer, Side::Seller]);
    let delivered = disputer == Side::Seller || dice.chance(70);
    let category = if disputer == Side::Seller {
        dice.one_of(&[Category::BuyerRefuses, Category::Other])
    } else if delivered {
        dice.one_of(&[Category::PoorQuality, Category::Late, Category::Incomplete, Category::Other])
    } else {
        dice.one_of(&[Category::NonDelivery, Category::Other, Category::WrongContent])
    };
    let late = category == Category::NonDelivery || (!delivered && dice.chance(50));
    Setup {
        price: Amount::from_nano(dice.one_of(&prices)),
        delivered,
        disputer,
        category,
        remedy: dice.one_of(Remedy::NAMES).0,
        acceptance: dice.one_of(&AcceptancePolicy::NAMES[..2]).0,
        waits: if late { Seconds::from_hours(11) } else { Seconds(7_200) },
        lost: u32::try_from(dice.below(6)).unwrap_or(0),
        policy: if dice.chance(70) { Policy::ORIGINAL } else { odd },
        jurors: dice.one_of(&[0, 2, 3, 8, 20, 40]),
        purse: Amount::from_nano(dice.one_of(&[90_000_000_000, 500_000_000_000, 93_000_000_001])),
        poor: dice.chance(10),
    }
}

/// How a path ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ending {
    pub(crate) bonds: BondOutcome,
    pub(crate) tier: u8,
    pub(crate) rounds: usize,
}

/// One path from its opening to its end.
pub(crate) fn path(seed: u64) -> (World, Ending) {
    let mut dice = Dice(seed);
    let mut world = World::open(&setup(&mut dice));
    look_again(&mut world, &mut dice);
    // Most silence is alike: let many paths go on to the rules, the panels and the operators.
    if dice.chance(60) {
        let respondent = world.dispute.party(world.dispute.disputer.other()).clone();
        let contest = Command::Contest { bonded: dice.chance(80) };
        let _ = world.act(&Caller::Agent(respondent), &contest);
    }
    let total = world.total();
    let insurance = world.balance(&Account::Insurance);
    // Some paths are quiet, some are busy.
    let busy = dice.one_of(&[40, 70, 90, 97]);
    let mut steps = 0;
    while world.dispute.next_timer().is_some() {
        steps += 1;
        // 20 pieces of evidence for each side, votes, offers: far more than any path needs.
        assert!(steps < 3_000, "seed {seed} does not end: {:?}", world.dispute);
        if dice.chance(2) {
            outage(&mut world, &mut dice);
        }
        if dice.chance(3) {
            world.restart();
        }
        if dice.chance(busy) && steps < 300 {
            any_move(&mut world, &mut dice);
        } else {
            world.strike();
        }
    }
    assert_eq!(world.total(), total, "money is conserved");
    assert!(world.balance(&Account::Insurance) >= insurance, "nobody draws from insurance");
    let ending = ending(&world);
    (world, ending)
}

/// What a path came through, in words: the million paths count how often.
pub(crate) fn stations(world: &World) -> Vec<String> {
    let dispute = &world.dispute;
    let response = dispute.response.map_or("none", Response::name);
    let appeals = dispute.rounds.iter().filter(|round| round.appeal.is_some()).count();
    let mut stations = vec![
        format!("opened by the {}", dispute.disputer),
        format!("response: {response}"),
        format!("appeals: {appeals}"),
        format!("end: {}", dispute.phase()),
    ];
    for ruling in dispute.rounds.iter().filter_map(|round| round.ruling.as_ref()) {
        stations.push(format!("tier {} finds {}", ruling.basis.tier(), ruling.finding.name()));
    }
    let on_the_way = [(world.restarts > 0, "restarted"), (!world.gaps.is_empty(), "our outages")];
    stations.extend(on_the_way.iter().filter(|(seen, _)| *seen).map(|(_, name)| (*name).into()));
    stations
}

/// What there is to come through.
pub(crate) fn all_stations() -> Vec<String> {
    let mut all = vec!["restarted".to_owned(), "our outages".to_owned()];
    all.extend([Side::Buyer, Side::Seller].map(|side| format!("opened by the {side}")));
    all.extend(Response::NAMES.iter().map(|(_, name)| format!("response: {name}")));
    all.extend(["0", "1", "2"].map(|appeals| format!("appeals: {appeals}")));
    let ends = [Phase::Final, Phase::Withdrawn, Phase::Settled, Phase::Aborted];
    all.extend(ends.map(|end| format!("end: {end}")));
    for (finding, name) in Finding::NAMES {
        // Rules never say that nothing is shown: then they say nothing.
        let tiers = if finding == Finding::Unproven { 2..=3 } else { 1..=3 };
        all.extend(tiers.map(|tier| format!("tier {tier} finds {name}")));
    }
    all
}

fn ending(world: &World) -> Ending {
    let State::Closed(closed) = &world.dispute.state else { panic!("the path has ended") };
    let life = closed.at.since(world.opened.opened_at);
    let outages: i64 = world.gaps.iter().map(|gap| gap.until.since(gap.from)).sum();
    assert!(life <= Policy::LIFE.micros() + outages, "nothing lives longer than seven days");
    Ending {
        bonds: closed.verdict.bonds,
        tier: world.dispute.ruling().map_or(0, |ruling| ruling.basis.tier()),
        rounds: world.dispute.rounds.len(),
    }
}

fn look_again(world: &mut World, dice: &mut Dice) {
    if let Some(delivery) = &mut world.facts.delivery {
        let rare = dice.chance(10);
        delivery.hashed_again = Some(if rare { [2; 32] } else { [1; 32] });
        delivery.checks = dice.one_of(&[None, None, None, Some(true), Some(false)]);
    }
}

fn outage(world: &mut World, dice: &mut Dice) {
    let until = world.now.plus(Seconds(dice.one_of(&[60, 7_200, 90_000])));
    // An outage counts from the last sign of life, after which commands may have come through.
    let heard = world.now.minus(Seconds(dice.one_of(&[0, 5, 20])));
    let from = world.gaps.last().map_or(heard, |last| heard.max(last.until));
    world.gaps.push(Gap { from, until });
    world.now = until;
}

fn any_move(world: &mut World, dice: &mut Dice) {
    if dice.chance(15) {
        world.now = world.now.plus(Seconds(dice.one_of(&[1, 600, 3_600, 10_000])));
        return;
    }
    let disputer = Caller::Agent(world.dispute.party(world.dispute.disputer).clone());
    let respondent = Caller::Agent(world.dispute.party(world.dispute.disputer.other()).clone());
    let party = dice.one_of(&[disputer.clone(), respondent.clone()]);
    let price = world.order.price.price.nano();
    let done = match dice.below(24) {
        0 => world.act(&party, &Command::AddEvidence(evidence())),
        1 => {
            let share = i64::try_from(dice.roll() % (price.unsigned_abs() + 2)).unwrap_or(0);
            let offer = Command::OfferSettlement { seller: Amount::from_nano(share) };
            world.act(&party, &offer)
        }
        2 if dice.chance(20) => world.act(&party, &Command::AcceptSettlement { expected: None }),
        3 if dice.chance(10) => world.act(&disputer, &Command::Withdraw),
        4 if dice.chance(10) => {
            world.act(&party, &Command::Concede { everything: dice.chance(50) })
        }
        5 if dice.chance(4) => operators_abort(world),
        6 | 7 => world.act(&respondent, &Command::Contest { bonded: dice.chance(80) }),
        8 => world.act(&party, &Command::Appeal),
        9 => operators_rule(world, dice),
        10 | 11 => machinery(world),
        12 => world.act(&Caller::Timer, &Command::Lapse),
        13 => world.act(&Caller::Timer, &Command::LapseLife),
        _ => vote(world, dice),
    };
    match done {
        Ok(()) | Err(Refused::No(_)) => {}
        Err(Refused::Funds(account)) => assert!(
            matches!(&account, Account::Agent(agent) if world.dispute.side_of(agent).is_some()),
            "only a party's own bond can lack funds, not {account}"
        ),
    }
}

fn machinery(world: &mut World) -> Result<(), Refused> {
    let command = match world.dispute.state {
        State::UnderRules { .. } => Command::ApplyRules { facts: Box::new(world.facts.clone()) },
        State::AwaitingPanel { .. } => Command::CallPanel { pool: world.pool() },
        _ => world.draw_command(),
    };
    world.act(&Caller::Arbitration, &command)
}

fn evidence() -> EvidenceInput {
    EvidenceInput { sha256: [9; 32], size: 10, media_type: None, note: "see".into() }
}

fn vote(world: &mut World, dice: &mut Dice) -> Result<(), Refused> {
    let jurors = world.jurors();
    let Some(panel) = world.dispute.panel().filter(|_| !jurors.is_empty()) else {
        return Err(Refused::No(DisputeRefusal::NotFound));
    };
    let (stage, juror) = (panel.stage, dice.one_of(&jurors));
    if stage == Stage::Revealing {
        let Some(vote) = world.votes.get(&juror).copied() else {
            return Err(Refused::No(DisputeRefusal::NotCommitted));
        };
        return world.act(&Caller::Agent(juror), &Command::Reveal(vote));
    }
    // Most of a panel lean to one finding: else no median would ever be at an end of the scale.
    let leaning = Finding::NAMES[usize::from(panel.pool[0]) % Finding::NAMES.len()].0;
    let ballot = if dice.chance(60) { leaning } else { dice.one_of(&Finding::NAMES).0 };
    world.commit(&juror, ballot)
}

pub(crate) fn operators_rule(world: &mut World, dice: &mut Dice) -> Result<(), Refused> {
    let finding = dice.one_of(&Finding::NAMES).0;
    let reason = "as the log shows";
    let digest = ruling_digest(&world.dispute, finding, reason);
    let approvals = world.approvals(digest, 1 + dice.below(3));
    let command = Command::Rule { finding, reason: reason.into(), approvals };
    world.act(&Caller::Operators, &command)
}

fn operators_abort(world: &mut World) -> Result<(), Refused> {
    let reason = "our fault";
    let approvals = world.approvals(abort_digest(&world.dispute, reason), 2);
    world.act(&Caller::Operators, &Command::Abort { reason: reason.into(), approvals })
}

/// What a path of this seed ended with, for every account that counts.
pub(crate) fn jurors_total(world: &World) -> i128 {
    let own = world.candidates.iter().map(|candidate| {
        world.balance(&Account::Juror(candidate.juror.clone()))
            + world.balance(&Account::Agent(candidate.juror.clone()))
    });
    own.sum()
}
