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

/// Which part of the event log.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LogParams {
    /// Only events after this position; the beginning when absent.
    #[param(value_type = Option<u64>)]
    pub after: Option<String>,
    /// Events on a page, 1 to 1,000; 100 when absent.
    #[param(value_type = Option<u32>)]
    pub limit: Option<crate::NumberText>,
}

/// A page of the event log.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogPage<'a> {
    /// In order.
    pub results: Vec<LoggedEvent<'a>>,
    /// How many there are on this page.
    pub count: usize,
}

/// A fact, with those who may see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoggedEvent<'a> {
    /// As a stream tells it.
    #[serde(flatten)]
    pub event: EventBody<'a>,
    /// DIDs.
    pub audience: Vec<&'a str>,
}

impl<'a> LogPage<'a> {
    /// Of these events.
    #[must_use]
    pub fn new(events: &'a [SealedEvent]) -> Self {
        let logged = |event: &'a SealedEvent| LoggedEvent {
            event: EventBody::new(event),
            audience: event.audience.iter().map(|did| did.as_str()).collect(),
        };
        let results: Vec<_> = events.iter().map(logged).collect();
        Self { count: results.len(), results }
    }
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
