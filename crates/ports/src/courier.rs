//! Letters to endpoints that agents named: webhooks and push notifications.

use async_trait::async_trait;
use marketplace_money::{Seconds, Timestamp};

/// What is posted to an endpoint, once for each try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The same in every try: who receives it twice knows it by this.
    pub id: String,
    /// When this try is made.
    pub at: Timestamp,
    /// Where to; hostile.
    pub url: String,
    /// JSON text.
    pub body: String,
    /// Shared with the receiver: signs the letter, beside our own key.
    pub secret: Option<String>,
    /// More headers.
    pub headers: Vec<(String, String)>,
}

/// Why a letter did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// Final: this endpoint will not be asked, or wants no more letters.
    #[error("the endpoint cannot be told: {0}")]
    Refused(String),
    /// Ask again later.
    #[error("the endpoint was not reached: {reason}")]
    Unavailable {
        /// What went wrong.
        reason: String,
        /// When the endpoint says to come back.
        retry_after: Option<Seconds>,
    },
}

/// Posts letters.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Posts one; the status that it was taken with.
    async fn post(&self, letter: &Letter) -> Result<u16, PostError>;
}
