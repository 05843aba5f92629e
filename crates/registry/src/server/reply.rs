//! Replies: JSON, and the registry's way to say no.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use marketplace_money::Timestamp;
use marketplace_ports::RegistryError;
use serde_json::{Value, json};

/// A reply that is no refusal.
#[derive(Debug)]
pub struct Reply(pub StatusCode, pub Value);

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (self.0, kind, self.1.to_string()).into_response()
    }
}

/// `{"error":{"detail","type","code"}}`.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    kind: &'static str,
    code: &'static str,
    detail: String,
}

impl Refusal {
    pub(crate) fn not_found(detail: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "NOT_FOUND", detail)
    }

    pub(crate) fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "authentication_error", "AUTH_INVALID_TOKEN", detail)
    }

    pub(crate) fn invalid(detail: &str) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "validation_error", "VALIDATION_FAILED", detail)
    }

    pub(crate) fn conflict(detail: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "CONFLICT", detail)
    }

    fn new(
        status: StatusCode,
        kind: &'static str,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self { status, kind, code, detail: detail.into() }
    }
}

impl From<RegistryError> for Refusal {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Refused(reason) => Self::conflict(reason),
            RegistryError::Unavailable(reason) => {
                tracing::warn!(reason, "the directory does not answer");
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Self::new(status, "unavailable", "SYS_UNAVAILABLE", "try again later")
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = json!({ "detail": self.detail, "type": self.kind, "code": self.code });
        Reply(self.status, json!({ "error": error })).into_response()
    }
}

/// The token of `Authorization: Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The body as a JSON object.
pub(crate) fn object(body: &Bytes) -> Result<Value, Refusal> {
    let value = serde_json::from_slice::<Value>(body).ok().filter(Value::is_object);
    value.ok_or_else(|| Refusal::invalid("the body must be a JSON object"))
}

/// RFC 3339 in UTC, to the second.
pub(crate) fn time(at: Timestamp) -> String {
    let seconds = at.micros().div_euclid(1_000_000);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 1970 to a date, by the eras of 400 years of the Gregorian calendar.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let check = |seconds: i64, expect: &str| {
            assert_eq!(time(Timestamp::from_micros(seconds * 1_000_000)), expect);
        };
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_400, "2000-02-29T00:00:00Z");
        check(1_800_000_000, "2027-01-15T08:00:00Z");
        check(4_107_542_399, "2100-02-28T23:59:59Z");
        check(4_107_542_400, "2100-03-01T00:00:00Z");
    }
}
