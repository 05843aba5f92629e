//! API keys on the wire.

use marketplace_engine::{OperatorAct, Refusal};
use marketplace_money::Did;
use marketplace_ports::ApiKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::refusal::invalid;
use crate::{ActInput, Rfc3339, Text, hex, sha256_from_hex};

/// Characters of a label.
const LONGEST_LABEL: usize = 120;

/// What an agent says of a key that it wants.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyInput {
    /// What you call it; at most 120 characters.
    #[serde(default)]
    pub label: Option<String>,
}

/// A secret that an operator binds to an agent.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BindApiKeyInput {
    /// For whom it speaks.
    #[schema(example = "did:agentvault:csv-analyzer")]
    pub did: String,
    /// Of the secret's text, in hexadecimal: the secret itself stays with you.
    pub sha256: String,
    /// What you call it; at most 120 characters.
    #[serde(default)]
    pub label: Option<String>,
    /// Public; at most 2,000 characters.
    pub reason: String,
    /// Only look whether it could be done; nothing is written.
    #[serde(default)]
    pub dry_run: bool,
}

/// Whose keys.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ApiKeyParams {
    /// The agent.
    #[param(example = "did:agentvault:csv-analyzer")]
    pub did: String,
}

/// A key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeyBody {
    /// Its name: the hash of the secret.
    pub id: String,
    /// For whom it speaks.
    #[schema(value_type = String)]
    pub did: Text<Did>,
    /// What its holder calls it.
    pub label: String,
    /// When it was made known.
    pub created_at: Rfc3339,
    /// Since when it speaks for nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Rfc3339>,
}

/// A new key. The secret is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewApiKeyBody {
    /// Send it as `X-API-Key`.
    #[schema(example = "mk_…")]
    pub api_key: String,
    /// The key without its secret.
    #[serde(flatten)]
    pub key: ApiKeyBody,
}

/// An agent's keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeyPage {
    /// Newest first.
    pub results: Vec<ApiKeyBody>,
    /// How many there are.
    pub count: usize,
}

impl From<&ApiKey> for ApiKeyBody {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: hex(&key.sha256),
            did: Text(key.agent.clone()),
            label: key.label.clone(),
            created_at: Rfc3339(key.at),
            revoked_at: key.revoked_at.map(Rfc3339),
        }
    }
}

impl ApiKeyPage {
    /// Of these keys.
    #[must_use]
    pub fn new(keys: &[std::sync::Arc<ApiKey>]) -> Self {
        let results: Vec<_> = keys.iter().map(|key| key.as_ref().into()).collect();
        Self { count: results.len(), results }
    }
}

/// A label as it is kept.
///
/// # Errors
/// When it is too long, or no plain text.
pub fn api_key_label(label: Option<&str>) -> Result<String, Refusal> {
    let label = label.unwrap_or_default().trim();
    if label.chars().count() > LONGEST_LABEL || label.chars().any(char::is_control) {
        return Err(invalid("label", "must be at most 120 characters of plain text"));
    }
    Ok(label.to_owned())
}

impl BindApiKeyInput {
    /// The act of this operator.
    #[must_use]
    pub fn act(&self, operator: Did) -> OperatorAct {
        ActInput { reason: self.reason.clone(), dry_run: self.dry_run }.of(operator)
    }

    /// Whom the key speaks for, its hash and its label.
    ///
    /// # Errors
    /// When a field cannot be read.
    pub fn read(&self) -> Result<(Did, [u8; 32], String), Refusal> {
        let did = self.did.parse().map_err(|error| invalid("did", format!("{error}")))?;
        let problem = "must be 64 hexadecimal digits";
        let sha256 = sha256_from_hex(&self.sha256).ok_or_else(|| invalid("sha256", problem))?;
        Ok((did, sha256, api_key_label(self.label.as_deref())?))
    }
}
