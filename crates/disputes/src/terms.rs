//! What a dispute costs and how long its steps take (DESIGN section 10).

use marketplace_listings::Invalid;
use marketplace_money::{Amount, BasisPoints, Seconds, Timestamp};

/// The economics that an operator may set; each dispute freezes what it was opened under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// D, before it doubles for a serial loser.
    pub bond: Amount,
    /// f.
    pub fee: Amount,
    /// A round without a ruling goes to the operators after this.
    pub ruling_time: Seconds,
}

impl Policy {
    /// 10 AVT, 1 AVT, 24 hours.
    pub const ORIGINAL: Self = Self {
        bond: Amount::from_avt(10),
        fee: Amount::from_avt(1),
        ruling_time: Seconds::from_hours(24),
    };
    /// The least that R is, unless D is less.
    pub const LEAST_COUNTER_BOND: Amount = Amount::from_avt(3);
    /// The largest D and f that the sums are made for.
    pub const HIGHEST_STAKE: Amount = Amount::from_avt(1_000_000);
    /// For each juror who revealed.
    pub const JUROR_PAY: Amount = Amount::from_nano(500_000_000);
    /// What an appeal costs beside the pay of the larger panel.
    pub const APPEAL_BASE: Amount = Amount::from_avt(10);
    /// The most that a default or a concession costs the loser beside its case.
    pub const HIGHEST_COMPENSATION: Amount = Amount::from_avt(1);
    /// Its share of the price below that.
    pub const COMPENSATION_SHARE: BasisPoints = BasisPoints::new(1_000);
    /// Orders below this price are decided faster.
    pub const SMALL_ORDER: Amount = Amount::from_avt(10);
    /// The operators have so long.
    pub const OPERATORS_TIME: Seconds = Seconds::from_hours(72);
    /// Nothing lives longer.
    pub const LIFE: Seconds = Seconds::from_hours(7 * 24);
    /// An offer of settlement stands so long.
    pub const OFFER_LIFE: Seconds = Seconds::from_hours(12);
    /// Appeals in all.
    pub const MOST_APPEALS: usize = 2;
    /// Of a panel.
    pub const MOST_JURORS: usize = 15;
    /// How far back losses count against a disputer, and dealings against a juror.
    pub const MEMORY: Seconds = Seconds::from_hours(90 * 24);
    /// Whoever sent an agent so much within [`Policy::MEMORY`] counts as one with it when a panel is
    /// drawn: a tenth of what a juror locks. With less anybody could join strangers, and so keep
    /// honest jurors from a panel, for nothing; the stake of a second identity is ten times as much.
    pub const MATERIAL_LINK: Amount = Amount::from_nano(JurorTerms::STAKE.nano() / 10);

    /// Checks the policy.
    ///
    /// # Errors
    /// The first setting that is out of range.
    pub fn validate(&self) -> Result<(), Invalid> {
        let within = |amount: Amount| !amount.is_negative() && amount <= Self::HIGHEST_STAKE;
        if !within(self.bond) {
            return Err(Invalid::new("dispute_bond", "must be from 0 to 1000000 AVT"));
        }
        if !within(self.fee) {
            return Err(Invalid::new("dispute_fee", "must be from 0 to 1000000 AVT"));
        }
        if self.ruling_time < Seconds::from_hours(1) || self.ruling_time > Self::OPERATORS_TIME {
            return Err(Invalid::new("dispute_timeout_hours", "must be from 1 to 72"));
        }
        Ok(())
    }

    /// What the parties of a dispute put up. `lost` counts the disputes that the disputer opened
    /// and lost in the last 90 days: from the second on its bond doubles, up to eight times.
    #[must_use]
    pub fn stakes(&self, price: Amount, objective: bool, lost: u32) -> Stakes {
        let doublings = lost.saturating_sub(1).min(3);
        let bond = if objective { 0 } else { self.bond.nano() << doublings };
        let counter_bond = self.bond.min(price.max(Self::LEAST_COUNTER_BOND));
        Stakes { bond: Amount::from_nano(bond), fee: self.fee, counter_bond }
    }

    /// What an appeal to a panel of `jurors` costs.
    #[must_use]
    pub fn appeal_bond(jurors: usize) -> Amount {
        let jurors = i64::try_from(jurors.min(Self::MOST_JURORS)).unwrap_or(0);
        Amount::from_nano(Self::APPEAL_BASE.nano() + Self::JUROR_PAY.nano() * jurors)
    }

