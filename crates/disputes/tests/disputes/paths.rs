//! Random paths: `examples/walks.rs` walks a million of them.

use std::collections::{BTreeMap, BTreeSet};

use marketplace_disputes::{BondOutcome, Phase, TRANSITIONS, diagram, money_table};
use marketplace_money::Seconds;
use proptest::prelude::*;

use crate::walk::{all_stations, path, stations};
use crate::world::World;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn every_path_ends_and_conserves_money(seed in any::<u64>()) {
        let (world, _) = path(seed);
        prop_assert!(world.dispute.phase().is_terminal());
    }
}

#[test]
fn random_paths_reach_every_end() {
    let mut endings: BTreeMap<String, usize> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for seed in 0..3_000 {
        let (world, ending) = path(seed);
        seen.extend(stations(&world));
        *endings.entry(format!("{} by tier {}", ending.bonds, ending.tier)).or_default() += 1;
        *endings.entry(format!("{} rounds", ending.rounds)).or_default() += 1;
    }
    for (bonds, name) in BondOutcome::NAMES {
        let seen = endings.keys().any(|key| key.starts_with(name));
        assert!(seen, "{bonds:?} never happened: {endings:?}");
    }
    let missing: Vec<_> = all_stations().into_iter().filter(|name| !seen.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?} never happened");
    for key in ["1 rounds", "2 rounds", "3 rounds", "upheld by tier 2", "upheld by tier 3"] {
        assert!(endings.contains_key(key), "{key} never happened: {endings:?}");
    }
}

/// Whoever opens a dispute and is never heard of again: our clocks alone bring it to an end.
#[test]
fn silence_of_everybody_ends() {
    let mut world = World::open(&crate::world::Setup::default());
    let mut steps = 0;
    while world.dispute.next_timer().is_some() {
        world.strike();
        steps += 1;
    }
    assert_eq!(world.dispute.phase(), Phase::Final);
    assert_eq!(steps, 3, "respond, rules, appeal");
    let hours = Seconds::from_hours(9).micros();
    assert_eq!(world.now.since(world.opened.opened_at), hours);
}

#[test]
fn tables_are_printed_whole() {
    let (diagram, table) = (diagram(), money_table());
    for row in TRANSITIONS {
        assert!(diagram.contains(&format!("{} ({})", row.verb, row.actor)), "{row:?}");
        assert!(!row.guard.is_empty());
    }
    for (_, name) in BondOutcome::NAMES {
        assert!(table.contains(&format!("| {name} |")), "{name}");
    }
}
