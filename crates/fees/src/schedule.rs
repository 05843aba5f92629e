//! Fees and the parts of a price.

use marketplace_listings::{Invalid, Pricing};
use marketplace_money::{Amount, BasisPoints, Multiplier, Reputation};

/// What the marketplace charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeSchedule {
    /// For putting up a listing.
    pub listing: Amount,
    /// On top of the price, paid by the buyer.
    pub transaction: BasisPoints,
    /// For opening a dispute.
    pub dispute: Amount,
}

impl FeeSchedule {
    /// The original's fees: 0.1 AVT, 2.5 %, 1 AVT.
    pub const ORIGINAL: Self = Self {
        listing: Amount::from_nano(100_000_000),
        transaction: BasisPoints::new(250),
        dispute: Amount::from_avt(1),
    };
    /// No operator can take more than 5 %.
    pub const HIGHEST_TRANSACTION_FEE: BasisPoints = BasisPoints::new(500);

    /// Checks the schedule.
    ///
    /// # Errors
    /// When a fee is negative, or the transaction fee above 5 %.
    pub fn validate(&self) -> Result<(), Invalid> {
        if self.listing.is_negative() {
            return Err(Invalid::new("listing_fee", "must not be negative"));
        }
        if self.dispute.is_negative() {
            return Err(Invalid::new("dispute_fee", "must not be negative"));
        }
        if self.transaction > Self::HIGHEST_TRANSACTION_FEE {
            return Err(Invalid::new("transaction_fee_percent", "must be at most 5"));
        }
        Ok(())
    }

    /// What a buyer pays for a listing of this base price now. Nothing when it does not fit.
    #[must_use]
    pub fn price(
        &self,
        base: Amount,
        pricing: Pricing,
        seller_reputation: Reputation,
    ) -> Option<Price> {
        let multiplier = match pricing {
            Pricing::Fixed => Multiplier::ONE,
            Pricing::Reputation => Multiplier::from_reputation(seller_reputation),
        };
        let price = multiplier.of(base)?;
        let fee = self.transaction.of(price)?;
        let total = price.checked_add(fee)?;
        Some(Price { base, multiplier, price, fee, total })
    }
}

/// The parts of a price, frozen in the order: `price = base × multiplier`, `total = price + fee`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// As listed.
    pub base: Amount,
    /// What reputation made of it.
    pub multiplier: Multiplier,
    /// What the seller gets on release.
    pub price: Amount,
    /// What the marketplace gets on release.
    pub fee: Amount,
    /// What the buyer pays.
    pub total: Amount,
}

/// Who gets what of an order's total. The three sum to the total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// To the seller.
    pub seller: Amount,
    /// Back to the buyer.
    pub buyer: Amount,
    /// To the marketplace.
    pub fee: Amount,
}

impl Price {
    /// The shares when the seller gets `seller` of the price: the marketplace gets the same part
    /// of its fee, rounded down, and the buyer the exact rest (DESIGN section 3).
    ///
    /// Nothing when `seller` is not between 0 and the price.
    #[must_use]
    pub fn split(&self, seller: Amount) -> Option<Shares> {
        if seller.is_negative() || seller > self.price {
            return None;
        }
        let fee = if self.price.is_zero() {
            Amount::ZERO
        } else {
            let exact = i128::from(self.fee.nano()) * i128::from(seller.nano());
            Amount::from_nano(i64::try_from(exact / i128::from(self.price.nano())).ok()?)
        };
        let buyer = self.total.checked_sub(seller)?.checked_sub(fee)?;
        Some(Shares { seller, buyer, fee })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_originals_figures() {
        let fees = FeeSchedule::ORIGINAL;
        let price =
            fees.price(Amount::from_avt(5), Pricing::Fixed, Reputation::from_raw(100, 1)).unwrap();
        assert_eq!(price.total.to_string(), "5.125");
        assert_eq!(price.fee.to_string(), "0.125");
        let price = fees
            .price(Amount::from_avt(5), Pricing::Reputation, Reputation::from_raw(-100, 1))
            .unwrap();
        assert_eq!(price.price.to_string(), "4");
        assert_eq!(price.total.to_string(), "4.1");
    }

    #[test]
    fn fees_are_capped() {
        let fees = FeeSchedule { transaction: BasisPoints::new(501), ..FeeSchedule::ORIGINAL };
        assert!(fees.validate().is_err());
        assert!(FeeSchedule::ORIGINAL.validate().is_ok());
    }

    proptest! {
        #[test]
        fn a_split_conserves_the_total(
            base in 1i64..1_000_000_000_000_000_000, points in -100i64..=100, per_mille in 0i64..=1000,
            bps in 0u32..=500,
        ) {
            let fees = FeeSchedule { transaction: BasisPoints::new(bps), ..FeeSchedule::ORIGINAL };
            let reputation = Reputation::from_raw(points, 1);
            let price = fees.price(Amount::from_nano(base), Pricing::Reputation, reputation).unwrap();
            let nano = i128::from(price.price.nano()) * i128::from(per_mille) / 1000;
            let seller = Amount::from_nano(i64::try_from(nano).unwrap());
            let shares = price.split(seller).unwrap();
            let sum = Amount::checked_sum([shares.seller, shares.buyer, shares.fee]).unwrap();
            prop_assert_eq!(sum, price.total);
            prop_assert!(!shares.buyer.is_negative() && !shares.fee.is_negative());
            prop_assert!(shares.fee <= price.fee);
            prop_assert_eq!(price.split(price.price).unwrap().fee, price.fee);
            prop_assert_eq!(price.split(Amount::ZERO).unwrap().buyer, price.total);
            prop_assert_eq!(price.split(price.price.checked_add(Amount::from_nano(1)).unwrap()), None);
        }
    }
}
