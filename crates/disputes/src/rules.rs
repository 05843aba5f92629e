//! Tier 1: pure rules over the log and the evidence of facts; the first that matches rules.
//!
//! The rules never guess quality: what none of them decides goes on to people.

use std::sync::OnceLock;

use marketplace_listings::AcceptancePolicy;
use marketplace_money::Timestamp;

use crate::digest::Canonical;
use crate::names::names;
use crate::{Basis, Category, Claim, Finding, OrderFacts, Remedy, Response, Ruling, Side};

/// The rules' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleName {
    /// The respondent gave in.
    Conceded,
    /// Nothing was delivered by due.
    NoDelivery,
    /// The respondent let the time pass.
    Silent,
    /// The bytes are not what was recorded.
    HashMismatch,
    /// The executable checks fail, or pass where they decide.
    Checks,
    /// The delivery came after the listed time, or not.
    Late,
    /// An exclusive deliverable was sold to another buyer as well.
    Duplicate,
}

names!(
    RuleName,
    "no rule has this name",
    [
        (Conceded, "conceded"),
        (NoDelivery, "no_delivery"),
        (Silent, "respondent_silent"),
        (HashMismatch, "hash_mismatch"),
        (Checks, "acceptance_checks"),
        (Late, "late_delivery"),
        (Duplicate, "duplicate_of_exclusive"),
    ]
);

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// Who wants something.
    pub disputer: Side,
    /// What it wants.
    pub claim: Claim,
    /// What the other side said.
    pub response: Response,
    /// What the log says.
    pub facts: &'a OrderFacts,
}

/// A rule: what it says in words, which facts it quotes, and the same as a function.
pub struct Rule {
    /// Its name.
    pub name: RuleName,
    /// What it says.
    pub text: &'static str,
    /// Which facts it looks at.
    pub looks_at: &'static [&'static str],
    /// Shown by our own log alone: no appeal could change it.
    pub is_final: bool,
    /// What it finds, if it matches.
    pub decide: fn(&Case<'_>) -> Option<Finding>,
}

/// Counts up with every change of what follows in this file.
pub const RULES_VERSION: u64 = 2;
/// Rule sets before this one that rule the same and say it in other words: what they ruled repeats.
/// Version 1 said of duplicates "to an earlier order", and was never told of any.
pub const SAME_RULES: &[[u8; 32]] = &[[
    0x22, 0x39, 0xff, 0x58, 0x1f, 0x73, 0x73, 0x90, 0x23, 0xcd, 0x5a, 0x15, 0x9a, 0xca, 0x2d, 0x88,
    0xbb, 0xb1, 0xaa, 0x4a, 0x64, 0x4e, 0xdc, 0xee, 0xd2, 0x3b, 0x8e, 0xb6, 0xa3, 0x03, 0x31, 0x21,
]];
/// What the rules find over all cases of a grid, hashed; a test holds the rules against it. It goes
/// into the rule set's hash, so that a changed function cannot keep an old name.
const BEHAVIOUR: &str = "ca10527432dfad649f746836e6fd7f1b079eb33ca0b00c40b683ddd52de87bda";

/// How much lateness takes from the price: up to so many percent of the listed time, so much.
pub const LATE_DISCOUNTS: &[(i64, Remedy)] =
    &[(25, Remedy::Quarter), (100, Remedy::Half), (i64::MAX, Remedy::ThreeQuarters)];

