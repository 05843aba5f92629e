//! What can be claimed and what can be found: one scale for rules, jurors and operators.

use std::fmt;
use std::str::FromStr;

use marketplace_money::Amount;

use crate::Side;
use crate::names::names;

/// A part of the price, in quarters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Remedy {
    /// One quarter.
    Quarter,
    /// Two quarters.
    Half,
    /// Three quarters.
    ThreeQuarters,
    /// All of it.
    Full,
}

names!(
    Remedy,
    "must be quarter, half, three_quarters or full",
    [(Quarter, "quarter"), (Half, "half"), (ThreeQuarters, "three_quarters"), (Full, "full"),]
);

impl Remedy {
    /// In quarters, 1 to 4.
    #[must_use]
    pub const fn quarters(self) -> i64 {
        match self {
            Self::Quarter => 1,
            Self::Half => 2,
            Self::ThreeQuarters => 3,
            Self::Full => 4,
        }
    }

    /// What the seller gets of `price` when `disputer` is awarded this much of it. The seller's
    /// part is rounded down and the buyer gets the exact rest: the only place where an award is
    /// rounded.
    #[must_use]
    pub fn seller_part(self, disputer: Side, price: Amount) -> Amount {
        let quarters = match disputer {
            Side::Buyer => 4 - self.quarters(),
            Side::Seller => self.quarters(),
        };
        // A quarter first, so that nothing overflows; what that loses is at most three units.
        let (whole, rest) = (price.nano() / 4, price.nano() % 4);
        Amount::from_nano(whole * quarters + rest * quarters / 4)
    }
}

/// What was found, from the disputer's worst to its best. Also what a juror votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Finding {
    /// The claim is wrong.
    Rejected,
    /// Neither side is shown to be right; the claim was made in good faith.
    Unproven,
    /// The disputer gets this much of the price.
    Awarded(Remedy),
}

impl Finding {
    /// The whole scale, with names.
    pub const NAMES: [(Self, &'static str); 6] = [
        (Self::Rejected, "rejected"),
        (Self::Unproven, "unproven"),
        (Self::Awarded(Remedy::Quarter), "quarter"),
        (Self::Awarded(Remedy::Half), "half"),
        (Self::Awarded(Remedy::ThreeQuarters), "three_quarters"),
        (Self::Awarded(Remedy::Full), "full"),
    ];

    /// The award in quarters, 0 to 4.
    #[must_use]
    pub const fn quarters(self) -> i64 {
        match self {
            Self::Rejected | Self::Unproven => 0,
            Self::Awarded(remedy) => remedy.quarters(),
        }
    }

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(finding, _)| *finding == self).map_or("", |(_, name)| name)
    }

    /// Votes within a quarter of each other agree: honest eyes differ by as much.
    #[must_use]
    pub const fn agrees_with(self, other: Self) -> bool {
        (self.quarters() - other.quarters()).abs() <= 1
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Finding {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let found = Self::NAMES.iter().find(|(_, name)| *name == text);
        found
            .map(|(finding, _)| *finding)
            .ok_or("must be rejected, unproven, quarter, half, three_quarters or full")
    }
}

/// What is wrong, as the disputer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// Nothing came, and the delivery is due. Objective: our log shows it.
    NonDelivery,
    /// What came is not what was announced, or is another thing.
    WrongContent,
    /// The listing's checks fail.
    FailedChecks,
    /// It is there, and it is bad.
    PoorQuality,
    /// A part is missing.
    Incomplete,
    /// It came after the listed time.
    Late,
    /// It was promised to one buyer only and sold to others.
    Duplicate,
    /// The buyer refuses work that is as agreed.
    BuyerRefuses,
    /// Something else.
    Other,
}

names!(
    Category,
    "must be non_delivery, wrong_content, failed_checks, poor_quality, incomplete, late, duplicate, buyer_refuses or other",
    [
        (NonDelivery, "non_delivery"),
        (WrongContent, "wrong_content"),
        (FailedChecks, "failed_checks"),
        (PoorQuality, "poor_quality"),
        (Incomplete, "incomplete"),
        (Late, "late"),
        (Duplicate, "duplicate"),
        (BuyerRefuses, "buyer_refuses"),
        (Other, "other"),
    ]
);

impl Category {
    /// Whether this side can have such a claim.
    #[must_use]
    pub const fn open_to(self, side: Side) -> bool {
        match self {
            Self::BuyerRefuses => matches!(side, Side::Seller),
            Self::Other => true,
            _ => matches!(side, Side::Buyer),
        }
    }

    /// What silence can cost the other side: who came late still delivered something.
    #[must_use]
    pub const fn most_by_default(self) -> Remedy {
        match self {
            Self::Late => Remedy::Half,
            Self::Incomplete | Self::Other => Remedy::ThreeQuarters,
            _ => Remedy::Full,
        }
    }

    /// Shown by our own log: needs no bond, and tier 1 always decides it.
    #[must_use]
    pub const fn is_objective(self) -> bool {
        matches!(self, Self::NonDelivery)
    }
}

/// What the disputer wants, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// What is wrong.
    pub category: Category,
    /// What would make it right: so much of the price.
    pub remedy: Remedy,
}

impl Claim {
    /// No ruling gives more than was asked for.
    #[must_use]
    pub fn limit(&self, finding: Finding) -> Finding {
        finding.min(Finding::Awarded(self.remedy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn awards_round_in_one_place() {
        let check = |disputer, remedy: Remedy, price, expect| {
            let part = remedy.seller_part(disputer, Amount::from_nano(price)).nano();
            assert_eq!(part, expect, "{disputer} {remedy} of {price}");
        };
        check(Side::Buyer, Remedy::Full, 7, 0);
        check(Side::Buyer, Remedy::Quarter, 7, 5);
        check(Side::Buyer, Remedy::Half, 7, 3);
        check(Side::Buyer, Remedy::ThreeQuarters, 7, 1);
        check(Side::Seller, Remedy::Full, 7, 7);
        check(Side::Seller, Remedy::Half, 7, 3);
        check(Side::Seller, Remedy::Full, i64::MAX, i64::MAX);
        check(Side::Seller, Remedy::ThreeQuarters, i64::MAX, 6_917_529_027_641_081_855);
    }

    #[test]
    fn the_scale_runs_from_worst_to_best() {
        assert!(Finding::NAMES.is_sorted_by_key(|(finding, _)| *finding));
        for (finding, name) in Finding::NAMES {
            assert_eq!(name.parse(), Ok(finding));
        }
    }
}
