//! Answers of commands: given now, or word for word as they were given before.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use marketplace_engine::{Done, Idempotency};
use marketplace_money::Did;
use marketplace_ports::IdempotencyKey;
use marketplace_wire::codes;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::failure::Failure;
use crate::incoming::Received;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const LONGEST_KEY: usize = 255;

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// 200 with this body.
pub(crate) fn ok(body: &impl Serialize) -> Result<Response, Failure> {
    Ok(json(StatusCode::OK, text(body)))
}

/// JSON text of a body. Bodies are plain data, which can always be written.
pub(crate) fn text(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_else(|error| {
        tracing::error!(%error, "a body cannot be written");
        String::new()
    })
}

/// How a command's reply becomes an answer, in the commit and in the response alike.
pub(crate) struct Answer<R> {
    status: StatusCode,
    body: Arc<dyn Fn(&R) -> String + Send + Sync>,
}

impl<R: 'static> Answer<R> {
    pub(crate) fn new(
        status: StatusCode,
        body: impl Fn(&R) -> String + Send + Sync + 'static,
    ) -> Self {
        Self { status, body: Arc::new(body) }
    }

    /// What makes the attempt repeatable, where the caller wants it: the stored answer is the
    /// status and the body.
    pub(crate) fn idempotency(
        &self,
        received: &Received,
        caller: &Did,
    ) -> Result<Option<Idempotency<R>>, Failure> {
        let Some(value) = received.parts.headers.get(KEY) else { return Ok(None) };
        let text = value.as_bytes();
        let fit = (1..=LONGEST_KEY).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic);
        let key = value.to_str().ok().filter(|_| fit).ok_or_else(|| {
            let detail = "The Idempotency-Key must have 1 to 255 visible ASCII characters";
            Failure::new(&codes::INVALID_IDEMPOTENCY_KEY, detail)
        })?;
        let (status, body) = (self.status.as_u16(), self.body.clone());
        let key =
            IdempotencyKey { caller: caller.clone(), route: received.route(), key: key.to_owned() };
        Ok(Some(Idempotency {
            key,
            body_sha256: Sha256::digest(&received.body).into(),
            render: Arc::new(move |reply| format!("{status} {}", body(reply))),
        }))
    }

    pub(crate) fn respond(&self, done: Done<R>) -> Response {
        match done {
            Done::Fresh(reply) => json(self.status, (self.body)(&reply)),
            Done::Repeated(stored) => {
                let (status, body) = stored.split_once(' ').unwrap_or(("200", &stored));
                let status = status.parse().ok().and_then(|code| StatusCode::from_u16(code).ok());
                let mut response = json(status.unwrap_or(StatusCode::OK), body.to_owned());
                response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
                response
            }
        }
    }
}
