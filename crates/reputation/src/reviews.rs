//! Stars and words that the parties of an order give each other, blind: neither sees the other's
//! before its own is given, or before the time to give one is over. Nobody can answer a bad review
//! with a worse one.

use std::fmt;
use std::sync::Arc;

use marketplace_money::{OrderId, Seconds, Timestamp};

use crate::Side;

/// What a party says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// 1 to 5.
    pub stars: u8,
    /// Inert text; may be empty.
    pub text: Arc<str>,
    /// When.
    pub at: Timestamp,
}

impl Review {
    /// Characters of a text.
    pub const LONGEST_TEXT: usize = 2_000;
}

/// The reviews of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reviews {
    /// Of which order.
    pub order: OrderId,
    /// When it ended.
    pub closed_at: Timestamp,
    /// What the buyer says of the seller.
    pub by_buyer: Option<Review>,
    /// What the seller says of the buyer.
    pub by_seller: Option<Review>,
}

/// Why a review was not taken, in the order in which it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewRefusal {
    /// The seven days are over: both are open now.
    TooLate,
    /// This party has given its review.
    AlreadyGiven,
    /// Not 1 to 5.
    Stars,
    /// Too long, or with control characters.
    Text,
}

impl ReviewRefusal {
    /// Stable, for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLate => "review_too_late",
            Self::AlreadyGiven => "review_already_given",
            Self::Stars | Self::Text => "invalid",
        }
    }
}

impl fmt::Display for ReviewRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLate => "Reviews are taken for seven days after the end of an order",
            Self::AlreadyGiven => "You have reviewed this order",
            Self::Stars => "stars must be from 1 to 5",
            Self::Text => "text must be at most 2000 characters without control characters",
        })
    }
}

impl std::error::Error for ReviewRefusal {}

impl Reviews {
    /// So long each party may give one, and so long at most it is hidden.
    pub const WINDOW: Seconds = Seconds::from_hours(7 * 24);

    /// Of an order that ended at this time.
    #[must_use]
    pub const fn of(order: OrderId, closed_at: Timestamp) -> Self {
        Self { order, closed_at, by_buyer: None, by_seller: None }
    }

    /// Whether everybody may see what was given.
    #[must_use]
    pub fn are_open(&self, now: Timestamp) -> bool {
        let both = self.by_buyer.is_some() && self.by_seller.is_some();
        both || now >= self.closed_at.plus(Self::WINDOW)
    }

    /// A party's review as `viewer` may see it: its own always, another's when both are open.
    #[must_use]
    pub fn seen_by(&self, viewer: Option<Side>, of: Side, now: Timestamp) -> Option<&Review> {
        let review = match of {
            Side::Buyer => self.by_buyer.as_ref(),
            Side::Seller => self.by_seller.as_ref(),
        };
        review.filter(|_| viewer == Some(of) || self.are_open(now))
    }

    /// With a party's review.
    ///
    /// # Errors
    /// When the time is over, it has given one, or it is not acceptable.
    pub fn give(
        &self,
        by: Side,
        stars: u8,
        text: &Arc<str>,
        now: Timestamp,
    ) -> Result<Self, ReviewRefusal> {
        if now >= self.closed_at.plus(Self::WINDOW) {
            return Err(ReviewRefusal::TooLate);
        }
        let mut next = self.clone();
        let place = match by {
            Side::Buyer => &mut next.by_buyer,
            Side::Seller => &mut next.by_seller,
        };
        if place.is_some() {
            return Err(ReviewRefusal::AlreadyGiven);
        }
        if !(1..=5).contains(&stars) {
            return Err(ReviewRefusal::Stars);
        }
        let too_long = text.chars().nth(Review::LONGEST_TEXT).is_some();
        if too_long || text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(ReviewRefusal::Text);
        }
        *place = Some(Review { stars, text: text.clone(), at: now });
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: u32) -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000).plus(Seconds::from_hours(hours))
    }

    fn empty() -> Reviews {
        Reviews::of(OrderId::new("00000000-0000-0000-0000-000000000001".parse().unwrap()), at(0))
    }

    #[test]
    fn nobody_sees_the_others_before_its_own() {
        let one = empty().give(Side::Buyer, 1, &"bad".into(), at(1)).unwrap();
        let sees = |reviews: &Reviews, viewer, hours| {
            reviews.seen_by(viewer, Side::Buyer, at(hours)).is_some()
        };
        assert!(sees(&one, Some(Side::Buyer), 1));
        assert!(!sees(&one, Some(Side::Seller), 1));
        assert!(!sees(&one, None, 167));
        assert!(sees(&one, None, 168));
        let both = one.give(Side::Seller, 5, &"".into(), at(2)).unwrap();
        assert!(sees(&both, Some(Side::Seller), 2) && sees(&both, None, 2));
    }

    #[test]
    fn refusals() {
        let one = empty().give(Side::Buyer, 1, &"bad".into(), at(1)).unwrap();
        let refused =
            |stars, text: &str, by, hours| one.give(by, stars, &text.into(), at(hours)).err();
        assert_eq!(refused(9, "\u{1}", Side::Buyer, 168), Some(ReviewRefusal::TooLate));
        assert_eq!(refused(9, "\u{1}", Side::Buyer, 167), Some(ReviewRefusal::AlreadyGiven));
        assert_eq!(refused(9, "\u{1}", Side::Seller, 1), Some(ReviewRefusal::Stars));
        assert_eq!(refused(0, "", Side::Seller, 1), Some(ReviewRefusal::Stars));
        assert_eq!(refused(5, "\u{1}", Side::Seller, 1), Some(ReviewRefusal::Text));
        assert_eq!(refused(5, "good\nvery", Side::Seller, 1), None);
    }
}