/// All rules, in the order in which they are asked.
pub const RULES: &[Rule] = &[
    Rule {
        name: RuleName::Conceded,
        text: "The respondent conceded: the disputer gets what it claimed.",
        looks_at: &[],
        is_final: true,
        decide: |case| (case.response == Response::Conceded).then_some(claimed(case)),
    },
    Rule {
        name: RuleName::NoDelivery,
        text: "Nothing was delivered and the delivery was due when the dispute was opened: the buyer is right.",
        looks_at: &["delivered", "due", "disputed_at"],
        is_final: true,
        decide: |case| {
            let missing = case.facts.delivery.is_none() && case.facts.disputed_at >= case.facts.due;
            missing.then_some(right(case, Side::Buyer))
        },
    },
    Rule {
        name: RuleName::Silent,
        text: "The respondent was silent: the disputer gets what it claimed, at most what the category allows by default.",
        looks_at: &[],
        is_final: false,
        decide: |case| {
            let most = Finding::Awarded(case.claim.category.most_by_default());
            (case.response == Response::Silent).then_some(claimed(case).min(most))
        },
    },
    Rule {
        name: RuleName::HashMismatch,
        text: "The delivered bytes do not hash to what was recorded: the buyer is right.",
        looks_at: &["recorded_sha256", "sha256_now"],
        is_final: false,
        decide: |case| {
            let delivery = case.facts.delivery.as_ref()?;
            let now = delivery.hashed_again?;
            (now != delivery.recorded).then_some(right(case, Side::Buyer))
        },
    },
    Rule {
        name: RuleName::Checks,
        text: "The order's executable checks were run again. They fail: the buyer is right. They pass and the order's acceptance policy is verified: the seller is right, unless the claim is about lateness or exclusiveness.",
        looks_at: &["acceptance", "checks_now"],
        is_final: false,
        decide: checks,
    },
    Rule {
        name: RuleName::Late,
        text: "The claim is about lateness. The first delivery came after due: the buyer gets a discount by the table, at most what it claimed. It came by due: the seller is right.",
        looks_at: &["promised_seconds", "due", "first_delivered_at"],
        is_final: false,
        decide: late,
    },
    Rule {
        name: RuleName::Duplicate,
        text: "The listing promised exclusiveness and the seller delivered the same bytes to another buyer as well: the buyer is right.",
        looks_at: &["exclusive", "also_delivered_to"],
        is_final: false,
        decide: |case| {
            let sold_twice = case.facts.exclusive
                && case.facts.delivery.is_some()
                && case.facts.also_delivered_to.is_some();
            sold_twice.then_some(right(case, Side::Buyer))
        },
    },
];

fn claimed(case: &Case<'_>) -> Finding {
    Finding::Awarded(case.claim.remedy)
}

/// What it means for the claim that this side is right.
fn right(case: &Case<'_>, side: Side) -> Finding {
    if case.disputer == side { claimed(case) } else { Finding::Rejected }
}

fn checks(case: &Case<'_>) -> Option<Finding> {
    let passed = case.facts.delivery.as_ref()?.checks?;
    let beside = matches!(case.claim.category, Category::Late | Category::Duplicate);
    match (passed, case.facts.acceptance) {
        (false, _) => Some(right(case, Side::Buyer)),
        (true, AcceptancePolicy::Verified) if !beside => Some(right(case, Side::Seller)),
        (true, _) => None,
    }
}

fn late(case: &Case<'_>) -> Option<Finding> {
    let delivery = case.facts.delivery.as_ref()?;
    if case.claim.category != Category::Late {
        return None;
    }
    let late_by = delivery.first_at.since(case.facts.due);
    if late_by <= 0 {
        return Some(Finding::Rejected);
    }
    let percent = |percent: i64| case.facts.promised.micros().saturating_mul(percent) / 100;
    let discount = LATE_DISCOUNTS.iter().find(|(limit, _)| late_by <= percent(*limit));
    discount.map(|(_, remedy)| case.claim.limit(Finding::Awarded(*remedy)))
}

/// Names this version of the rules, their words, their tables and what they do.
#[must_use]
pub fn rule_set_hash() -> [u8; 32] {
    static HASH: OnceLock<[u8; 32]> = OnceLock::new();
    *HASH.get_or_init(|| {
        let mut hash = Canonical::of("marketplace-rules").count(RULES_VERSION).text(BEHAVIOUR);
        for rule in RULES {
            hash = hash.text(rule.name.name()).text(rule.text).count(u64::from(rule.is_final));
        }
        for (percent, remedy) in LATE_DISCOUNTS {
            hash = hash.number(*percent).text(remedy.name());
        }
        for (category, name) in Category::NAMES {
            hash = hash.text(name).text(category.most_by_default().name());
        }
        hash.finish()
    })
}

