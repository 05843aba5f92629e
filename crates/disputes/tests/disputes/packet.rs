//! Packets: what happened is accepted, whatever was changed afterwards is not.

use marketplace_disputes::{
    Basis, Command, DisputeEvent, Finding, Known, OrderEffect, Packet, PacketFault, Pool, Response,
    SAME_RULES, SignatureCheck, State, award as award_of, verify, verify_with,
};
use marketplace_ledger::{Account, EntryDraft};
use marketplace_money::{Amount, Seconds};

use crate::play::play;
use crate::walk::path;
use crate::world::{Setup, did, is_signed};

const SIGNED: SignatureCheck<'_> = &is_signed;

fn appealed() -> Packet {
    let script = "contest | vote rejected full rejected | appeal buyer | vote full full full full full half - | strike";
    play(&Setup::default(), script).packet()
}

#[test]
fn what_happened_is_accepted() {
    let verified = verify(&appealed(), SIGNED).unwrap();
    let counts = [verified.commits, verified.panels, verified.votes, verified.entries];
    assert_eq!(counts, [27, 2, 9, 5]);
    assert_eq!((verified.placed, verified.taken), (28, 0));
    for script in [
        "strike | strike | strike",
        "withdraw",
        "contest | give-in",
        "concede-all",
        "concede",
        "offer 20 | agree",
        "contest | vote - - - | vote - - - | rule full",
        "contest | abort",
        "contest | seal full full full | reveal full full - | concede-all",
        "contest | seal full rejected full | reveal full rejected - | give-in",
    ] {
        let packet = play(&Setup::default(), script).packet();
        verify(&packet, SIGNED).unwrap_or_else(|fault| panic!("{script}: {fault}"));
    }
}

#[test]
fn random_paths_are_accepted() {
    for seed in 0..1_500 {
        let (world, _) = path(seed);
        let verified = verify(&world.packet(), SIGNED);
        assert!(verified.is_ok(), "seed {seed}: {verified:?}");
    }
}

/// Each change must be found.
fn check(change: impl FnOnce(&mut Packet), expect: &str) {
    let mut packet = appealed();
    change(&mut packet);
    let fault = verify(&packet, SIGNED).unwrap_err();
    let name = format!("{fault:?}");
    assert!(name.starts_with(expect), "expected {expect}, got {name}");
}

fn entry_of(packet: &Packet, wanted: impl Fn(&DisputeEvent) -> bool) -> usize {
    packet.log.iter().position(|entry| entry.events.iter().any(&wanted)).unwrap()
}

#[test]
fn whatever_was_changed_is_found() {
    check(|packet| packet.rule_set = [0; 32], "OtherRules");
    check(|packet| packet.facts = None, "Incomplete");
    check(|packet| packet.pools.clear(), "Incomplete");
    check(|packet| packet.pools.swap(0, 1), "OtherEvents");
    let without_one = |packet: &mut Packet| {
        let fewer = packet.pools[1].entrants()[1..].to_vec();
        packet.pools[1] = Pool::new(fewer);
    };
    check(without_one, "OtherEvents");
    check(|packet| packet.postings.truncate(1), "OtherPostings");
    check(|packet| packet.closed.reason = "another".into(), "OtherEnd");
    check(|packet| drop((packet.log.pop(), packet.positions.pop())), "OtherEnd");
    check(|packet| packet.opened.stakes.bond = Amount::from_avt(1), "OtherEnd");
    let too_late = |packet: &mut Packet| {
        for entry in &mut packet.log {
            entry.at = entry.at.plus(Seconds::from_hours(6));
        }
    };
    check(too_late, "NotAllowed");
    let other_juror = |packet: &mut Packet| {
        let at = entry_of(packet, |event| matches!(event, DisputeEvent::Drawn { .. }));
        if let DisputeEvent::Drawn { jurors, .. } = &mut packet.log[at].events[0] {
            jurors[0] = did("friend");
        }
    };
    check(other_juror, "OtherEvents");
    let other_vote = |packet: &mut Packet| {
        let at = entry_of(packet, |event| matches!(event, DisputeEvent::Revealed { .. }));
        if let DisputeEvent::Revealed { vote, .. } = &mut packet.log[at].events[0] {
            vote.ballot = Finding::Unproven;
        }
    };
    check(other_vote, "NotAllowed");
    let other_ruling = |packet: &mut Packet| {
        let at = entry_of(packet, |event| matches!(event, DisputeEvent::Ruled(_)));
        for event in &mut packet.log[at].events {
            if let DisputeEvent::Ruled(ruling) = event {
                ruling.finding = Finding::Unproven;
            }
        }
    };
    check(other_ruling, "OtherEvents");
    let silent = |packet: &mut Packet| {
        if let DisputeEvent::Responded { response, .. } = &mut packet.log[0].events[0] {
            *response = Response::Silent;
        }
    };
    check(silent, "NotAllowed");
}

