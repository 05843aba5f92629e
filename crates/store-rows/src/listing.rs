//! Listings as rows.

use std::borrow::Cow;
use std::sync::Arc;

use diesel::prelude::*;
use marketplace_listings::{Listing, Offer, Terms};
use marketplace_money::{Amount, Deadline, Seconds, Timestamp};
use marketplace_ports::Page;
use serde::{Deserialize, Serialize};

use crate::text::{Reader, id_text, json};
use crate::{RowError, count, from_count};

/// A listing. What queries look at has a column; the rest is JSON.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = crate::tables::listings)]
pub struct ListingRow {
    /// A UUID.
    pub id: String,
    /// From 1.
    pub version: i64,
    /// A DID.
    pub provider: String,
    /// On the wire.
    pub status: String,
    /// In nano-AVT.
    pub price: i64,
    /// In microseconds.
    pub created_at: i64,
    /// JSON.
    pub data: String,
}

#[derive(Serialize, Deserialize)]
struct ListingText<'a> {
    #[serde(rename = "type", borrow)]
    service_type: Cow<'a, str>,
    name: Cow<'a, str>,
    description: Cow<'a, str>,
    metadata: Cow<'a, str>,
    delivery: u32,
    revisions: u8,
    acceptance: Cow<'a, str>,
    checks: Cow<'a, str>,
    pricing: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    exclusive: bool,
    /// From and due.
    life: (i64, i64),
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price_raised_at: Option<i64>,
}

impl ListingRow {
    /// The row of a listing.
    #[must_use]
    pub fn new(listing: &Listing) -> Self {
        let (offer, terms) = (&listing.offer, &listing.offer.terms);
        let data = ListingText {
            service_type: offer.service_type.to_string().into(),
            name: offer.name.as_str().into(),
            description: offer.description.as_str().into(),
            metadata: offer.metadata.as_str().into(),
            delivery: terms.delivery.0,
            revisions: terms.revisions,
            acceptance: terms.acceptance.to_string().into(),
            checks: terms.checks.as_ref().into(),
            pricing: terms.pricing.to_string().into(),
            exclusive: terms.exclusive,
            life: (listing.life.from.micros(), listing.life.due.micros()),
            price_raised_at: listing.price_raised_at.map(Timestamp::micros),
        };
        Self {
            id: id_text(listing.id.uuid()),
            version: count(listing.version),
            provider: listing.provider.as_str().to_owned(),
            status: listing.status.to_string(),
            price: offer.price.nano(),
            created_at: listing.created_at.micros(),
            data: json(&data),
        }
    }

    /// The listing of the row.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn listing(&self) -> Result<Listing, RowError> {
        let reader = Reader { table: "listings", id: &self.id };
        let data: ListingText<'_> = reader.json(&self.data)?;
        let (from, due) = data.life;
        let life =
            Deadline { from: Timestamp::from_micros(from), due: Timestamp::from_micros(due) };
        Ok(Listing {
            id: reader.text(&self.id)?,
            provider: reader.text(&self.provider)?,
            version: from_count(self.version),
            offer: Offer {
                service_type: reader.text(&data.service_type)?,
                name: data.name.into_owned(),
                description: data.description.into_owned(),
                price: Amount::from_nano(self.price),
                metadata: data.metadata.into_owned(),
                terms: Terms {
                    delivery: Seconds(data.delivery),
                    revisions: data.revisions,
                    acceptance: reader.text(&data.acceptance)?,
                    checks: data.checks.into(),
                    pricing: reader.text(&data.pricing)?,
                    exclusive: data.exclusive,
                },
            },
            status: reader.text(&self.status)?,
            created_at: Timestamp::from_micros(self.created_at),
            life,
            price_raised_at: data.price_raised_at.map(Timestamp::from_micros),
        })
    }
}

/// A page of these rows. One row more than the page has says where the next one begins.
///
/// # Errors
/// When a row is not what we write.
pub fn page_of_listings(
    rows: &[(i64, ListingRow)],
    limit: u32,
) -> Result<Page<Arc<Listing>>, RowError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = rows.get(limit).map(|(position, _)| from_count(*position));
    let items = rows.iter().take(limit).map(|(_, row)| row.listing().map(Arc::new));
    Ok(Page { items: items.collect::<Result<_, _>>()?, next })
}
