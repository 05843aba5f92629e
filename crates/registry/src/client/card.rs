//! Our own card at the registry, by which others find us.

use marketplace_ports::RegistryError;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::HttpRegistry;
use super::http::{Answer, Content, Proof, percent_encode};

impl HttpRegistry {
    /// Publishes the card, or brings the published one up to date; it is found by its
    /// `humanReadableId`. Doing it again changes nothing.
    ///
    /// # Errors
    /// When the registry does not accept it, or cannot answer.
    pub async fn publish_card(&self, card: &Value) -> Result<(), RegistryError> {
        let name = card["humanReadableId"].as_str();
        let name = name.ok_or(RegistryError::Refused("a card needs a humanReadableId"))?;
        let token = match self.developer_key {
            Some(_) => None,
            None => self.standing.held(&self.http).await,
        };
        let proof = match (&self.developer_key, &token) {
            (Some(key), _) => Proof::ApiKey(key),
            (None, Some(token)) => Proof::Bearer(token),
            (None, None) => {
                return Err(RegistryError::Refused("without an account no card is published"));
            }
        };
        let path = format!("/api/v1/agent-cards/id/{}", percent_encode(name));
        let published = self.http.get(&path, proof).await?;
        let body = json!({ "card_data": card });
        let (method, path) = match (published.status, published.body["id"].as_str()) {
            (StatusCode::OK, Some(id)) => {
                (Method::PUT, format!("/api/v1/agent-cards/{}", percent_encode(id)))
            }
            (StatusCode::NOT_FOUND, _) => (Method::POST, "/api/v1/agent-cards/".to_owned()),
            _ => return Err(RegistryError::Unavailable(published.words())),
        };
        accepted(&self.http.ask(method, &path, Content::Json(body), proof).await?)
    }
}

fn accepted(answer: &Answer) -> Result<(), RegistryError> {
    if answer.status.is_success() {
        return Ok(());
    }
    tracing::warn!(reason = answer.words(), "the registry does not take our card");
    Err(RegistryError::Refused("it does not accept our card"))
}
