//! A listing's life: active, paused, expired, delisted.

use std::fmt;
use std::str::FromStr;

use marketplace_money::{Amount, Deadline, Did, Gaps, ListingId, Seconds, Timestamp};

use crate::terms::named;
use crate::{Invalid, Offer, OfferEdit};

/// Where a listing is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListingStatus {
    /// Found and bought.
    Active,
    /// Hidden by its provider for a while.
    Paused,
    /// Over its time; can be renewed.
    Expired,
    /// Gone for good.
    Delisted,
}

impl ListingStatus {
    /// All statuses, with their names on the wire.
    pub const NAMES: [(Self, &'static str); 4] = [
        (Self::Active, "active"),
        (Self::Paused, "paused"),
        (Self::Expired, "expired"),
        (Self::Delisted, "delisted"),
    ];
}

named!(ListingStatus, "status", "must be active, paused, expired or delisted");

/// Why a listing did not change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListingRefusal {
    /// Only its provider changes a listing.
    NotProvider,
    /// Not from this status.
    WrongStatus(ListingStatus),
    /// A field is not acceptable.
    Invalid(Invalid),
    /// Its time is not over.
    NotDue {
        /// When it will be.
        due: Timestamp,
    },
}

impl ListingRefusal {
    /// Stable, for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotProvider => "not_provider",
            Self::WrongStatus(_) => "wrong_status",
            Self::Invalid(_) => "invalid",
            Self::NotDue { .. } => "not_due",
        }
    }
}

impl fmt::Display for ListingRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotProvider => f.write_str("only the provider of a listing can change it"),
            Self::WrongStatus(status) => write!(f, "the listing is {status}"),
            Self::Invalid(invalid) => invalid.fmt(f),
            Self::NotDue { .. } => f.write_str("the listing has not reached its end"),
        }
    }
}

impl std::error::Error for ListingRefusal {}

impl From<Invalid> for ListingRefusal {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

/// A service for sale. `version` grows with every change; orders name the version they bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// For ever.
    pub id: ListingId,
    /// Who sells.
    pub provider: Did,
    /// From 1.
    pub version: u64,
    /// What is sold.
    pub offer: Offer,
    /// Where in its life.
    pub status: ListingStatus,
    /// When it was put up.
    pub created_at: Timestamp,
    /// The time of its present life; renewed by `renew`.
    pub life: Deadline,
    /// When the price last went up.
    pub price_raised_at: Option<Timestamp>,
}

impl Listing {
    /// Thirty days.
    pub const LIFE: Seconds = Seconds::from_hours(30 * 24);
    /// For so long after a price rise, a buyer must say which total it expects.
    pub const PRICE_RISE_NOTICE: Seconds = Seconds(600);

    /// A new listing.
    ///
    /// # Errors
    /// When the offer is invalid.
    pub fn create(
        id: ListingId,
        provider: Did,
        offer: Offer,
        now: Timestamp,
    ) -> Result<Self, ListingRefusal> {
        offer.validate()?;
        Ok(Self {
            id,
            provider,
            version: 1,
            offer,
            status: ListingStatus::Active,
            created_at: now,
            life: Deadline::after(now, Self::LIFE),
            price_raised_at: None,
        })
    }

    /// Whether it can be bought now. The timer that expires it may be late; the rule is not.
    #[must_use]
    pub fn is_active(&self, now: Timestamp, gaps: &Gaps) -> bool {
        self.status == ListingStatus::Active && !self.life.passed(now, gaps)
    }

    /// Whether it counts against the limit of listings: everything that is not gone.
    #[must_use]
    pub const fn counts(&self) -> bool {
        matches!(self.status, ListingStatus::Active | ListingStatus::Paused)
    }

    /// Whether the price rose so lately that a buyer may not have seen it.
    #[must_use]
    pub fn price_rose_lately(&self, now: Timestamp) -> bool {
        self.price_raised_at.is_some_and(|at| now < at.plus(Self::PRICE_RISE_NOTICE))
    }

