//! What is offered: type, words, price, terms; and what makes an offer invalid.

use std::fmt;
use std::str::FromStr;

use marketplace_money::Amount;

use crate::Terms;
use crate::terms::named;

/// Why an input is not acceptable: which field, and what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The path of the field as the caller wrote it.
    pub field: &'static str,
    /// What it must be.
    pub problem: &'static str,
}

impl Invalid {
    /// `field` must be what `problem` says.
    #[must_use]
    pub const fn new(field: &'static str, problem: &'static str) -> Self {
        Self { field, problem }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.problem)
    }
}

impl std::error::Error for Invalid {}

/// The kinds of service that the agent card names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServiceType {
    /// `data-processing`
    DataProcessing,
    /// `computation`
    Computation,
    /// `storage`
    Storage,
    /// `analysis`
    Analysis,
    /// `custom`
    Custom,
}

impl ServiceType {
    /// All types, with their names on the wire.
    pub const NAMES: [(Self, &'static str); 5] = [
        (Self::DataProcessing, "data-processing"),
        (Self::Computation, "computation"),
        (Self::Storage, "storage"),
        (Self::Analysis, "analysis"),
        (Self::Custom, "custom"),
    ];
}

named!(ServiceType, "type", "must be data-processing, computation, storage, analysis or custom");

/// What a provider puts up for sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What kind of service.
    pub service_type: ServiceType,
    /// One line; untrusted text.
    pub name: String,
    /// Untrusted text.
    pub description: String,
    /// Without fee; above zero.
    pub price: Amount,
    /// A JSON object as text; its meaning is between provider and buyer.
    pub metadata: String,
    /// What is promised.
    pub terms: Terms,
}

/// What a provider changes in its listing; absent fields stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfferEdit {
    /// A new name.
    pub name: Option<String>,
    /// A new description.
    pub description: Option<String>,
    /// A new price.
    pub price: Option<Amount>,
    /// New metadata.
    pub metadata: Option<String>,
    /// New terms, for orders from now on.
    pub terms: Option<Terms>,
}

impl Offer {
    /// Characters of a name.
    pub const LONGEST_NAME: usize = 120;
    /// Characters of a description.
    pub const LONGEST_DESCRIPTION: usize = 4_000;
    /// Bytes of metadata.
    pub const LONGEST_METADATA: usize = 16 * 1024;
    /// A billion AVT: with every multiplier and fee the total still fits.
    pub const HIGHEST_PRICE: Amount = Amount::from_avt(1_000_000_000);

    /// Checks the offer, in the order of its fields.
    ///
    /// # Errors
    /// The first field that is not acceptable.
    pub fn validate(&self) -> Result<(), Invalid> {
        check_text("name", &self.name, Self::LONGEST_NAME)?;
        if self.name.trim().is_empty() {
            return Err(Invalid::new("name", "must not be empty"));
        }
        check_text("description", &self.description, Self::LONGEST_DESCRIPTION)?;
        if !self.price.is_positive() {
            return Err(Invalid::new("price", "must be above 0"));
        }
        if self.price > Self::HIGHEST_PRICE {
            return Err(Invalid::new("price", "must be at most 1000000000 AVT"));
        }
        if self.metadata.len() > Self::LONGEST_METADATA {
            return Err(Invalid::new("metadata", "must be at most 16 KiB of JSON"));
        }
        self.terms.validate()
    }

    /// The offer with the changes of `edit`.
    #[must_use]
    pub fn edited(&self, edit: OfferEdit) -> Self {
        Self {
            service_type: self.service_type,
            name: edit.name.unwrap_or_else(|| self.name.clone()),
            description: edit.description.unwrap_or_else(|| self.description.clone()),
            price: edit.price.unwrap_or(self.price),
            metadata: edit.metadata.unwrap_or_else(|| self.metadata.clone()),
            terms: edit.terms.unwrap_or_else(|| self.terms.clone()),
        }
    }
}

fn check_text(field: &'static str, text: &str, longest: usize) -> Result<(), Invalid> {
    if text.chars().nth(longest).is_some() {
        let problem = if longest == Offer::LONGEST_NAME {
            "must be at most 120 characters"
        } else {
            "must be at most 4000 characters"
        };
        return Err(Invalid::new(field, problem));
    }
    // Line breaks and tabs are text; other control characters only serve to deceive a reader.
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Invalid::new(field, "must not contain control characters"));
    }
    Ok(())
}
