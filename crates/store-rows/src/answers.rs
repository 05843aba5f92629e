//! What is remembered for a while: answers to attempts, and nonces.

use diesel::prelude::*;
use marketplace_money::Timestamp;
use marketplace_ports::{IdempotencyKey, IdempotencyRecord, Nonce};

use crate::{RowError, bytes32};

/// An answer to an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = crate::tables::idempotency)]
pub struct IdempotencyRow {
    /// A DID.
    pub caller: String,
    /// Such as `POST /api/v1/orders/create`.
    pub route: String,
    /// As the caller chose it.
    pub key: String,
    /// Over the request's body.
    pub body_sha256: Vec<u8>,
    /// Word for word.
    pub reply: String,
    /// In microseconds.
    pub expires_at: i64,
}

impl IdempotencyRow {
    /// The row of a record.
    #[must_use]
    pub fn new(key: &IdempotencyKey, record: &IdempotencyRecord) -> Self {
        Self {
            caller: key.caller.as_str().to_owned(),
            route: key.route.clone(),
            key: key.key.clone(),
            body_sha256: record.body_sha256.to_vec(),
            reply: record.reply.clone(),
            expires_at: record.expires_at.micros(),
        }
    }

    /// The record of the row.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn record(self) -> Result<IdempotencyRecord, RowError> {
        Ok(IdempotencyRecord {
            body_sha256: bytes32("idempotency", &self.key, &self.body_sha256)?,
            reply: self.reply,
            expires_at: Timestamp::from_micros(self.expires_at),
        })
    }
}

/// A nonce that was used up.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = crate::tables::nonces)]
pub struct NonceRow {
    /// A DID.
    pub signer: String,
    /// As the signer chose it.
    pub value: String,
    /// In microseconds.
    pub expires_at: i64,
}

impl NonceRow {
    /// The row of a nonce.
    #[must_use]
    pub fn new(nonce: &Nonce, expires_at: Timestamp) -> Self {
        Self {
            signer: nonce.signer.as_str().to_owned(),
            value: nonce.value.clone(),
            expires_at: expires_at.micros(),
        }
    }
}
