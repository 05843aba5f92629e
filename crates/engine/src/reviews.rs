//! Star reviews: given by the parties of an order, hidden until both are, or seven days are over.

use std::sync::Arc;

use marketplace_escrow::OrderRefusal;
use marketplace_money::{Did, OrderId, Timestamp};
use marketplace_ports::{OrderReviews, Page};

use crate::job::{Done, Idempotency};
use crate::marketplace::Marketplace;
use crate::refusal::{Error, Refusal};
use crate::verbs::{GiveReview, ReviewsView, blank_reviews};

impl Marketplace {
    /// A party of an order that has ended says what it thinks of the other, once.
    ///
    /// # Errors
    /// When it is too early, too late, the second one, or not acceptable.
    pub async fn review(
        &self,
        caller: &Did,
        order: OrderId,
        stars: u8,
        text: Arc<str>,
        idempotency: Option<Idempotency<ReviewsView>>,
    ) -> Result<Done<ReviewsView>, Error> {
        self.execute(GiveReview { caller: caller.clone(), order, stars, text }, idempotency).await
    }

    /// The reviews of an order, hidden ones too: who shows them asks [`marketplace_reputation`]
    /// what the viewer may see.
    ///
    /// # Errors
    /// When there is no such order, or nothing to review yet.
    pub async fn reviews(&self, order: OrderId) -> Result<ReviewsView, Error> {
        let now = self.now().await?;
        if let Some(row) = self.store().reviews(order).await? {
            return Ok(ReviewsView { row, now });
        }
        let order = self.store().order(order).await?;
        let order = order.ok_or(Refusal::Order(OrderRefusal::NotFound))?;
        let row = blank_reviews(&order).ok_or(Refusal::ReviewTooEarly)?;
        Ok(ReviewsView { row: Arc::new(row), now })
    }

    /// Reviews of orders that an agent is a party of, newest first, hidden ones too.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn reviews_of(
        &self,
        agent: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<(Page<Arc<OrderReviews>>, Timestamp), Error> {
        Ok((self.store().reviews_of(agent, cursor, limit).await?, self.now().await?))
    }
}
