//! Requests read, and answers written, as the published API has them.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use marketplace_money::{Amount, AmountError, Did, Timestamp};
use marketplace_ports::TegError;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

/// Makes UUIDs of keys that are none; made once, by chance.
const KEYS: Uuid = Uuid::from_u128(0x9b1e_2f0c_7a44_4d0b_8a53_5e1d_77c0_4c1a);

/// An answer that is not what was asked for.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    body: Value,
}

pub(super) type Answer = Result<axum::Json<Value>, Refusal>;

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &str, detail: &str) -> Self {
        Self { status, body: json!({ "detail": detail, "error_code": code }) }
    }

    pub(super) fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "AUTH_INVALID_TOKEN", detail)
    }

    pub(super) fn forbidden(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AUTH_FORBIDDEN", detail)
    }

    pub(super) fn not_found(detail: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "BIZ_ENTITY_NOT_FOUND", detail)
    }

    pub(super) fn unavailable(detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "SYS_UNAVAILABLE", detail)
    }

    /// What is wrong with a field of the request.
    pub(super) fn invalid(place: &[&str], message: &str) -> Self {
        let detail = json!([{ "loc": place, "msg": message, "type": "value_error" }]);
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, body: json!({ "detail": detail }) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, axum::Json(self.body)).into_response()
    }
}

/// Refusals of the books, and their status and code on the wire.
const REFUSALS: &[(&str, u16, &str)] = &[
    (TegError::INSUFFICIENT_BALANCE, 400, "BIZ_INSUFFICIENT_BALANCE"),
    (TegError::SELF_TRANSFER, 400, "BIZ_SELF_TRANSFER"),
    (TegError::IDEMPOTENCY_MISMATCH, 422, "IDEMPOTENCY_MISMATCH"),
    (TegError::INVALID_AMOUNT, 400, "VALIDATION_INVALID_AMOUNT"),
    (TegError::INVALID_MEMO, 400, "VALIDATION_INVALID_MESSAGE"),
    (TegError::FAUCET_USED, 400, "BIZ_FAUCET_USED"),
    (TegError::FAUCET_CLOSED, 403, "BIZ_FAUCET_CLOSED"),
    (TegError::UNKNOWN_TRANSFER, 404, "BIZ_UNKNOWN_TRANSFER"),
    (TegError::NOT_THE_SENDER, 400, "BIZ_NOT_THE_SENDER"),
    (TegError::ALREADY_SIGNALED, 400, "BIZ_ALREADY_SIGNALED"),
    (crate::stake::UNKNOWN_STAKE, 404, "BIZ_ENTITY_NOT_FOUND"),
];

impl From<TegError> for Refusal {
    fn from(error: TegError) -> Self {
        let TegError::Refused { code, reason } = &error else {
            return Self::unavailable(&error.to_string());
        };
        let found = REFUSALS.iter().find(|(ours, ..)| ours == code);
        let (status, theirs) = found
            .map_or((400, "VALIDATION_INVALID_INPUT"), |(_, status, theirs)| (*status, *theirs));
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        Self::new(status, theirs, reason)
    }
}

/// The JSON of a request.
pub(super) fn body<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| Refusal::invalid(&["body"], &error.to_string()))
}

/// An amount of a request, text or number.
pub(super) fn amount(value: &Value) -> Result<Amount, Refusal> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    text.parse().map_err(|error: AmountError| {
        Refusal::invalid(&["body", "amount"], &format!("\"{text}\" {error}"))
    })
}

/// A DID of a request.
pub(super) fn did(text: &str, field: &str) -> Result<Did, Refusal> {
    text.parse().map_err(|error| Refusal::invalid(&["body", field], &format!("\"{text}\" {error}")))
}

/// The key of a request; without one, every request is a new one.
pub(super) fn key(headers: &HeaderMap) -> Uuid {
    given_key(headers).unwrap_or_else(Uuid::new_v4)
}

/// The key of a request, if it has one: any text will do.
pub(super) fn given_key(headers: &HeaderMap) -> Option<Uuid> {
    let text = headers.get("Idempotency-Key")?.as_bytes();
    let uuid = std::str::from_utf8(text).ok().and_then(|text| Uuid::try_parse(text).ok());
    Some(uuid.unwrap_or_else(|| Uuid::new_v5(&KEYS, text)))
}

/// RFC 3339 in UTC.
pub(super) fn time(at: Timestamp) -> String {
    let at = chrono::DateTime::from_timestamp_micros(at.micros()).unwrap_or_default();
    at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}
