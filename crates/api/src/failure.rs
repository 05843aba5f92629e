//! Problem documents as HTTP answers.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use marketplace_engine::{Error, Refusal};
use marketplace_ports::{IdentityError, RegistryError};
use marketplace_wire::{Code, Problem};

/// Why a request has another answer than the one it wished for.
#[derive(Debug)]
pub(crate) struct Failure {
    // Boxed, because every handler returns it and few fail.
    problem: Box<Problem>,
    /// The rest of the request is not worth reading.
    close: bool,
}

impl Failure {
    pub(crate) fn new(code: &Code, detail: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Problem::new(code, detail).into()
    }

    /// After this answer the connection is of no use.
    pub(crate) fn and_close(self) -> Self {
        Self { close: true, ..self }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), close: false }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::Fault(reason) => tracing::error!(%reason, "the marketplace failed"),
            Error::Unavailable { reason, .. } => tracing::warn!(%reason, "not now"),
            Error::Refused(_) | Error::KeyReused => {}
        }
        Problem::from(&error).into()
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Problem::from(&refusal).into()
    }
}

impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        Problem::from(&error).into()
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Problem::from(&error).into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let problem = &self.problem;
        let status = StatusCode::from_u16(problem.status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        tracing::debug!(code = problem.code(), detail = problem.detail(), "refused");
        let body = serde_json::to_vec(problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(Problem::MEDIA_TYPE));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, challenge(problem));
        }
        if let Some(seconds) = problem.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// RFC 6750: a request without a token is only told the scheme.
fn challenge(problem: &Problem) -> HeaderValue {
    let plain = HeaderValue::from_static("Bearer realm=\"marketplace\"");
    if problem.code() == marketplace_wire::codes::TOKEN_MISSING.name {
        return plain;
    }
    let code = problem.code();
    let text = format!(
        "Bearer realm=\"marketplace\", error=\"invalid_token\", error_description=\"{code}\""
    );
    HeaderValue::try_from(text).unwrap_or(plain)
}