#[test]
fn the_chain_and_the_places_in_it_are_checked() {
    check(|packet| packet.chain[1].content = Some(vec![1]), "BrokenChain");
    check(|packet| packet.chain[1].previous = [1; 32], "BrokenChain");
    check(|packet| packet.chain.truncate(1), "OtherBatch");
    check(|packet| packet.positions.clear(), "UnknownSeed");
    check(|packet| packet.positions.swap(3, 5), "OtherBatch");
    check(|packet| packet.positions.push(28), "OtherBatch");
    // The batch before the call was sealed before the pool was frozen.
    let earlier_batch = |packet: &mut Packet| {
        let at = entry_of(packet, |event| matches!(event, DisputeEvent::Called { .. }));
        packet.positions[at + 1] -= 1;
    };
    check(earlier_batch, "UnknownSeed");
}

/// What the end made of the escrow is as much a part of it as the bonds.
#[test]
fn who_got_the_escrow_is_checked() {
    let award = |packet: &Packet| {
        packet.postings.iter().position(|draft| draft.kind().ends_escrow()).unwrap()
    };
    check(|packet| drop(packet.postings.remove(award(packet))), "OtherPostings");
    let more_for_the_seller = |packet: &mut Packet| {
        let at = award(packet);
        let nano = Amount::from_nano;
        let moves: Vec<_> = packet.postings[at]
            .postings()
            .iter()
            .map(|posting| (posting.account.clone(), posting.delta))
            .chain([
                (Account::Agent(did("seller")), nano(1)),
                (Account::Agent(did("buyer")), nano(-1)),
            ])
            .collect();
        packet.postings[at] = EntryDraft::new(packet.postings[at].kind(), moves).unwrap();
    };
    check(more_for_the_seller, "OtherPostings");
    let released = |packet: &mut Packet| {
        let all = award_of(&packet.closed, OrderEffect::Accept).unwrap().unwrap();
        let at = award(packet);
        packet.postings[at] = all;
    };
    check(released, "OtherPostings");
    check(|packet| packet.postings.push(packet.postings[award(packet)].clone()), "OtherPostings");
    for (script, paid) in [("withdraw", 0), ("concede-all", 1), ("contest | abort", 1)] {
        let packet = play(&Setup::default(), script).packet();
        let awards = packet.postings.iter().filter(|draft| draft.kind().ends_escrow());
        assert_eq!(awards.count(), paid, "{script}");
    }
}

/// A ruling of tier 1 under rules that are older than these.
fn ruled_by_older_rules(script: &str, name: [u8; 32]) -> Packet {
    let mut packet = play(&Setup::default(), script).packet();
    packet.rule_set = name;
    let name_older = |ruling: &mut marketplace_disputes::Ruling| {
        if let Basis::Rule { rule_set, .. } = &mut ruling.basis {
            *rule_set = name;
        }
    };
    for event in packet.log.iter_mut().flat_map(|entry| &mut entry.events) {
        if let DisputeEvent::Ruled(ruling) = event {
            name_older(ruling);
        }
    }
    packet.closed.rounds.iter_mut().filter_map(|round| round.ruling.as_mut()).for_each(name_older);
    packet
}

#[test]
fn older_rules_are_taken_as_they_stand_where_somebody_knows_them() {
    let older: &[[u8; 32]] = &[[9; 32]];
    let known = Known { is_signed: SIGNED, rule_sets: older, hashes: &[] };
    // Silence; a panel after no rule decided; a concession, which asks no rule.
    for (script, strict) in [
        ("strike | strike | strike", Err(PacketFault::OtherRules)),
        ("contest | vote full full full | strike", Err(PacketFault::OtherRules)),
        ("concede", Ok(0)),
    ] {
        let packet = ruled_by_older_rules(script, [9; 32]);
        let reworded = ruled_by_older_rules(script, SAME_RULES[0]);
        assert_eq!(verify(&reworded, SIGNED).map(|verified| verified.taken), Ok(0), "{script}");
        assert_eq!(verify(&packet, SIGNED).map(|verified| verified.taken), strict, "{script}");
        let taken = verify_with(&packet, &known).map(|verified| verified.taken);
        assert_eq!(taken, Ok(usize::from(strict.is_err())), "{script}");
    }
    let silent = "strike | strike | strike";
    let mut other_facts = ruled_by_older_rules(silent, [9; 32]);
    other_facts.facts.as_mut().unwrap().exclusive = true;
    assert!(matches!(verify_with(&other_facts, &known), Err(PacketFault::OtherEvents { .. })));
    let mut unnamed = ruled_by_older_rules(silent, [9; 32]);
    unnamed.rule_set = [8; 32];
    assert_eq!(verify_with(&unnamed, &known), Err(PacketFault::OtherRules));
}

