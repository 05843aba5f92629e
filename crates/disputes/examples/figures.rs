//! What rules and packets cost, `cargo xtask bench disputes`: each rule of tier 1 on the cases of
//! thousands of random disputes, and the check of whole verdict packets. Fails beyond the limits:
//! a millisecond for each rule (checks that are run again are not counted: they have a limit of
//! their own), 50 ms for a packet of seven jurors after one appeal.

#![expect(clippy::unwrap_used, reason = "the builders of the tests may panic like the tests")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use marketplace_disputes::{Case, Packet, RULES, Response, apply_rules, verify};
use marketplace_money::Amount;

#[path = "../tests/disputes/play.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod play;
#[path = "../tests/disputes/walk.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod walk;
#[path = "../tests/disputes/world.rs"]
mod world;

const RULE_LIMIT: Duration = Duration::from_millis(1);
const PACKET_LIMIT: Duration = Duration::from_millis(50);
/// Disputes whose cases are asked of every rule, with every response.
const DISPUTES: u64 = 2_000;
/// What is measured is slow when it is slow each time: the machine may be busy with something else.
const TRIES: usize = 5;
const PACKETS: usize = 200;

#[expect(clippy::disallowed_methods, reason = "a program that measures looks at the clock")]
fn once(run: &mut impl FnMut()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

fn fastest(mut run: impl FnMut()) -> Duration {
    (0..TRIES).map(|_| once(&mut run)).min().unwrap_or_default()
}

/// The slowest and the usual one.
fn slowest_and_median(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    (times.last().copied().unwrap_or_default(), median)
}

fn line(name: &str, times: Vec<Duration>, limit: Duration) -> bool {
    let (slowest, median) = slowest_and_median(times);
    let within = slowest < limit;
    let verdict = if within { "" } else { "  TOO SLOW" };
    println!(
        "  {name:<44} median {median:>9.1?}  slowest {slowest:>9.1?}  limit {limit:?}{verdict}"
    );
    within
}

fn rules(worlds: &[world::World]) -> bool {
    let cases: Vec<Case<'_>> = worlds
        .iter()
        .flat_map(|world| {
            let (disputer, claim) = (world.opened.disputer, world.opened.claim);
            let facts = &world.facts;
            Response::NAMES.iter().map(move |(response, _)| Case {
                disputer,
                claim,
                response: *response,
                facts,
            })
        })
        .collect();
    println!("rules of tier 1, each on {} cases, re-run checks not counted:", cases.len());
    let mut within = true;
    for rule in RULES {
        let times = cases.iter().map(|case| {
            fastest(|| {
                std::hint::black_box((rule.decide)(std::hint::black_box(case)));
            })
        });
        within &= line(rule.name.name(), times.collect(), RULE_LIMIT);
    }
    let all = |case| fastest(|| drop(std::hint::black_box(apply_rules(case, world::START))));
    let times = cases.iter().map(all);
    within & line("all in order, with inputs and hashes", times.collect(), RULE_LIMIT)
}

fn packet(name: &str, packet: &Packet) -> bool {
    let check = || verify(packet, &world::is_signed);
    match check() {
        Ok(verified) => {
            println!("{name}: {} commits, {} votes, accepted", verified.commits, verified.votes);
        }
        Err(fault) => {
            println!("{name}: refused, {fault}");
            return false;
        }
    }
    let times = (0..PACKETS).map(|_| fastest(|| drop(std::hint::black_box(check()))));
    line("to verify", times.collect(), PACKET_LIMIT)
}

/// Tier 2 rejects the claim, the larger panel of the appeal awards it.
fn appealed(price: Amount, first: usize) -> Packet {
    let ballots = |count: usize, ballot: &str| vec![ballot; count].join(" ");
    let (before, after) = (ballots(first, "rejected"), ballots(2 * first + 1, "full"));
    let script = format!("contest | vote {before} | appeal buyer | vote {after} | strike");
    play::play(&world::Setup { price, ..world::Setup::default() }, &script).packet()
}

fn main() -> ExitCode {
    let worlds: Vec<world::World> = (0..DISPUTES).map(|seed| walk::path(seed).0).collect();
    let mut within = rules(&worlds);
    let seven = appealed(Amount::from_avt(50), 3);
    within &= packet("a packet of 3 jurors and 7 after an appeal", &seven);
    let fifteen = appealed(Amount::from_avt(1_500), 7);
    within &= packet("a packet of 7 jurors and 15 after an appeal", &fifteen);
    if within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
