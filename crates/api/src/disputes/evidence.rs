//! `POST /api/v1/disputes/{dispute_id}/evidence` and `GET …/evidence/{sha256}`.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use marketplace_engine::Refusal;
use marketplace_wire::{DisputeBody, EvidenceInput, digest_of};

use super::{dispute_answer, dispute_id, visible_dispute};
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Hand in evidence
///
/// For the parties: at most 1 MiB each and 20 pieces for each side; nothing is taken back. Both
/// sides and the panel read it.
#[utoipa::path(
    post, path = "/api/v1/disputes/{dispute_id}/evidence", operation_id = "addEvidence",
    tag = "disputes", params(("dispute_id" = String, Path, format = Uuid)),
    request_body = EvidenceInput,
    responses((status = 200, description = "The dispute afterwards", body = DisputeBody)),
)]
pub(crate) async fn add(Path(id): Path<String>, incoming: Ordered) -> Result<Response, Failure> {
    let (dispute, did) = (dispute_id(&id)?, &incoming.caller.did);
    let request = incoming.input::<EvidenceInput>()?.request()?;
    let answer = dispute_answer(did, StatusCode::OK);
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = incoming.market.add_evidence(did, dispute, request, attempt).await?;
    Ok(answer.respond(done))
}

/// Read evidence
///
/// The bytes as they were handed in, never as anything that a browser would run. For the parties,
/// the jurors and operators.
#[utoipa::path(
    get, path = "/api/v1/disputes/{dispute_id}/evidence/{sha256}", operation_id = "readEvidence",
    tag = "disputes",
    params(("dispute_id" = String, Path, format = Uuid), ("sha256" = String, Path)),
    responses((status = 200, description = "The bytes", content_type = "application/octet-stream")),
)]
pub(crate) async fn read(
    State(shell): State<Shell>,
    Path((id, sha256)): Path<(String, String)>,
    Viewer(viewer): Viewer,
) -> Result<Response, Failure> {
    let view = visible_dispute(&shell, &id, &viewer).await?;
    let name = digest_of("sha256", &sha256).map_err(|_| Refusal::NotFound)?;
    let bytes = shell.marketplace().evidence(view.dispute().id, name).await?;
    let bytes = bytes.ok_or(Refusal::NotFound)?;
    let mut response = Response::new(Body::from(bytes.to_vec()));
    let headers = response.headers_mut();
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, octets);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    Ok(response)
}
