//! API keys as rows.

use diesel::prelude::*;
use marketplace_money::Timestamp;
use marketplace_ports::ApiKey;

use crate::text::{Reader, from_hex, hex};
use crate::{RowError, count, from_count};

/// An API key.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = crate::tables::api_keys, treat_none_as_null = true)]
#[diesel(treat_none_as_default_value = false)]
pub struct ApiKeyRow {
    /// Of the secret's text, in hexadecimal.
    pub sha256: String,
    /// From 1.
    pub version: i64,
    /// A DID.
    pub agent: String,
    /// What its holder calls it.
    pub label: String,
    /// In microseconds.
    pub at: i64,
    /// In microseconds; nothing while it is good.
    pub revoked_at: Option<i64>,
}

/// The hash of a secret as it is stored.
#[must_use]
pub fn api_key_text(sha256: &[u8; 32]) -> String {
    hex(sha256)
}

impl ApiKeyRow {
    /// The row of a key.
    #[must_use]
    pub fn new(key: &ApiKey) -> Self {
        Self {
            sha256: hex(&key.sha256),
            version: count(key.version),
            agent: key.agent.as_str().to_owned(),
            label: key.label.clone(),
            at: key.at.micros(),
            revoked_at: key.revoked_at.map(Timestamp::micros),
        }
    }

    /// The key of the row.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn api_key(self) -> Result<ApiKey, RowError> {
        let reader = Reader { table: "api_keys", id: &self.sha256 };
        Ok(ApiKey {
            sha256: from_hex(&self.sha256).ok_or_else(|| reader.error("not a hash"))?,
            version: from_count(self.version),
            agent: reader.text(&self.agent)?,
            label: self.label.clone(),
            at: Timestamp::from_micros(self.at),
            revoked_at: self.revoked_at.map(Timestamp::from_micros),
        })
    }
}
