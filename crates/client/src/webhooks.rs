//! Webhooks: an endpoint of the agent's that is told what concerns it.

use serde::Deserialize;
use serde_json::json;

use crate::client::{Client, part};
use crate::transport::ClientError;

/// An endpoint that is told of events.
#[derive(Clone, Debug, Deserialize)]
pub struct Webhook {
    /// Its name.
    pub webhook_id: String,
    /// Where.
    pub url: String,
    /// Names of events, or their beginnings with a star; empty: all that concerns the agent.
    pub events: Vec<String>,
    /// `active` or `paused`.
    pub status: String,
    /// Everything up to here was told, or not wanted.
    pub position: u64,
    /// Signs what is told; shown once, to who sets it up.
    pub secret: Option<String>,
    /// What may be wrong with it; said when it is set up.
    pub warning: Option<String>,
}

#[derive(Deserialize)]
struct Webhooks {
    results: Vec<Webhook>,
}

impl Client {
    /// Sets up an endpoint, with the names of the events that it wants (`order.*`), or all. The
    /// answer alone has the secret.
    ///
    /// # Errors
    /// When it would never be called, is one too many, or is not answered.
    pub async fn add_webhook(&self, url: &str, events: &[&str]) -> Result<Webhook, ClientError> {
        self.transport.post("/api/v1/webhooks", &json!({ "url": url, "events": events })).await
    }

    /// The agent's endpoints, oldest first.
    ///
    /// # Errors
    /// When it is not answered.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, ClientError> {
        Ok(self.transport.get::<Webhooks>("/api/v1/webhooks").await?.results)
    }

    /// `ping`, `pause`, `resume` or `remove`.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn act_on_webhook(&self, webhook: &str, act: &str) -> Result<Webhook, ClientError> {
        let path = format!("/api/v1/webhooks/{}/{}", part(webhook), part(act));
        self.transport.post(&path, &json!({})).await
    }

    /// Has the events of a range of positions told again.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub async fn replay_webhook(
        &self,
        webhook: &str,
        from: u64,
        to: u64,
    ) -> Result<Webhook, ClientError> {
        let path = format!("/api/v1/webhooks/{}/replay", part(webhook));
        self.transport.post(&path, &json!({ "from": from, "to": to })).await
    }
}
