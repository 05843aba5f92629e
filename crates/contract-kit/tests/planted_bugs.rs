//! Proves the suites: with each planted bug the named case fails, and without one all cases pass.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use marketplace_contract_kit::planted::{
    BuggyTegUnderTest, BuggyUnderTest, PlantedBug, PlantedTegBug,
};
use marketplace_contract_kit::store_suite::{self, MemoryUnderTest};
use marketplace_contract_kit::teg_suite::{self, FakeUnderTest};
use marketplace_money::Amount;

thread_local! {
    static PANICS_ARE_EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Whether `case` panics. Hundreds of expected panics with their backtraces would bury the one
/// that nobody expected.
fn fails(case: impl FnOnce()) -> bool {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !PANICS_ARE_EXPECTED.get() {
                loud(panic);
            }
        }));
    });
    PANICS_ARE_EXPECTED.set(true);
    let result = catch_unwind(AssertUnwindSafe(case));
    PANICS_ARE_EXPECTED.set(false);
    result.is_err()
}

fn run_store_case(case: &str, bug: Option<PlantedBug>) {
    let fresh = async || BuggyUnderTest::new(MemoryUnderTest::default(), bug);
    store_suite::run_case(case, fresh);
}

fn run_teg_case(case: &str, bug: Option<PlantedTegBug>) {
    let fee = Amount::from_nano(250_000_001);
    let fresh = async || BuggyTegUnderTest::new(FakeUnderTest::new(fee), bug);
    teg_suite::run_case(case, fresh);
}

/// The named case fails; and not so many others that the bug would be no bug but a wreck, of
/// which any case would tell.
#[test]
fn every_bug_of_a_store_is_caught_by_its_case() {
    for (bug, expect) in PlantedBug::ALL {
        let names = store_suite::CASES.iter().map(|case| case.name);
        let caught: Vec<&str> =
            names.filter(|name| fails(|| run_store_case(name, Some(*bug)))).collect();
        assert!(caught.contains(expect), "{bug:?}: {expect} passes, {caught:?} fail");
        assert!(caught.len() < store_suite::CASES.len() / 4, "{bug:?}: {caught:?} fail");
    }
}

#[test]
fn every_bug_of_a_teg_is_caught_by_its_case() {
    for (bug, expect) in PlantedTegBug::ALL {
        let names = teg_suite::CASES.iter().map(|case| case.name);
        let caught: Vec<&str> =
            names.filter(|name| fails(|| run_teg_case(name, Some(*bug)))).collect();
        assert!(caught.contains(expect), "{bug:?}: {expect} passes, {caught:?} fail");
        assert!(caught.len() < teg_suite::CASES.len(), "{bug:?}: {caught:?} fail");
    }
}

#[test]
fn without_a_bug_every_case_passes() {
    for case in store_suite::CASES {
        run_store_case(case.name, None);
    }
    for case in teg_suite::CASES {
        run_teg_case(case.name, None);
    }
}

/// `run_case` finds the first of its name: a second one would never run.
#[test]
fn names_are_unique() {
    let check = |mut names: Vec<&str>, least: usize| {
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(count >= least, "only {count} cases");
    };
    check(store_suite::CASES.iter().map(|case| case.name).collect(), 70);
    check(teg_suite::CASES.iter().map(|case| case.name).collect(), 16);
}