    /// Changes what is offered, for orders from now on.
    ///
    /// # Errors
    /// When `by` is not the provider, the listing is gone, or the result is invalid.
    pub fn edit(&self, by: &Did, edit: OfferEdit, now: Timestamp) -> Result<Self, ListingRefusal> {
        self.require(by, &[ListingStatus::Active, ListingStatus::Paused])?;
        let offer = self.offer.edited(edit);
        offer.validate()?;
        // Reputation may raise a price by a fifth, so following it is a rise for who looked before.
        let follows = offer.terms.pricing != self.offer.terms.pricing;
        let raised = offer.price > self.offer.price || follows;
        let price_raised_at = if raised { Some(now) } else { self.price_raised_at };
        Ok(Self { offer, price_raised_at, ..self.next(self.status) })
    }

    /// Hides the listing from search and buyers.
    ///
    /// # Errors
    /// When `by` is not the provider or the listing is not active.
    pub fn pause(&self, by: &Did) -> Result<Self, ListingRefusal> {
        self.require(by, &[ListingStatus::Active])?;
        Ok(self.next(ListingStatus::Paused))
    }

    /// Shows a paused listing again.
    ///
    /// # Errors
    /// When `by` is not the provider, the listing is not paused, or its time is over.
    pub fn resume(&self, by: &Did, now: Timestamp, gaps: &Gaps) -> Result<Self, ListingRefusal> {
        self.require(by, &[ListingStatus::Paused])?;
        if self.life.passed(now, gaps) {
            return Err(ListingRefusal::WrongStatus(ListingStatus::Expired));
        }
        Ok(self.next(ListingStatus::Active))
    }

    /// Gives the listing another thirty days from now; brings an expired one back.
    ///
    /// # Errors
    /// When `by` is not the provider or the listing is delisted.
    pub fn renew(&self, by: &Did, now: Timestamp) -> Result<Self, ListingRefusal> {
        let from = [ListingStatus::Active, ListingStatus::Paused, ListingStatus::Expired];
        self.require(by, &from)?;
        let status = match self.status {
            ListingStatus::Paused => ListingStatus::Paused,
            _ => ListingStatus::Active,
        };
        Ok(Self { life: Deadline::after(now, Self::LIFE), ..self.next(status) })
    }

    /// Ends the listing for good. Orders already bought go on.
    ///
    /// # Errors
    /// When `by` is not the provider or the listing is delisted already.
    pub fn delist(&self, by: &Did) -> Result<Self, ListingRefusal> {
        let from = [ListingStatus::Active, ListingStatus::Paused, ListingStatus::Expired];
        self.require(by, &from)?;
        Ok(self.next(ListingStatus::Delisted))
    }

    /// Its time is over (the timer's command).
    ///
    /// # Errors
    /// When it is not, or the listing is not active or paused.
    pub fn expire(&self, now: Timestamp, gaps: &Gaps) -> Result<Self, ListingRefusal> {
        if !self.counts() {
            return Err(ListingRefusal::WrongStatus(self.status));
        }
        let due = self.life.effective(gaps);
        if now < due {
            return Err(ListingRefusal::NotDue { due });
        }
        Ok(self.next(ListingStatus::Expired))
    }

    /// The price that a buyer pays before fee and multiplier.
    #[must_use]
    pub const fn base_price(&self) -> Amount {
        self.offer.price
    }

    fn require(&self, by: &Did, from: &[ListingStatus]) -> Result<(), ListingRefusal> {
        if *by != self.provider {
            return Err(ListingRefusal::NotProvider);
        }
        if !from.contains(&self.status) {
            return Err(ListingRefusal::WrongStatus(self.status));
        }
        Ok(())
    }

    fn next(&self, status: ListingStatus) -> Self {
        Self { status, version: self.version + 1, ..self.clone() }
    }
}
