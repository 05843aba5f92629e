//! Quotes: a price that is promised to one buyer for five minutes.

use std::fmt;

use marketplace_listings::Listing;
use marketplace_money::{Amount, Did, ListingId, Reputation, Seconds, Timestamp};

use crate::{FeeSchedule, Price};

/// A promise of price, fee and total to one buyer for one version of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// What it is for.
    pub listing: ListingId,
    /// The version that it is for: other terms need another quote.
    pub listing_version: u64,
    /// Who may use it.
    pub buyer: Did,
    /// What is promised.
    pub price: Price,
    /// Until when.
    pub valid_until: Timestamp,
}

/// Why a purchase cannot have the price that it expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuoteRefusal {
    /// The total is not, or may not be, what the buyer expects.
    PriceChanged {
        /// What it is now.
        total: Amount,
    },
    /// The quote is for another buyer or listing.
    NotYours,
    /// The quote's five minutes are over.
    Expired {
        /// What the total is now.
        total: Amount,
    },
    /// The price does not fit with multiplier and fee.
    OutOfRange,
}

impl QuoteRefusal {
    /// Stable, for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PriceChanged { .. } => "price_changed",
            Self::NotYours => "quote_not_yours",
            Self::Expired { .. } => "quote_expired",
            Self::OutOfRange => "price_out_of_range",
        }
    }
}

impl fmt::Display for QuoteRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PriceChanged { total } => {
                write!(
                    f,
                    "Price changed. The total is now {total} AVT, confirm it as expected_total"
                )
            }
            Self::NotYours => f.write_str("The quote is for another buyer or listing"),
            Self::Expired { total } => {
                write!(f, "The quote has expired. The total is now {total} AVT")
            }
            Self::OutOfRange => f.write_str("The price is out of range"),
        }
    }
}

impl std::error::Error for QuoteRefusal {}

impl Quote {
    /// Five minutes.
    pub const LIFE: Seconds = Seconds(300);

    /// Promises the price of now.
    ///
    /// # Errors
    /// When the price does not fit.
    pub fn make(
        fees: &FeeSchedule,
        listing: &Listing,
        buyer: Did,
        seller_reputation: Reputation,
        now: Timestamp,
    ) -> Result<Self, QuoteRefusal> {
        let pricing = listing.offer.terms.pricing;
        let price = fees.price(listing.base_price(), pricing, seller_reputation);
        Ok(Self {
            listing: listing.id,
            listing_version: listing.version,
            buyer,
            price: price.ok_or(QuoteRefusal::OutOfRange)?,
            valid_until: now.plus(Self::LIFE),
        })
    }

    /// The price of a purchase: the quoted one when a quote is shown, else the price of now if it
    /// is what the buyer expects. Who says neither is refused for ten minutes after a price rise.
    ///
    /// # Errors
    /// When the buyer would pay something else than it expects.
    pub fn settle(
        fees: &FeeSchedule,
        listing: &Listing,
        buyer: &Did,
        seller_reputation: Reputation,
        expects: &Expectation,
        now: Timestamp,
    ) -> Result<Price, QuoteRefusal> {
        let current = Self::make(fees, listing, buyer.clone(), seller_reputation, now)?;
        let total = current.price.total;
        match expects {
            Expectation::Quote(quote) => {
                if quote.buyer != *buyer || quote.listing != listing.id {
                    return Err(QuoteRefusal::NotYours);
                }
                if now >= quote.valid_until {
                    return Err(QuoteRefusal::Expired { total });
                }
                if quote.listing_version != listing.version {
                    return Err(QuoteRefusal::PriceChanged { total });
                }
                Ok(quote.price)
            }
            Expectation::Total(expected) if *expected != total => {
                Err(QuoteRefusal::PriceChanged { total })
            }
            Expectation::Nothing if listing.price_rose_lately(now) => {
                Err(QuoteRefusal::PriceChanged { total })
            }
            Expectation::Total(_) | Expectation::Nothing => Ok(current.price),
        }
    }
}

/// What a buyer says it expects to pay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expectation {
    /// Whatever it costs, unless the price rose lately.
    #[default]
    Nothing,
    /// Exactly this total.
    Total(Amount),
    /// What was promised.
    Quote(Quote),
}
