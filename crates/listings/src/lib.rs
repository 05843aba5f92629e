//! The listing aggregate: what a provider offers, on which terms, and for how long.
//!
//! Pure: decisions take the listing, the command and the time, and return the next version or a
//! refusal.

mod lifecycle;
mod offer;
mod terms;

pub use lifecycle::{Listing, ListingRefusal, ListingStatus};
pub use offer::{Invalid, Offer, OfferEdit, ServiceType};
pub use terms::{AcceptancePolicy, Pricing, Terms};
