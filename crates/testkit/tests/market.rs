//! The market experiment, small: what must hold whatever the figures are.

use marketplace_testkit::experiment::{Options, run};

/// Rings that deal only with themselves pay fees and gain no point; the same seed gives the same
/// market. The real machines of orders and disputes run in it, and `run` checks that money is
/// conserved.
#[test]
fn isolated_rings_pay_for_nothing() {
    let options = Options { agents: 100, days: 25, ..Options::DEFAULT };
    let figures = run(&options);
    let (fees, points) = figures.isolated;
    assert!(fees > 0 && points <= 0, "{points} thousandths of a point for {fees} nano-AVT");
    assert!(figures.disputes > 0 && figures.orders > 200, "{figures:?}");
    let again = run(&options);
    assert_eq!(
        (again.lost, again.value, again.minutes),
        (figures.lost, figures.value, figures.minutes)
    );
}
