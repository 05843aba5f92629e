//! Packets: what happened is accepted, whatever was changed afterwards is not.

use marketplace_disputes::{
    Basis, Command, DisputeEvent, Finding, Packet, PacketFault, Pool, Response, SignatureCheck,
    State, verify,
};
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
    assert_eq!(counts, [27, 2, 9, 4]);
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
    check(|packet| packet.chain[1].content = Some(vec![1]), "BrokenChain");
    check(|packet| packet.chain[1].previous = [1; 32], "BrokenChain");
    check(|packet| packet.chain.truncate(1), "UnknownSeed");
    check(|packet| packet.closed.reason = "another".into(), "OtherEnd");
    check(|packet| drop(packet.log.pop()), "OtherEnd");
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
    let votes = "full full full full full full half";
    let script =
        format!("contest | vote rejected full rejected | appeal buyer | vote {votes} | strike");
    let packet = play(&Setup::default(), &script).packet();
    let verified = fastest(|| drop(verify(&packet, SIGNED)));
    assert!(verified.as_millis() < 50, "a packet takes {verified:?}");
    let facts = packet.facts.as_ref().unwrap();
    let (disputer, claim) = (packet.opened.disputer, packet.opened.claim);
    let case = marketplace_disputes::Case { disputer, claim, response: Response::Silent, facts };
    let ruled = fastest(|| drop(marketplace_disputes::apply_rules(&case, packet.opened.opened_at)));
    assert!(ruled.as_micros() < 1_000, "the rules take {ruled:?}");
}
