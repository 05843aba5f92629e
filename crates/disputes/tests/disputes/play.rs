//! Disputes driven by short scripts: `contest | vote full full rejected | strike`.

use marketplace_disputes::{Caller, Command, Finding, Side, abort_digest, ruling_digest};
use marketplace_ledger::{Account, FeeKind};
use marketplace_money::Amount;

use crate::world::{Refused, Setup, World, did};

/// All steps, none of which may be refused.
pub(crate) fn play(setup: &Setup, script: &str) -> World {
    let mut world = World::open(setup);
    run(&mut world, script);
    world
}

pub(crate) fn run(world: &mut World, script: &str) {
    for step in script.split('|').map(str::trim).filter(|step| !step.is_empty()) {
        let done = act(world, step);
        assert_eq!(done, Ok(()), "{step} in {script}");
    }
}

pub(crate) fn act(world: &mut World, step: &str) -> Result<(), Refused> {
    let (verb, argument) = step.split_once(' ').unwrap_or((step, ""));
    let side = world.dispute.disputer;
    let disputer = Caller::Agent(world.dispute.party(side).clone());
    let respondent = Caller::Agent(world.dispute.party(side.other()).clone());
    match verb {
        "contest" => world.act(&respondent, &Command::Contest { bonded: true }),
        "contest-unbonded" => world.act(&respondent, &Command::Contest { bonded: false }),
        "concede" => world.act(&respondent, &Command::Concede { everything: false }),
        "concede-all" => world.act(&respondent, &Command::Concede { everything: true }),
        "give-in" => world.act(&disputer, &Command::Concede { everything: true }),
        "withdraw" => world.act(&disputer, &Command::Withdraw),
        "appeal" => world.act(&Caller::Agent(did(argument)), &Command::Appeal),
        "offer" => {
            let seller = argument.parse().unwrap();
            world.act(&disputer, &Command::OfferSettlement { seller })
        }
        "agree" => {
            let expected = (!argument.is_empty()).then(|| argument.parse().unwrap());
            world.act(&respondent, &Command::AcceptSettlement { expected })
        }
        "rule" => {
            let finding: Finding = argument.parse().unwrap();
            let approvals = world.approvals(ruling_digest(&world.dispute, finding, "so"), 2);
            world
                .act(&Caller::Operators, &Command::Rule { finding, reason: "so".into(), approvals })
        }
        "abort" => {
            let approvals = world.approvals(abort_digest(&world.dispute, "us"), 2);
            world.act(&Caller::Operators, &Command::Abort { reason: "us".into(), approvals })
        }
        "strike" => {
            world.strike();
            Ok(())
        }
        "vote" => vote(world, argument),
        "seal" => seal(world, argument),
        "reveal" => reveal(world, argument),
        verb => panic!("no verb {verb}"),
    }
}

/// Ballots by seat: `full` is sealed and opened, `full!` only sealed, `-` neither.
fn vote(world: &mut World, ballots: &str) -> Result<(), Refused> {
    seal(world, ballots)?;
    if ballots.contains('-') {
        world.strike();
    }
    reveal(world, ballots)?;
    if ballots.contains('!') {
        world.strike();
    }
    Ok(())
}

fn seal(world: &mut World, ballots: &str) -> Result<(), Refused> {
    world.settle_machinery();
    let jurors = world.jurors();
    assert_eq!(jurors.len(), ballots.split(' ').count(), "a ballot for each seat");
    for (juror, ballot) in jurors.iter().zip(ballots.split(' ')).filter(|(_, text)| *text != "-") {
        world.commit(juror, ballot.trim_end_matches('!').parse().unwrap())?;
    }
    Ok(())
}

fn reveal(world: &mut World, ballots: &str) -> Result<(), Refused> {
    let jurors = world.jurors();
    let opened = |text: &str| text != "-" && !text.ends_with('!');
    for (juror, _) in jurors.iter().zip(ballots.split(' ')).filter(|(_, text)| opened(text)) {
        let vote = world.votes[juror];
        world.act(&Caller::Agent(juror.clone()), &Command::Reveal(vote))?;
    }
    Ok(())
}

/// What everybody has more or less than before the dispute, escrow included, in AVT.
pub(crate) fn changes(setup: &Setup, world: &World) -> String {
    let avt = |nano: i128| Amount::from_nano(i64::try_from(nano).unwrap()).to_string();
    let purse = i128::from(setup.purse.nano());
    let stakes = i128::from(Amount::from_avt(250).nano()) * setup.jurors as i128;
    let mut parts = vec![
        format!("buyer {}", avt(world.agent("buyer") - purse)),
        format!("seller {}", avt(world.agent("seller") - purse)),
    ];
    let rest = [
        ("jurors", crate::walk::jurors_total(world) - stakes),
        ("revenue", world.balance(&Account::Fees(FeeKind::Dispute))),
        ("insurance", world.balance(&Account::Insurance)),
        ("capital", world.balance(&Account::Capital) - 1_000_000_000_000),
    ];
    let rest = rest.into_iter().filter(|(_, change)| *change != 0);
    parts.extend(rest.map(|(name, change)| format!("{name} {}", avt(change))));
    parts.join(", ")
}

/// A seller's dispute about a refused delivery.
pub(crate) fn of_the_seller() -> Setup {
    let category = marketplace_disputes::Category::BuyerRefuses;
    Setup { disputer: Side::Seller, category, ..Setup::default() }
}