#[test]
fn hashes_that_somebody_kept_are_compared() {
    let packet = appealed();
    let own = packet.chain.last().unwrap();
    let check = |hashes: &[(u64, [u8; 32])]| {
        verify_with(&packet, &Known { is_signed: SIGNED, rule_sets: &[], hashes }).map(|_| ())
    };
    assert_eq!(check(&[(own.position, own.hash)]), Ok(()));
    for other in [(own.position, [1; 32]), (own.position + 1, own.hash)] {
        assert_eq!(check(&[other]), Err(PacketFault::OtherChain { position: other.0 }));
    }
}

#[test]
fn operators_signatures_are_checked_again() {
    let script = "contest | vote - - - | vote - - - | rule full";
    let mut packet = play(&Setup::default(), script).packet();
    assert_eq!(
        verify(&packet, &|_, _, _| false).map_err(|fault| fault.to_string()).unwrap_err(),
        "commit 8 is not allowed: It takes 2 operators' signatures under exactly this"
    );
    for event in packet.log.iter_mut().flat_map(|entry| &mut entry.events) {
        if let DisputeEvent::Ruled(ruling) = event
            && let Basis::Operators { reason, .. } = &mut ruling.basis
        {
            *reason = "another".into();
        }
    }
    assert!(matches!(verify(&packet, SIGNED), Err(PacketFault::NotAllowed { .. })));
}

/// A juror that was never asked cannot be made to look as if it had voted: the seal binds.
#[test]
fn a_seal_binds_to_its_dispute_round_and_juror() {
    let mut world = play(&Setup::default(), "contest | seal full full full");
    let jurors = world.jurors();
    assert!(matches!(world.dispute.state, State::Revealing { .. }));
    let first = world.votes[&jurors[0]];
    let other = marketplace_disputes::Vote { ballot: Finding::Rejected, ..first };
    let by = marketplace_disputes::Caller::Agent(jurors[0].clone());
    let refused = world.act(&by, &Command::Reveal(other)).unwrap_err();
    let expect = marketplace_disputes::DisputeRefusal::WrongSeal;
    assert_eq!(refused, crate::world::Refused::No(expect));
}

/// The best of some tries: the machine may be busy with other tests.
#[expect(clippy::disallowed_methods, reason = "this test measures")]
fn fastest(run: impl Fn()) -> std::time::Duration {
    let once = |_| {
        let start = std::time::Instant::now();
        run();
        start.elapsed()
    };
    (0..20).map(once).min().unwrap()
}

#[test]
fn rules_and_packets_are_fast() {
    let ballots = |count: usize, ballot: &str| vec![ballot; count].join(" ");
    let (seven, fifteen) = (ballots(7, "rejected"), ballots(15, "full"));
    let script = format!("contest | vote {seven} | appeal buyer | vote {fifteen} | strike");
    let price = Amount::from_avt(1_500);
    let purse = Amount::from_avt(10_000);
    let packet = play(&Setup { price, purse, ..Setup::default() }, &script).packet();
    assert_eq!(verify(&packet, SIGNED).unwrap().votes, 22);
    let verified = fastest(|| drop(verify(&packet, SIGNED)));
    assert!(verified.as_millis() < 50, "a packet takes {verified:?}");
    let facts = packet.facts.as_ref().unwrap();
    let (disputer, claim) = (packet.opened.disputer, packet.opened.claim);
    let case = marketplace_disputes::Case { disputer, claim, response: Response::Silent, facts };
    let ruled = fastest(|| drop(marketplace_disputes::apply_rules(&case, packet.opened.opened_at)));
    assert!(ruled.as_micros() < 1_000, "the rules take {ruled:?}");
}
