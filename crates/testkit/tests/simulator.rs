//! A few hundred worlds: none breaks a promise, each is the same twice, and together they leave
//! nothing untried.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Mutex;

use marketplace_testkit::sim::{Options, run_many};

const SEEDS: u64 = 300;

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Everything that a few hundred seeds must have brought about.
const COVERED: &[&str] = &[
    "phase:AWAITING_FUNDS",
    "phase:AWAITING_START",
    "phase:IN_PROGRESS",
    "phase:DELIVERED",
    "phase:CHANGES_REQUESTED",
    "phase:ACCEPTED",
    "phase:AUTO_RELEASED",
    "phase:SETTLED",
    "phase:DECLINED",
    "phase:CANCELLED",
    "phase:NON_DELIVERY",
    "phase:UNPAID",
    "fate:Store:Unavailable",
    "fate:Store:LostBefore",
    "fate:Store:LostAfter",
    "fate:Teg:Refuse",
    "fate:Teg:Unavailable",
    "fate:Teg:LostBefore",
    "fate:Teg:LostAfter",
    "fate:Teg:LostLate",
    "fate:Teg:Duplicate",
    "fate:Web:Unavailable",
    "fate:Web:Refuse",
    "crash:Store:commit:before",
    "crash:Store:commit:after",
    "crash:Teg:pull:before",
    "crash:Teg:pull:after",
    "crash:Teg:transfer:before",
    "crash:Teg:transfer:after",
    "cancel",
    "clock-back",
    "downtime",
    "fee-change",
    "freeze",
    "late-arrival",
    "outage:store",
    "outage:teg",
    "paid-at-teg",
    "retry:same-body",
    "retry:other-body",
    "stall",
    "verb:accept-split:done",
    "verb:accept:done",
    "verb:accept:wrong_role",
    "verb:buy:done",
    "verb:buy:key_reused",
    "verb:buy:price_changed",
    "verb:buy:repeated",
    "verb:cancel:done",
    "verb:claim-non-delivery:done",
    "verb:collateral:done",
    "verb:complete:done",
    "verb:decline:done",
    "verb:delist:done",
    "verb:deliver:done",
    "verb:deliver:hash_mismatch",
    "verb:deposit:done",
    "verb:edit:done",
    "verb:list:done",
    "verb:list:insufficient_reputation",
    "verb:list:too_many_listings",
    "verb:offer-split:done",
    "verb:pause:done",
    "verb:renew:done",
    "verb:request-changes:done",
    "verb:resume:done",
    "verb:set-payout:done",
    "verb:start:done",
    "verb:transfer:done",
    "verb:use-nonce:done",
    "verb:use-nonce:token_replayed",
    "verb:withdraw:done",
    "disputes",
    "phase:DISPUTED",
    "phase:RULED",
    "phase:ABORTED",
    "verb:dispute:done",
    "verb:contest:done",
    "verb:concede:done",
    "verb:evidence:done",
    "verb:offer-settlement:done",
    "verb:accept-settlement:done",
    "verb:take-back:done",
    "verb:register-juror:done",
    "verb:commit-vote:done",
    "verb:reveal-vote:done",
    "verb:appeal:done",
];

#[test]
fn no_promise_is_broken_and_nothing_is_left_untried() {
    let sums = run_many(Options::seed(1), SEEDS, threads(), &|_| {});
    for report in &sums.failed {
        println!("{}", report.story());
    }
    assert!(sums.failed.is_empty(), "see the trace above");
    assert_eq!(sums.runs, SEEDS);
    let untried: Vec<_> = COVERED.iter().filter(|name| sums.coverage.of(name) == 0).collect();
    assert!(untried.is_empty(), "never happened in {SEEDS} seeds: {untried:?}");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let hashes = || {
        let hashes = Mutex::new(BTreeMap::new());
        let sums = run_many(Options::seed(5_000), 20, threads(), &|report| {
            let known = (report.hash, report.lines, report.commands);
            hashes.lock().unwrap().insert(report.options.seed, known);
        });
        assert!(sums.failed.is_empty(), "{}", sums.failed[0].story());
        hashes.into_inner().unwrap()
    };
    assert_eq!(hashes(), hashes());
}
