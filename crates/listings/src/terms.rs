//! The terms that an order freezes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use marketplace_money::Seconds;

use crate::Invalid;

/// Who says that a delivery is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AcceptancePolicy {
    /// The buyer, or the end of the review time.
    #[default]
    BuyerConfirms,
    /// The listing's executable checks; a delivery that fails them waits for the buyer.
    Verified,
    /// The delivery itself. Only a buyer can choose this, for its own order.
    AutoOnDelivery,
}

impl AcceptancePolicy {
    /// All policies, with their names on the wire.
    pub const NAMES: [(Self, &'static str); 3] = [
        (Self::BuyerConfirms, "buyer_confirms"),
        (Self::Verified, "verified"),
        (Self::AutoOnDelivery, "auto_on_delivery"),
    ];
}

/// Whether the provider's reputation moves the price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pricing {
    /// The price as listed.
    #[default]
    Fixed,
    /// The price times what reputation makes of it, 0.8 to 1.2.
    Reputation,
}

impl Pricing {
    /// All ways, with their names on the wire.
    pub const NAMES: [(Self, &'static str); 2] =
        [(Self::Fixed, "fixed"), (Self::Reputation, "reputation")];
}

macro_rules! named {
    ($type:ty, $field:literal, $hint:literal) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let found = Self::NAMES.iter().find(|(value, _)| value == self);
                f.write_str(found.map_or("", |(_, name)| name))
            }
        }

        impl FromStr for $type {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let found = Self::NAMES.iter().find(|(_, name)| *name == text);
                found.map(|(value, _)| *value).ok_or(Invalid::new($field, $hint))
            }
        }
    };
}
pub(crate) use named;

named!(
    AcceptancePolicy,
    "acceptance_policy",
    "must be buyer_confirms, verified or auto_on_delivery"
);
named!(Pricing, "pricing", "must be fixed or reputation");

/// What a listing promises and expects; an order keeps the terms that it was bought under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// From funding to delivery, at most [`Terms::LONGEST_DELIVERY`].
    pub delivery: Seconds,
    /// How often the buyer may ask for changes.
    pub revisions: u8,
    /// What holds unless the buyer chooses otherwise; never `AutoOnDelivery`.
    pub acceptance: AcceptancePolicy,
    /// The executable checks as JSON text; empty without checks. Parsed by the acceptance crate
    /// before it gets here.
    pub checks: Arc<str>,
    /// Whether reputation moves the price.
    pub pricing: Pricing,
    /// The provider promises each buyer that nobody else gets the same bytes.
    pub exclusive: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            delivery: Self::LONGEST_DELIVERY,
            revisions: 1,
            acceptance: AcceptancePolicy::BuyerConfirms,
            checks: "".into(),
            pricing: Pricing::Fixed,
            exclusive: false,
        }
    }
}

impl Terms {
    /// Orders live 24 h, and a buyer has at least the last hour to act on a missing delivery.
    pub const LONGEST_DELIVERY: Seconds = Seconds::from_hours(23);
    /// A shorter promise could not be kept over a network.
    pub const SHORTEST_DELIVERY: Seconds = Seconds(60);
    /// More rounds than this are a different contract.
    pub const MOST_REVISIONS: u8 = 10;
    /// Bytes of the checks' text.
    pub const LONGEST_CHECKS: usize = 64 * 1024;

    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        if self.delivery < Self::SHORTEST_DELIVERY || self.delivery > Self::LONGEST_DELIVERY {
            return Err(Invalid::new("terms.delivery_seconds", "must be from 60 to 82800 seconds"));
        }
        if self.revisions > Self::MOST_REVISIONS {
            return Err(Invalid::new("terms.revisions", "must be at most 10"));
        }
        if self.checks.len() > Self::LONGEST_CHECKS {
            return Err(Invalid::new("terms.checks", "must be at most 64 KiB"));
        }
        match self.acceptance {
            AcceptancePolicy::AutoOnDelivery => Err(Invalid::new(
                "terms.acceptance_policy",
                "must be buyer_confirms or verified: only a buyer can choose auto_on_delivery",
            )),
            AcceptancePolicy::Verified if self.checks.is_empty() => Err(Invalid::new(
                "terms.checks",
                "must name at least one check when the acceptance policy is verified",
            )),
            _ => Ok(()),
        }
    }
}
