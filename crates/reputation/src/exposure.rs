//! How much of others' money may wait on one seller: what it would lose by running away.

use marketplace_money::Amount;

use crate::Standing;

/// Open to everybody, unless the operator says otherwise.
pub const EXPOSURE_BASE: Amount = Amount::from_avt(50);
/// For each token of fees that trusted buyers paid.
const FEES_COUNT: i64 = 5;

/// The most that a seller's open escrow may be: 50 AVT, its stake, and five times the fees that
/// trusted buyers paid for its work. An identity that cost nothing can run away with little.
#[must_use]
pub fn exposure_limit(standing: &Standing, stake: Amount) -> Amount {
    let limit = EXPOSURE_BASE.nano().saturating_add(backing(standing, stake).nano());
    Amount::from_nano(limit)
}

/// What there is beyond the base: its stake, and five times the fees that trusted buyers paid.
#[must_use]
pub fn backing(standing: &Standing, stake: Amount) -> Amount {
    let fees = standing.trusted_fees.nano().saturating_mul(FEES_COUNT);
    Amount::from_nano(stake.nano().max(0).saturating_add(fees))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        let check = |fees: &str, stake: &str, expect: &str| {
            let standing = Standing { trusted_fees: fees.parse().unwrap(), ..Standing::default() };
            let limit = exposure_limit(&standing, stake.parse().unwrap());
            assert_eq!(limit.to_string(), expect);
        };
        check("0", "0", "50");
        check("0", "250", "300");
        check("1.5", "10", "67.5");
        check("9223372036", "250", "9223372036.854775807");
    }
}
