//! Bodies: read once, to their end, within bounds.

use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use marketplace_wire::codes;

use crate::failure::Failure;

/// What a request may carry.
pub(crate) const LARGEST_BODY: usize = 1024 * 1024;
/// What we read of a body that is too large: a client that is still sending does not listen, and
/// an answer on a closed connection is lost.
const LARGEST_DRAINED: usize = 16 * 1024 * 1024;

/// The whole body.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    within: Duration,
) -> Result<Bytes, Failure> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let announced: Option<u64> = announced.and_then(|text| text.parse().ok());
    if announced.is_some_and(|length| length > LARGEST_DRAINED as u64) {
        return Err(too_large().and_close());
    }
    match tokio::time::timeout(within, collect(body)).await {
        Ok(read) => read,
        Err(_) => {
            let detail = "The body did not arrive in time, send it faster";
            Err(Failure::new(&codes::BODY_TIMEOUT, detail).and_close())
        }
    }
}

fn too_large() -> Failure {
    Failure::new(&codes::BODY_TOO_LARGE, "A body may have at most 1 MiB")
}

async fn collect(mut body: Body) -> Result<Bytes, Failure> {
    // Nearly all bodies come in one piece, which is then passed on without a copy.
    let Some(first) = next(&mut body).await? else { return Ok(Bytes::new()) };
    let Some(second) = next(&mut body).await? else {
        return if first.len() > LARGEST_BODY { Err(too_large()) } else { Ok(first) };
    };
    let mut whole = Vec::with_capacity(first.len() + second.len());
    whole.extend_from_slice(&first);
    let mut length = first.len();
    let mut piece = Some(second);
    while let Some(bytes) = piece {
        length += bytes.len();
        if length > LARGEST_DRAINED {
            return Err(too_large().and_close());
        }
        if length <= LARGEST_BODY {
            whole.extend_from_slice(&bytes);
        } else {
            whole = Vec::new();
        }
        piece = next(&mut body).await?;
    }
    if length > LARGEST_BODY { Err(too_large()) } else { Ok(whole.into()) }
}

/// The next piece of data; trailers are passed over.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Failure> {
    loop {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
        match frame {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "a body broke off");
                let detail = "The body broke off before its end";
                return Err(Failure::new(&codes::BODY_BROKEN, detail).and_close());
            }
        }
    }
}