/// The ruling of the first rule that matches, and the rule.
#[must_use]
pub fn apply_rules(case: &Case<'_>, at: Timestamp) -> Option<(Ruling, &'static Rule)> {
    let (rule, finding) =
        RULES.iter().find_map(|rule| (rule.decide)(case).map(|finding| (rule, finding)))?;
    let mut inputs = vec![
        ("disputer", case.disputer.to_string()),
        ("category", case.claim.category.to_string()),
        ("remedy", case.claim.remedy.to_string()),
        ("response", case.response.to_string()),
    ];
    let quoted = case.facts.lines().into_iter().filter(|(name, _)| rule.looks_at.contains(name));
    inputs.extend(quoted);
    let (rule_set, facts) = (rule_set_hash(), case.facts.hash());
    let basis = Basis::Rule { rule: rule.name, rule_set, facts, inputs };
    Some((Ruling { finding, basis, at }, rule))
}

/// A concession needs no facts: the first rule alone.
#[must_use]
pub(crate) fn conceded(finding: Finding, at: Timestamp) -> Ruling {
    let rule = RuleName::Conceded;
    let basis = Basis::Rule { rule, rule_set: rule_set_hash(), facts: [0; 32], inputs: Vec::new() };
    Ruling { finding, basis, at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DeliveryFacts;
    use crate::digest::hex;
    use marketplace_money::{OrderId, Seconds};

    fn grid() -> Vec<(Side, Claim, Response, OrderFacts)> {
        let start = Timestamp::from_micros(1_000_000_000);
        let at = |seconds: u32| start.plus(Seconds(seconds));
        let deliveries = [None, Some(900), Some(1_000), Some(1_001), Some(1_250), Some(1_251)]
            .into_iter()
            .chain([Some(2_000), Some(2_001), Some(9_000)]);
        let other = OrderId::new("00000000-0000-0000-0000-000000000009".parse().unwrap());
        let mut grid = Vec::new();
        for delivered in deliveries {
            for look in 0..54_usize {
                let delivery = delivered.map(|first_at| DeliveryFacts {
                    first_at: at(first_at),
                    recorded: [1; 32],
                    hashed_again: [None, Some([1; 32]), Some([2; 32])][look % 3],
                    checks: [None, Some(true), Some(false)][look / 3 % 3],
                });
                let facts = OrderFacts {
                    acceptance: AcceptancePolicy::NAMES[look / 9 % 3].0,
                    funded_at: start,
                    promised: Seconds(1_000),
                    due: at(1_000),
                    disputed_at: at([999, 1_000][look / 27]),
                    delivery,
                    exclusive: look % 2 == 1,
                    also_delivered_to: (look % 4 > 1).then_some(other),
                };
                for (category, _) in Category::NAMES {
                    for (number, (response, _)) in Response::NAMES.iter().enumerate() {
                        let remedy = Remedy::NAMES[(look + number) % 4].0;
                        for side in [Side::Buyer, Side::Seller] {
                            let claim = Claim { category: *category, remedy };
                            grid.push((side, claim, *response, facts.clone()));
                        }
                    }
                }
            }
        }
        grid
    }

    #[test]
    fn the_rules_behave_as_their_version_says() {
        let mut hash = Canonical::of("behaviour");
        let mut fired = vec![0; RULES.len()];
        for (disputer, claim, response, facts) in grid() {
            let case = Case { disputer, claim, response, facts: &facts };
            let ruled = apply_rules(&case, Timestamp::default());
            hash = match ruled {
                Some((ruling, rule)) => {
                    let at = RULES.iter().position(|known| known.name == rule.name).unwrap();
                    fired[at] += 1;
                    assert!(ruling.finding <= Finding::Awarded(claim.remedy));
                    hash.text(rule.name.name()).text(ruling.finding.name())
                }
                None => hash.text("none"),
            };
        }
        assert!(fired.iter().all(|count| *count > 0), "{fired:?}");
        let behaviour = hex(&hash.finish());
        assert_eq!(
            behaviour, BEHAVIOUR,
            "the rules decide differently: raise RULES_VERSION and write this into BEHAVIOUR"
        );
    }

    /// Packets name the rules by this: a new name goes here, the old one to `SAME_RULES` if nothing
    /// but words has changed.
    #[test]
    fn the_rules_have_the_name_that_packets_know() {
        assert_eq!(
            hex(&rule_set_hash()),
            "8edfe69e3050fcab6180b1d45462e1966af10cc951e90b67411179f97b9993bd"
        );
        assert_eq!(
            hex(&SAME_RULES[0]),
            "2239ff581f73739023cd5a159aca2d88bbb1aa4a644edceed23b8eb6a3033121"
        );
    }
}
