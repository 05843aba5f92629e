//! Tier 1: for each rule a table of cases.

use marketplace_disputes::{
    Case, Category, Claim, DeliveryFacts, Finding, OrderFacts, Remedy, Response, RuleName, Side,
    apply_rules, rule_set_hash,
};
use marketplace_listings::AcceptancePolicy;
use marketplace_money::{OrderId, Seconds, Timestamp};

const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// A contested claim of the buyer about a delivery that came in time and was not looked at again.
struct Input {
    disputer: Side,
    category: Category,
    remedy: Remedy,
    response: Response,
    facts: OrderFacts,
}

fn input(category: Category) -> Input {
    let delivery = DeliveryFacts {
        first_at: START.plus(Seconds(1_000)),
        recorded: [1; 32],
        hashed_again: Some([1; 32]),
        checks: None,
    };
    let facts = OrderFacts {
        acceptance: AcceptancePolicy::BuyerConfirms,
        funded_at: START,
        promised: Seconds(1_000),
        due: START.plus(Seconds(1_000)),
        disputed_at: START.plus(Seconds(9_000)),
        delivery: Some(delivery),
        exclusive: false,
        also_delivered_to: None,
    };
    let (disputer, remedy, response) = (Side::Buyer, Remedy::Full, Response::Contested);
    Input { disputer, category, remedy, response, facts }
}

fn check(change: impl FnOnce(&mut Input), expect: Option<(RuleName, &str)>) {
    let mut input = input(Category::PoorQuality);
    change(&mut input);
    let claim = Claim { category: input.category, remedy: input.remedy };
    let Input { disputer, response, facts, .. } = &input;
    let case = Case { disputer: *disputer, claim, response: *response, facts };
    let ruled = apply_rules(&case, START);
    let got = ruled.map(|(ruling, rule)| (rule.name, ruling.finding.name()));
    assert_eq!(got, expect, "{case:?}");
}

fn delivery(input: &mut Input) -> &mut DeliveryFacts {
    input.facts.delivery.as_mut().unwrap()
}

#[test]
fn what_no_rule_decides_goes_on() {
    check(|_| {}, None);
    check(|input| input.category = Category::WrongContent, None);
    check(|input| delivery(input).hashed_again = None, None);
    check(|input| input.response = Response::ContestedUnbonded, None);
}

#[test]
fn conceded() {
    let rule = RuleName::Conceded;
    check(|input| input.response = Response::Conceded, Some((rule, "full")));
    let half = |input: &mut Input| {
        input.response = Response::Conceded;
        input.remedy = Remedy::Half;
        input.facts.delivery = None;
    };
    check(half, Some((rule, "half")));
}

#[test]
fn no_delivery() {
    let rule = RuleName::NoDelivery;
    check(|input| input.facts.delivery = None, Some((rule, "full")));
    let early = |input: &mut Input| {
        input.facts.delivery = None;
        input.facts.disputed_at = START.plus(Seconds(999));
    };
    check(early, None);
    let silent = |input: &mut Input| {
        input.facts.delivery = None;
        input.response = Response::Silent;
        input.category = Category::Other;
    };
    check(silent, Some((rule, "full")));
}

#[test]
fn silent() {
    let rule = RuleName::Silent;
    let most = |category: Category, expect: &'static str| {
        let silent = |input: &mut Input| {
            input.response = Response::Silent;
            input.category = category;
        };
        check(silent, Some((rule, expect)));
    };
    most(Category::PoorQuality, "full");
    most(Category::Late, "half");
    most(Category::Incomplete, "three_quarters");
    most(Category::Other, "three_quarters");
    let quarter = |input: &mut Input| {
        input.response = Response::Silent;
        input.remedy = Remedy::Quarter;
    };
    check(quarter, Some((rule, "quarter")));
}

#[test]
fn hash_mismatch() {
    let rule = RuleName::HashMismatch;
    check(|input| delivery(input).hashed_again = Some([2; 32]), Some((rule, "full")));
    let seller = |input: &mut Input| {
        delivery(input).hashed_again = Some([2; 32]);
        input.disputer = Side::Seller;
        input.category = Category::BuyerRefuses;
    };
    check(seller, Some((rule, "rejected")));
}

