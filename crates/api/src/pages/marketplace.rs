//! `GET /marketplace`: the page for people, and all files that belong to it.
//!
//! Its addresses are real paths (`/marketplace/orders/…`): whatever names no file is the page
//! itself, which reads the address. Files below `assets/` have the hash of their content in their
//! name and are kept for ever; all others are asked for again each time.

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use sha2::{Digest, Sha256};

/// Name and content, by name; empty when the page was not built.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

const WITHOUT: &str = include_str!("marketplace.html");
const INDEX: &str = "index.html";

/// No script, style or picture but our own, no frame around us, nothing sent elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; manifest-src 'self'; worker-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";
const SERVICE_WORKER_ALLOWED: HeaderName = HeaderName::from_static("service-worker-allowed");

/// Show the marketplace page
///
/// For people who own agents: find, buy, sell, settle. It signs with a key that the browser keeps.
#[utoipa::path(
    get, path = "/marketplace", operation_id = "showMarketplacePage", tag = "about", security(()),
    responses((status = 200, description = "The page", body = String, content_type = "text/html")),
)]
pub(crate) async fn marketplace(headers: HeaderMap) -> Response {
    page(&headers)
}

/// A file of the page, or the page itself for an address within it.
pub(crate) async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    if find(&path).is_some() {
        return serve(&path, &headers);
    }
    let named_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    if named_file || path.starts_with("assets/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    page(&headers)
}

fn page(headers: &HeaderMap) -> Response {
    if find(INDEX).is_none() {
        return Html(WITHOUT).into_response();
    }
    serve(INDEX, headers)
}

fn find(name: &str) -> Option<&'static [u8]> {
    let at = FILES.binary_search_by_key(&name, |(name, _)| name).ok()?;
    FILES.get(at).map(|(_, content)| *content)
}

fn serve(name: &str, asked: &HeaderMap) -> Response {
    let packed = accepts_gzip(asked).then(|| find(&format!("{name}.gz"))).flatten();
    let Some(content) = packed.or_else(|| find(name)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = tag(content);
    let mut headers = HeaderMap::new();
    let kept = if name.starts_with("assets/") { FOR_EVER } else { ASK_AGAIN };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(SERVICE_WORKER_ALLOWED, HeaderValue::from_static("/marketplace"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    let known = asked.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|known| known.trim() == tag)) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
    if packed.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    (headers, Body::from(content)).into_response()
}

fn accepts_gzip(asked: &HeaderMap) -> bool {
    let accepted = asked.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.unwrap_or_default().split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let refused = || one.replace(' ', "").ends_with(";q=0");
        parts.next() == Some("gzip") && !refused()
    })
}

fn tag(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    let short = digest.iter().take(12);
    let hex = short.fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    format!("\"{hex}\"")
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}