    /// Of the first panel.
    #[must_use]
    pub fn panel_size(price: Amount) -> usize {
        match price {
            price if price < Amount::from_avt(100) => 3,
            price if price < Amount::from_avt(1_000) => 5,
            _ => 7,
        }
    }

    /// What a default or a concession costs the loser, if its balance covers it.
    #[must_use]
    pub fn compensation(price: Amount) -> Amount {
        let share = price.nano() / (10_000 / i64::from(Self::COMPENSATION_SHARE.get()));
        Self::HIGHEST_COMPENSATION.min(Amount::from_nano(share))
    }
}

/// What the parties put up at the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stakes {
    /// D, from the disputer; 0 for an objective claim.
    pub bond: Amount,
    /// f, from the disputer.
    pub fee: Amount,
    /// R, from a respondent that contests.
    pub counter_bond: Amount,
}

/// How long the steps take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// For the respondent.
    pub respond: Seconds,
    /// For the sealed votes.
    pub commit: Seconds,
    /// For opening them.
    pub reveal: Seconds,
    /// For an appeal.
    pub appeal: Seconds,
}

impl Windows {
    /// Of an order of this price.
    #[must_use]
    pub fn of(price: Amount) -> Self {
        if price < Policy::SMALL_ORDER {
            let hour = Seconds::from_hours(1);
            Self { respond: hour, commit: hour, reveal: Seconds(1_800), appeal: hour }
        } else {
            Self {
                respond: Seconds::from_hours(6),
                commit: Seconds::from_hours(6),
                reveal: Seconds::from_hours(3),
                appeal: Seconds::from_hours(3),
            }
        }
    }

    /// Of the second draw of a round.
    #[must_use]
    pub fn halved(self) -> Self {
        Self { commit: Seconds(self.commit.0 / 2), reveal: Seconds(self.reveal.0 / 2), ..self }
    }
}

/// What is asked of a juror.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JurorTerms;

impl JurorTerms {
    /// Locked for as long as it serves.
    pub const STAKE: Amount = Amount::from_avt(250);
    /// More stake than this adds no weight in a draw: nobody buys a panel with one identity.
    pub const HEAVIEST: Amount = Amount::from_avt(1_000);
    /// Locked for so long before the first seat.
    pub const SENIORITY: Seconds = Seconds::from_hours(7 * 24);
    /// Of the stake, bound by each seat.
    pub const SEAT_LOCK: Amount = Amount::from_avt(5);
    /// What a vote against the finding costs.
    pub const INCOHERENT: Amount = Amount::from_avt(1);
    /// What a vote that was never cast, or never opened, costs.
    pub const SILENT: Amount = Amount::from_avt(5);

    /// Whether somebody with this stake, locked since then and sitting on so many panels, may take
    /// another seat.
    #[must_use]
    pub fn may_sit(stake: Amount, since: Timestamp, seats: u32, now: Timestamp) -> bool {
        let bound = Self::SEAT_LOCK.nano().saturating_mul(i64::from(seats).saturating_add(1));
        stake >= Self::STAKE && stake.nano() >= bound && now >= since.plus(Self::SENIORITY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stakes() {
        let check = |price: &str, objective, lost, expect: [&str; 3]| {
            let stakes = Policy::ORIGINAL.stakes(price.parse().unwrap(), objective, lost);
            let got = [stakes.bond, stakes.fee, stakes.counter_bond].map(|a| a.to_string());
            assert_eq!(got, expect, "{price} {objective} {lost}");
        };
        check("0.5", false, 0, ["10", "1", "3"]);
        check("5", false, 1, ["10", "1", "5"]);
        check("5", false, 2, ["20", "1", "5"]);
        check("500", false, 3, ["40", "1", "10"]);
        check("500", false, 4, ["80", "1", "10"]);
        check("500", false, 1_000, ["80", "1", "10"]);
        check("500", true, 1_000, ["0", "1", "10"]);
    }

    #[test]
    fn prices() {
        let sizes = ["99.999999999", "100", "999.9", "1000"];
        let sizes = sizes.map(|price| Policy::panel_size(price.parse().unwrap()));
        assert_eq!(sizes, [3, 5, 5, 7]);
        assert_eq!(Policy::appeal_bond(7).to_string(), "13.5");
        assert_eq!(Policy::compensation("0.000000019".parse().unwrap()).nano(), 1);
        assert_eq!(Policy::compensation("4".parse().unwrap()).to_string(), "0.4");
        assert_eq!(Policy::compensation("400".parse().unwrap()).to_string(), "1");
    }
}