#[test]
fn checks() {
    let rule = RuleName::Checks;
    let run = |passed: bool, acceptance, disputer, category| {
        move |input: &mut Input| {
            delivery(input).checks = Some(passed);
            input.facts.acceptance = acceptance;
            input.disputer = disputer;
            input.category = category;
        }
    };
    let (confirms, verified) = (AcceptancePolicy::BuyerConfirms, AcceptancePolicy::Verified);
    let (quality, refuses) = (Category::PoorQuality, Category::BuyerRefuses);
    check(run(false, confirms, Side::Buyer, quality), Some((rule, "full")));
    check(run(false, verified, Side::Buyer, quality), Some((rule, "full")));
    check(run(false, verified, Side::Seller, refuses), Some((rule, "rejected")));
    check(run(true, verified, Side::Buyer, quality), Some((rule, "rejected")));
    check(run(true, verified, Side::Seller, refuses), Some((rule, "full")));
    // Passing checks do not prove quality where the buyer was to judge it.
    check(run(true, confirms, Side::Buyer, quality), None);
    let late = Some((RuleName::Late, "rejected"));
    check(run(true, verified, Side::Buyer, Category::Late), late);
    check(run(true, verified, Side::Buyer, Category::Duplicate), None);
}

#[test]
fn late() {
    let rule = RuleName::Late;
    let by = |seconds: u32, expect: &'static str| {
        let late = |input: &mut Input| {
            input.category = Category::Late;
            delivery(input).first_at = START.plus(Seconds(seconds));
        };
        check(late, Some((rule, expect)));
    };
    by(900, "rejected");
    by(1_000, "rejected");
    by(1_001, "quarter");
    by(1_250, "quarter");
    by(1_251, "half");
    by(2_000, "half");
    by(2_001, "three_quarters");
    by(80_000, "three_quarters");
    let little = |input: &mut Input| {
        input.category = Category::Late;
        input.remedy = Remedy::Quarter;
        delivery(input).first_at = START.plus(Seconds(5_000));
    };
    check(little, Some((rule, "quarter")));
    // A late delivery that is also bad is for people to judge.
    check(|input| delivery(input).first_at = START.plus(Seconds(5_000)), None);
}

#[test]
fn duplicate() {
    let earlier = OrderId::new("00000000-0000-0000-0000-000000000009".parse().unwrap());
    let sold = |exclusive: bool| {
        move |input: &mut Input| {
            input.facts.exclusive = exclusive;
            input.facts.also_delivered_to = Some(earlier);
            input.category = Category::Duplicate;
        }
    };
    check(sold(true), Some((RuleName::Duplicate, "full")));
    check(sold(false), None);
    let only = |input: &mut Input| {
        input.facts.exclusive = true;
        input.category = Category::Duplicate;
    };
    check(only, None);
}

#[test]
fn a_ruling_says_what_it_stands_on() {
    let mut input = input(Category::Late);
    delivery(&mut input).first_at = START.plus(Seconds(1_300));
    let claim = Claim { category: input.category, remedy: input.remedy };
    let Input { disputer, response, facts, .. } = &input;
    let case = Case { disputer: *disputer, claim, response: *response, facts };
    let (ruling, _) = apply_rules(&case, START).unwrap();
    let marketplace_disputes::Basis::Rule { rule, rule_set, facts: hash, inputs } = ruling.basis
    else {
        panic!("a rule ruled")
    };
    assert_eq!((rule, rule_set, hash), (RuleName::Late, rule_set_hash(), facts.hash()));
    let names: Vec<&str> = inputs.iter().map(|(name, _)| *name).collect();
    let expect = ["disputer", "category", "remedy", "response", "promised_seconds", "due"];
    assert_eq!(names, [&expect[..], &["first_delivered_at"]].concat());
    assert_eq!(ruling.finding, Finding::Awarded(Remedy::Half));
}
