//! Walks random paths through the dispute machine, `cargo xtask verify disputes`: money conserved
//! at every step, nothing left at the end, every path ends, no clock of the order runs. Arguments:
//! how many paths (1,000,000), and the first seed (0).

use std::collections::BTreeMap;
use std::time::Instant;

#[path = "../tests/disputes/walk.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod walk;
#[path = "../tests/disputes/world.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod world;

fn argument(place: usize, default: u64) -> u64 {
    std::env::args().nth(place).and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[expect(clippy::disallowed_methods, reason = "a program may look at the clock")]
fn main() {
    let (paths, first) = (argument(1, 1_000_000), argument(2, 0));
    let start = Instant::now();
    let mut endings: BTreeMap<walk::Ending, u64> = BTreeMap::new();
    for seed in first..first.saturating_add(paths) {
        let (_, ending) = walk::path(seed);
        *endings.entry(ending).or_default() += 1;
    }
    println!("{paths} paths in {} s, money conserved on each:", start.elapsed().as_secs());
    for (ending, count) in endings {
        let walk::Ending { bonds, tier, rounds } = ending;
        println!("{count:>9}  {bonds}, last ruling by tier {tier}, {rounds} rounds");
    }
}
