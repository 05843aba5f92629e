//! Reviews as rows.

use std::sync::Arc;

use diesel::prelude::*;
use marketplace_money::Timestamp;
use marketplace_ports::{OrderReviews, Page};
use marketplace_reputation::{Review, Reviews};

use crate::text::{Reader, id_text};
use crate::{RowError, count, from_count};

/// What the parties of an order say of each other.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = crate::tables::reviews, treat_none_as_null = true)]
#[diesel(treat_none_as_default_value = false)]
pub struct ReviewsRow {
    /// Of which order.
    pub order_id: String,
    /// From 1.
    pub version: i64,
    /// A DID.
    pub buyer: String,
    /// A DID.
    pub seller: String,
    /// When the order ended, in microseconds.
    pub closed_at: i64,
    /// 1 to 5; nothing while the buyer said nothing.
    pub buyer_stars: Option<i64>,
    /// In the buyer's words.
    pub buyer_text: Option<String>,
    /// In microseconds.
    pub buyer_at: Option<i64>,
    /// 1 to 5; nothing while the seller said nothing.
    pub seller_stars: Option<i64>,
    /// In the seller's words.
    pub seller_text: Option<String>,
    /// In microseconds.
    pub seller_at: Option<i64>,
}

type Columns = (Option<i64>, Option<String>, Option<i64>);

fn columns(review: Option<&Review>) -> Columns {
    let text = review.map(|review| review.text.as_ref().to_owned());
    let at = review.map(|review| review.at.micros());
    (review.map(|review| i64::from(review.stars)), text, at)
}

impl ReviewsRow {
    /// The row of an order's reviews.
    #[must_use]
    pub fn new(of: &OrderReviews) -> Self {
        let reviews = &of.reviews;
        let (buyer_stars, buyer_text, buyer_at) = columns(reviews.by_buyer.as_ref());
        let (seller_stars, seller_text, seller_at) = columns(reviews.by_seller.as_ref());
        Self {
            order_id: id_text(reviews.order.uuid()),
            version: count(of.version),
            buyer: of.buyer.as_str().to_owned(),
            seller: of.seller.as_str().to_owned(),
            closed_at: reviews.closed_at.micros(),
            buyer_stars,
            buyer_text,
            buyer_at,
            seller_stars,
            seller_text,
            seller_at,
        }
    }

    /// The reviews of the row.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn reviews(self) -> Result<OrderReviews, RowError> {
        let reader = Reader { table: "reviews", id: &self.order_id };
        let review = |(stars, text, at): (Option<i64>, &Option<String>, Option<i64>)| {
            let (Some(stars), Some(text), Some(at)) = (stars, text, at) else { return Ok(None) };
            let stars = u8::try_from(stars).map_err(|_| reader.error("too many stars"))?;
            let text = text.as_str().into();
            Ok(Some(Review { stars, text, at: Timestamp::from_micros(at) }))
        };
        Ok(OrderReviews {
            version: from_count(self.version),
            buyer: reader.text(&self.buyer)?,
            seller: reader.text(&self.seller)?,
            reviews: Reviews {
                order: reader.text(&self.order_id)?,
                closed_at: Timestamp::from_micros(self.closed_at),
                by_buyer: review((self.buyer_stars, &self.buyer_text, self.buyer_at))?,
                by_seller: review((self.seller_stars, &self.seller_text, self.seller_at))?,
            },
        })
    }
}

/// A page of the newest of these rows, found on either side of orders.
///
/// # Errors
/// When a row is not what we write.
pub fn page_of_reviews(
    mut rows: Vec<(i64, ReviewsRow)>,
    limit: u32,
) -> Result<Page<Arc<OrderReviews>>, RowError> {
    rows.sort_by_key(|(position, _)| std::cmp::Reverse(*position));
    rows.dedup_by_key(|(position, _)| *position);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = rows.get(limit).map(|(position, _)| from_count(*position));
    rows.truncate(limit);
    let items = rows.into_iter().map(|(_, row)| row.reviews().map(Arc::new));
    Ok(Page { items: items.collect::<Result<_, _>>()?, next })
}
