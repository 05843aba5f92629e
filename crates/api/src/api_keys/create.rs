//! `POST /api/v1/api-keys`: a proof of identity becomes an API key.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use marketplace_engine::Done;
use marketplace_wire::{ApiKeyInput, NewApiKeyBody, Via, api_key_label, codes};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::answer::{json, text};
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::shell::Shell;

/// Make an API key
///
/// For clients that cannot sign. Send a did-jwt as `Authorization: Bearer`; it is used up. The key
/// is shown this once, speaks for you until you revoke it, and makes no tokens and no other keys.
#[utoipa::path(
    post, path = "/api/v1/api-keys", operation_id = "createApiKey", tag = "identity",
    request_body = ApiKeyInput,
    responses((status = 201, description = "The key", body = NewApiKeyBody)),
)]
pub(crate) async fn create(
    State(shell): State<Shell>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    if incoming.caller.via != Via::Proof {
        let detail = "Send a did-jwt that you signed just now; nothing else makes API keys";
        return Err(Failure::new(&codes::PROOF_REQUIRED, detail));
    }
    let label = api_key_label(incoming.input_or_default::<ApiKeyInput>()?.label.as_deref())?;
    // 244 random bits.
    let api_key = format!("mk_{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let (did, sha256) = (&incoming.caller.did, Sha256::digest(&api_key).into());
    let done = shell.marketplace().keep_api_key(did, sha256, label, None).await?;
    let Done::Fresh(key) = done else {
        return Err(Failure::from(marketplace_wire::Problem::internal()));
    };
    let body = text(&NewApiKeyBody { api_key, key: key.as_ref().into() });
    let mut response = json(StatusCode::CREATED, body);
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}
