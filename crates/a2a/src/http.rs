//! What both bindings do with a request before they read it.

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use marketplace_wire::{Guest, Knock, Problem};

use crate::error::A2aError;
use crate::order_task::SETTLEMENT;
use crate::service::A2a;

/// Extensions that a client and we both speak.
const EXTENSIONS: &str = "a2a-extensions";
const OLD_EXTENSIONS: &str = "x-a2a-extensions";
const LONGEST_KEY: usize = 255;

/// A request with its caller.
pub(crate) struct Heard {
    pub(crate) guest: Option<Guest>,
    pub(crate) idempotency_key: Option<String>,
}

/// Finds out who calls.
pub(crate) async fn hear(a2a: &A2a, parts: &Parts, body: &Bytes) -> Result<Heard, A2aError> {
    let guest = a2a.door.who(&Knock::of(parts, body)).await?;
    let key = parts.headers.get("idempotency-key").map(|value| value.to_str().unwrap_or_default());
    if let Some(key) = key {
        check_key(key)?;
    }
    Ok(Heard { guest, idempotency_key: key.map(str::to_owned) })
}

/// A key that a caller chose.
pub(crate) fn check_key(key: &str) -> Result<(), A2aError> {
    let fit = (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    if fit {
        return Ok(());
    }
    Err(A2aError::invalid("idempotency_key", "must have 1 to 255 visible ASCII characters"))
}

/// The media type of a body, without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// A JSON answer.
pub(crate) fn answer(status: u16, media_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Nobody good asked.
pub(crate) fn challenge(problem: &Problem) -> Response {
    let body = serde_json::to_string(problem).unwrap_or_default();
    let mut response = answer(problem.status(), Problem::MEDIA_TYPE, body);
    let code = problem.code();
    let text = if code == marketplace_wire::codes::TOKEN_MISSING.name {
        "Bearer realm=\"marketplace\"".to_owned()
    } else {
        format!(
            "Bearer realm=\"marketplace\", error=\"invalid_token\", error_description=\"{code}\""
        )
    };
    if let Ok(value) = HeaderValue::try_from(text) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}

/// Says which of the extensions that the client names are in force.
pub(crate) fn echo_extensions(asked: &HeaderMap, response: &mut Response) {
    for name in [EXTENSIONS, OLD_EXTENSIONS] {
        let named = asked.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let wants = named.flat_map(|text| text.split(',')).any(|uri| uri.trim() == SETTLEMENT);
        if wants {
            response.headers_mut().insert(name, HeaderValue::from_static(SETTLEMENT));
        }
    }
}

/// The query of a request as pairs, with escapes resolved.
pub(crate) fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let split = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (unescaped(name), unescaped(value))
    };
    pairs.map(split).collect()
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut ahead = rest.clone();
                let pair = [ahead.next(), ahead.next()].map(|b| b.and_then(digit));
                if let [Some(high), Some(low)] = pair {
                    bytes.push(high * 16 + low);
                    rest = ahead;
                } else {
                    bytes.push(byte);
                }
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read() {
        let check = |query: &str, expect: &[(&str, &str)]| {
            let expect: Vec<(String, String)> =
                expect.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            assert_eq!(pairs(Some(query)), expect, "{query}");
        };
        check("", &[]);
        check("a=1&b=x+y&c", &[("a", "1"), ("b", "x y"), ("c", "")]);
        check("t=2026-01-01T00%3A00%3a00Z&p=100%", &[("t", "2026-01-01T00:00:00Z"), ("p", "100%")]);
        check("u=%e2%82%ac%zz", &[("u", "€%zz")]);
    }
}
