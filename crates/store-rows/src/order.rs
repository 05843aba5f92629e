//! Orders as rows.

use std::borrow::Cow;
use std::sync::Arc;

use diesel::prelude::*;
use marketplace_escrow::{Order, OrderTerms};
use marketplace_fees::Price;
use marketplace_money::{Amount, Multiplier, Seconds, Timestamp};
use serde::{Deserialize, Serialize};

use crate::text::{Reader, id_text, json};
use crate::{RowError, count, from_count, order_state};

/// An order. What queries look at has a column; the rest is JSON.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = crate::tables::orders)]
pub struct OrderRow {
    /// A UUID.
    pub id: String,
    /// From 1.
    pub version: i64,
    /// A DID.
    pub buyer: String,
    /// A DID.
    pub seller: String,
    /// A UUID.
    pub listing: String,
    /// On the wire.
    pub status: Cow<'static, str>,
    /// On the wire.
    pub phase: Cow<'static, str>,
    /// In nano-AVT.
    pub price: i64,
    /// In nano-AVT.
    pub fee: i64,
    /// In nano-AVT.
    pub total: i64,
    /// What its account holds now, in nano-AVT.
    pub escrow: i64,
    /// In microseconds.
    pub created_at: i64,
    /// Untrusted text.
    pub service: String,
    /// JSON, the same in all versions.
    pub terms: String,
    /// SHA-256 of the executable checks, kept once for all orders that have them.
    pub checks: Option<Vec<u8>>,
    /// JSON.
    pub state: String,
}

/// What changes of an order from version to version. What was bought, by whom and for how much
/// never does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderChange {
    /// A UUID.
    pub id: String,
    /// Above the one before.
    pub version: i64,
    /// On the wire.
    pub status: &'static str,
    /// On the wire.
    pub phase: &'static str,
    /// What its account holds now, in nano-AVT.
    pub escrow: i64,
    /// JSON.
    pub state: String,
}

impl OrderChange {
    /// The changing columns of an order.
    #[must_use]
    pub fn new(order: &Order) -> Self {
        Self {
            id: id_text(order.id.uuid()),
            version: count(order.version),
            status: order.status().name(),
            phase: order.phase().name(),
            escrow: order.escrow().nano(),
            state: order_state::to_text(&order.state),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct TermsText<'a> {
    listing_version: u64,
    base: i64,
    multiplier_ppm: u32,
    delivery: u32,
    revisions: u8,
    acceptance: &'a str,
    expiry: &'a str,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    exclusive: bool,
}

impl OrderRow {
    /// The row of an order. `checks` is the SHA-256 of its executable checks, if it has any; their
    /// text is kept elsewhere.
    #[must_use]
    pub fn new(order: &Order, checks: Option<[u8; 32]>) -> Self {
        let price = order.price;
        let terms = TermsText {
            listing_version: order.listing_version,
            base: price.base.nano(),
            multiplier_ppm: price.multiplier.ppm(),
            delivery: order.terms.delivery.0,
            revisions: order.terms.revisions,
            acceptance: &order.terms.acceptance.to_string(),
            expiry: order.terms.expiry.name(),
            exclusive: order.terms.exclusive,
        };
        Self {
            id: id_text(order.id.uuid()),
            version: count(order.version),
            buyer: order.buyer.as_str().to_owned(),
            seller: order.seller.as_str().to_owned(),
            listing: id_text(order.listing.uuid()),
            status: order.status().name().into(),
            phase: order.phase().name().into(),
            price: price.price.nano(),
            fee: price.fee.nano(),
            total: price.total.nano(),
            escrow: order.escrow().nano(),
            created_at: order.created_at.micros(),
            service: order.service.as_ref().to_owned(),
            terms: json(&terms),
            checks: checks.map(Vec::from),
            state: order_state::to_text(&order.state),
        }
    }

    /// The order of the row. `checks` is the text behind its hash; empty without.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn order(&self, checks: Arc<str>) -> Result<Order, RowError> {
        let reader = Reader { table: "orders", id: &self.id };
        let terms: TermsText<'_> = reader.json(&self.terms)?;
        Ok(Order {
            id: reader.text(&self.id)?,
            version: from_count(self.version),
            buyer: reader.text(&self.buyer)?,
            seller: reader.text(&self.seller)?,
            listing: reader.text(&self.listing)?,
            listing_version: terms.listing_version,
            service: self.service.as_str().into(),
            terms: OrderTerms {
                delivery: Seconds(terms.delivery),
                revisions: terms.revisions,
                acceptance: reader.text(terms.acceptance)?,
                checks,
                expiry: reader.text(terms.expiry)?,
                exclusive: terms.exclusive,
            },
            price: Price {
                base: Amount::from_nano(terms.base),
                multiplier: Multiplier::from_ppm(terms.multiplier_ppm),
                price: Amount::from_nano(self.price),
                fee: Amount::from_nano(self.fee),
                total: Amount::from_nano(self.total),
            },
            created_at: Timestamp::from_micros(self.created_at),
            state: order_state::from_text(reader, &self.state)?,
        })
    }

    /// Whether the columns that queries look at say what the order says. A row that fails here was
    /// not written by us.
    #[must_use]
    pub fn agrees_with(&self, order: &Order) -> bool {
        self.status == order.status().name()
            && self.phase == order.phase().name()
            && self.escrow == order.escrow().nano()
    }
}
