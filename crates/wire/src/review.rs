//! Star reviews.

use marketplace_engine::{Refusal, ReviewsView};
use marketplace_money::{Did, OrderId, Timestamp};
use marketplace_ports::{OrderReviews, Page};
use marketplace_reputation::{Review, Reviews, Side};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{NumberText, Rfc3339, Text};

/// What a party thinks of the other.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewInput {
    /// 1 to 5.
    #[schema(value_type = u8, example = 5)]
    pub stars: NumberText,
    /// In your words: inert text of at most 2,000 characters.
    #[serde(default)]
    pub text: String,
}

impl ReviewInput {
    /// The stars.
    ///
    /// # Errors
    /// When they are no number from 1 to 5.
    pub fn stars(&self) -> Result<u8, Refusal> {
        let stars = self.stars.whole("stars", 1..=5)?;
        u8::try_from(stars).map_err(|_| crate::refusal::invalid("stars", "must be from 1 to 5"))
    }
}

/// A review. The text is the party's words: inert.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewBody {
    /// 1 to 5.
    pub stars: u8,
    /// May be empty.
    pub text: String,
    /// When it was given.
    pub at: Rfc3339,
}

impl From<&Review> for ReviewBody {
    fn from(review: &Review) -> Self {
        Self { stars: review.stars, text: review.text.as_ref().to_owned(), at: Rfc3339(review.at) }
    }
}

/// What the parties of an order say of each other, as far as you may see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderReviewsBody {
    /// The order.
    #[schema(value_type = String, format = Uuid)]
    pub order_id: Text<OrderId>,
    /// When it ended.
    pub closed_at: Rfc3339,
    /// Until then reviews are taken; then what was given is open, whatever the other side did.
    pub open_at: Rfc3339,
    /// Whether everybody sees what was given. Before that you see your own only.
    pub are_open: bool,
    /// Whether you may give yours now.
    pub you_may_review: bool,
    /// What the buyer says of the seller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_buyer: Option<ReviewBody>,
    /// What the seller says of the buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_seller: Option<ReviewBody>,
}

impl OrderReviewsBody {
    /// The reviews of an order as `viewer` sees them.
    #[must_use]
    pub fn new(view: &ReviewsView, viewer: &Did) -> Self {
        let (row, now) = (&view.row, view.now);
        let reviews = &row.reviews;
        let side = row.side_of(viewer);
        let own = side.and_then(|side| reviews.seen_by(Some(side), side, now));
        let open_at = reviews.closed_at.plus(Reviews::WINDOW);
        Self {
            order_id: Text(reviews.order),
            closed_at: Rfc3339(reviews.closed_at),
            open_at: Rfc3339(open_at),
            are_open: reviews.are_open(now),
            you_may_review: side.is_some() && own.is_none() && now < open_at,
            by_buyer: reviews.seen_by(side, Side::Buyer, now).map(Into::into),
            by_seller: reviews.seen_by(side, Side::Seller, now).map(Into::into),
        }
    }
}

/// Which reviews.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReviewParams {
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Orders to look through, 1 to 1,000; 100 when absent. Those whose reviews are hidden are not
    /// shown, so there may be fewer.
    #[param(value_type = Option<u32>)]
    pub limit: Option<NumberText>,
}

/// An open review of an agent.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentReviewBody {
    /// Who gave it.
    #[schema(value_type = String)]
    pub by: Text<Did>,
    /// On which side the reviewed agent was: `buyer` or `seller`.
    #[schema(example = "seller")]
    pub role: &'static str,
    /// What was given.
    #[serde(flatten)]
    pub review: ReviewBody,
}

/// Open reviews of an agent, newest orders first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewPage {
    /// What others say of it.
    pub reviews: Vec<AgentReviewBody>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl ReviewPage {
    /// What others said of `about`, as far as everybody may see it.
    #[must_use]
    pub fn new(page: &Page<std::sync::Arc<OrderReviews>>, about: &Did, now: Timestamp) -> Self {
        let shown = |row: &std::sync::Arc<OrderReviews>| {
            let (by, side, role) = match row.side_of(about)? {
                Side::Buyer => (&row.seller, Side::Seller, "buyer"),
                Side::Seller => (&row.buyer, Side::Buyer, "seller"),
            };
            let review = row.reviews.seen_by(None, side, now)?;
            Some(AgentReviewBody { by: Text(by.clone()), role, review: review.into() })
        };
        Self {
            reviews: page.items.iter().filter_map(shown).collect(),
            next_cursor: page.next.map(|next| next.to_string()),
        }
    }
}
