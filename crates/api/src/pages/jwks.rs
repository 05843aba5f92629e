//! `GET /.well-known/jwks.json`: what our signatures are verified with.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use marketplace_wire::KeySetBody;

use crate::answer::ok;
use crate::failure::Failure;
use crate::shell::Shell;

/// Show the marketplace's keys
///
/// The key that signs our messages and totals, and those that did until a while ago.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", operation_id = "showKeys", tag = "about", security(()),
    responses((status = 200, description = "A JSON Web Key Set", body = KeySetBody)),
)]
pub(crate) async fn jwks(State(shell): State<Shell>) -> Result<Response, Failure> {
    let keys = shell.app.keys.published((shell.app.clock)());
    let mut response = ok(&KeySetBody::new(shell.did(), &keys))?;
    let cached = HeaderValue::from_static("public, max-age=60");
    response.headers_mut().insert(header::CACHE_CONTROL, cached);
    Ok(response)
}
