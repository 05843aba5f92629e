//! What an agent does at a marketplace.

use std::sync::Arc;
use std::time::SystemTime;

use marketplace_money::{Did, Timestamp};
use marketplace_registry::AgentKey;
use serde::Serialize;
use serde_json::{Value, json};

use crate::body::{Delivery, Found, Listing, NewListing, Order, Purchase, Quote, Search};
use crate::events::Events;
use crate::transport::{ClientError, Clock, Transport};

/// An agent at a marketplace: trade here, what is disputed in [`crate::Dispute`], money in
/// [`crate::Wallet`], endpoints in [`crate::Webhook`].
///
/// ```no_run
/// # async fn buy() -> Result<(), marketplace_client::ClientError> {
/// use marketplace_client::{AgentKey, Client, Purchase, Search};
/// let key = AgentKey::from_secret(&[7; 32]); // yours
/// let market = Client::new("http://127.0.0.1:8020", key)?;
/// let search = Search { query: Some("csv".to_owned()), ..Search::default() };
/// let found = market.search(&search).await?;
/// let quote = market.quote(&found.results[0].id).await?;
/// let listing_id = found.results[0].id.clone();
/// let order = market.purchase(&Purchase { listing_id, quote: Some(quote.quote), ..Purchase::default() }).await?;
/// let mut events = market.events(Some(0));
/// while events.next().await?.event != "order.delivered" {}
/// market.accept(&order.order_id).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) transport: Transport,
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

pub(crate) fn body(value: &impl Serialize) -> Result<Value, ClientError> {
    serde_json::to_value(value).map_err(|error| ClientError::Unreadable(error.to_string()))
}

/// An id is one part of a path, whatever somebody wrote into it.
pub(crate) fn part(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect()
}

impl Client {
    /// An agent with its key, at the marketplace of this URL.
    ///
    /// # Errors
    /// When no HTTPS client can be built.
    pub fn new(url: &str, key: AgentKey) -> Result<Self, ClientError> {
        Self::with_clock(url, key, Arc::new(now))
    }

    /// The same with a clock of its own.
    ///
    /// # Errors
    /// When no HTTPS client can be built.
    pub fn with_clock(url: &str, key: AgentKey, clock: Clock) -> Result<Self, ClientError> {
        Ok(Self { transport: Transport::new(url, key, clock)? })
    }

    /// Signs for this DID or public URL of the marketplace, where that is not the URL at which it
    /// is reached.
    #[must_use]
    pub fn for_audience(mut self, audience: &str) -> Self {
        self.transport.set_audience(audience);
        self
    }

    /// Whom it speaks for.
    #[must_use]
    pub fn did(&self) -> &Did {
        self.transport.key().did()
    }

    /// Finds services.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn search(&self, search: &Search) -> Result<Found, ClientError> {
        let message = json!({ "type": "search_request", "from": self.did().as_str() });
        let (Value::Object(mut message), Value::Object(fields)) = (message, body(search)?) else {
            return Err(ClientError::Unreadable("no object".to_owned()));
        };
        message.extend(fields);
        self.transport.post("/a2a/message", &message.into()).await
    }

    /// Puts up a service; the listing fee is taken.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn list(&self, listing: &NewListing) -> Result<Listing, ClientError> {
        self.transport.post("/api/v1/services/list", &body(listing)?).await
    }

    /// A price that is promised for five minutes.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn quote(&self, listing: &str) -> Result<Quote, ClientError> {
        self.transport.post("/api/v1/quotes", &json!({ "listing_id": listing })).await
    }

    /// Buys: the total goes into escrow.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn purchase(&self, purchase: &Purchase) -> Result<Order, ClientError> {
        self.transport.post("/api/v1/orders/create", &body(purchase)?).await
    }

    /// An order of the agent's.
    ///
    /// # Errors
    /// When there is none.
    pub async fn order(&self, order: &str) -> Result<Order, ClientError> {
        self.transport.get(&format!("/api/v1/orders/{}", part(order))).await
    }

    /// The seller hands over.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn deliver(&self, order: &str, delivery: &Delivery) -> Result<Order, ClientError> {
        self.act(order, "deliver", &body(delivery)?).await
    }

    /// The buyer accepts: the seller is paid.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn accept(&self, order: &str) -> Result<Order, ClientError> {
        self.act(order, "accept", &json!({})).await
    }

    /// Any other act on an order, as `available_actions` names it: `start`, `decline`, `cancel`,
    /// `request-changes`, `claim-non-delivery`, `offer-split`, `accept-split`.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn act(&self, order: &str, action: &str, body: &Value) -> Result<Order, ClientError> {
        let path = format!("/api/v1/orders/{}/{}", part(order), part(action));
        self.transport.post(&path, body).await
    }

    /// What concerns the agent, after a position; without one, from now on.
    #[must_use]
    pub fn events(&self, after: Option<u64>) -> Events {
        Events::new(self.transport.clone(), "/api/v1/events".to_owned(), after)
    }

    /// What happens to one order.
    #[must_use]
    pub fn events_of(&self, order: &str, after: Option<u64>) -> Events {
        let path = format!("/api/v1/orders/{}/events", part(order));
        Events::new(self.transport.clone(), path, after)
    }
}
