//! API keys: for clients that cannot sign. An agent makes them with a proof of its key, an operator
//! binds those that are in use elsewhere.

pub(crate) mod bind;
pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod list_of;
pub(crate) mod revoke;
pub(crate) mod revoke_any;

use std::sync::Arc;

use axum::http::StatusCode;
use marketplace_engine::Refusal;
use marketplace_ports::ApiKey;
use marketplace_wire::{ApiKeyBody, sha256_from_hex};

use crate::answer::{Answer, text};

/// The key that a path names. What is no hash names none.
fn key_id(text: &str) -> Result<[u8; 32], Refusal> {
    sha256_from_hex(text).ok_or(Refusal::NotFound)
}

fn key_answer(status: StatusCode) -> Answer<Arc<ApiKey>> {
    Answer::new(status, |key: &Arc<ApiKey>| text(&ApiKeyBody::from(key.as_ref())))
}
