//! Problem documents (RFC 9457).

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

use crate::codes::Code;
use crate::{Money, Rfc3339};

/// Why a request was not done, for machines (`code`) and for people (`detail`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Where the code is explained.
    #[serde(rename = "type")]
    #[schema(example = "/api/problems#price_changed")]
    kind: String,
    /// What the code means in general.
    #[schema(example = "The price is not what the buyer expects")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 409)]
    status: u16,
    /// Stable; clients switch on it.
    #[schema(example = "price_changed")]
    code: &'static str,
    /// What went wrong this time, and what to do next.
    detail: Cow<'static, str>,
    /// Which field of the request is not acceptable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Cow<'static, str>>,
    /// What it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub need: Option<Money>,
    /// What there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available: Option<Money>,
    /// What the total is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// What the seller would get by the offer that stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller: Option<Money>,
    /// When the time was over, or comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Rfc3339>,
    /// Seconds after which to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

impl Problem {
    /// The media type of problem documents.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// A problem with this code.
    #[must_use]
    pub fn new(code: &Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: format!("/api/problems#{}", code.name),
            title: code.title,
            status: code.status,
            code: code.name,
            detail: detail.into(),
            field: None,
            need: None,
            available: None,
            total: None,
            seller: None,
            due: None,
            retry_after: None,
        }
    }

    /// With the field that is to blame.
    #[must_use]
    pub fn at(self, field: impl Into<Cow<'static, str>>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// With the time after which to try again.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// What went wrong this time.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}
