//! Events of the feed.

use marketplace_ports::{SealedEvent, Subject};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::Rfc3339;

/// From where on.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventParams {
    /// Only events after this position; 0 is the beginning. Without it, and without the header
    /// `Last-Event-ID`, which goes before it, only what comes from now on.
    #[param(value_type = Option<u64>)]
    pub after: Option<String>,
}

/// A fact, as a stream tells it.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventBody<'a> {
    /// Its place in the feed, the same at every server. Later events have higher ones, not always
    /// the next one.
    pub position: u64,
    /// Its name, unique for ever.
    #[schema(value_type = String, format = Uuid)]
    pub id: String,
    /// What happened, such as `order.placed`.
    pub event: &'a str,
    /// What it is about: `order`, `listing`, `withdrawal`, `deposit` or `command`.
    pub subject_kind: &'static str,
    /// Which one.
    #[schema(value_type = String, format = Uuid)]
    pub subject_id: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Rfc3339,
    /// What there is to say of it.
    #[schema(value_type = Object)]
    pub data: Value,
}

impl<'a> EventBody<'a> {
    /// As the feed has it.
    #[must_use]
    pub fn new(event: &'a SealedEvent) -> Self {
        let (subject_kind, subject_id) = match event.subject {
            Subject::Order(id) => ("order", id.to_string()),
            Subject::Listing(id) => ("listing", id.to_string()),
            Subject::Withdrawal(id) => ("withdrawal", id.to_string()),
            Subject::Deposit(id) => ("deposit", id.to_string()),
            Subject::Dispute(id) => ("dispute", id.to_string()),
            Subject::Command(id) => ("command", id.to_string()),
        };
        Self {
            position: event.position,
            id: event.id.to_string(),
            event: &event.name,
            subject_kind,
            subject_id,
            at: Rfc3339(event.at),
            // We wrote it ourselves, as JSON.
            data: serde_json::from_str(&event.data).unwrap_or_default(),
        }
    }
}
