//! Walks random paths through the dispute machine, `cargo xtask verify disputes`: money conserved
//! at every step, nothing left at the end, every path ends, no clock of the order runs, and whoever
//! starts again from the log alone goes on from the same place. Fails too when anything that can
//! happen never did. Arguments: how many paths (1,000,000), and the first seed (0).

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

#[path = "../tests/disputes/walk.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod walk;
#[path = "../tests/disputes/world.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod world;

/// Of so many paths each must have happened.
const ENOUGH: u64 = 100_000;

fn argument(place: usize, default: u64) -> u64 {
    std::env::args().nth(place).and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[expect(clippy::disallowed_methods, reason = "a program may look at the clock")]
fn main() -> ExitCode {
    let (paths, first) = (argument(1, 1_000_000), argument(2, 0));
    let start = Instant::now();
    let mut endings: BTreeMap<walk::Ending, u64> = BTreeMap::new();
    let mut stations: BTreeMap<String, u64> = BTreeMap::new();
    for seed in first..first.saturating_add(paths) {
        let (world, ending) = walk::path(seed);
        *endings.entry(ending).or_default() += 1;
        for station in walk::stations(&world) {
            *stations.entry(station).or_default() += 1;
        }
    }
    println!("{paths} paths in {} s, money conserved on each:", start.elapsed().as_secs());
    for (ending, count) in endings {
        let walk::Ending { bonds, tier, rounds } = ending;
        println!("{count:>9}  {bonds}, last ruling by tier {tier}, {rounds} rounds");
    }
    println!("and what they came through:");
    for (station, count) in &stations {
        println!("{count:>9}  {station}");
    }
    let mut all = walk::all_stations();
    all.retain(|station| !stations.contains_key(station));
    if paths >= ENOUGH && !all.is_empty() {
        println!("never: {}", all.join(", "));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
