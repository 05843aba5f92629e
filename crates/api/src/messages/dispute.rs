//! `dispute_request`: a party disputes its order, with its evidence.

use axum::http::StatusCode;
use axum::response::Response;
use marketplace_engine::{DisputeRequest, Done, EvidenceRequest, Refusal};
use marketplace_wire::{DisputeMessage, dispute_request, disputed_reply};

use super::No;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::incoming::Received;
use crate::shell::Shell;

const NO: No = No { reply: "dispute_response", status: "failed" };
/// What a client of the original says that does not know of categories.
const CATEGORY: &str = "other";

pub(super) async fn dispute(shell: &Shell, received: &Received) -> Result<Response, Failure> {
    let message: DisputeMessage<'_> = received.input()?;
    let did = received.sender(shell, &message.from)?.did;
    let request = match read(&message) {
        Ok(request) => request,
        Err(refusal) => return Ok(NO.because(&refusal)),
    };
    let answer = Answer::new(StatusCode::OK, disputed_reply);
    let attempt = answer.idempotency(received, &did)?;
    let done = match shell.marketplace().open_dispute(&did, request, attempt).await {
        Ok(done) => done,
        Err(error) => return NO.to(error),
    };
    if let (Done::Fresh(view), Some(evidence)) = (&done, message.evidence) {
        let evidence = EvidenceRequest {
            bytes: evidence.get().as_bytes().to_vec(),
            media_type: Some("application/json".to_owned()),
            note: String::new(),
        };
        // The dispute is open, and the answer says so. What cannot be added now can be handed in
        // by its own route.
        let id = view.dispute().id;
        if let Err(error) = shell.marketplace().add_evidence(&did, id, evidence, None).await {
            tracing::warn!(%error, dispute = %id, "the evidence of a message is not added");
        }
    }
    Ok(answer.respond(done))
}

fn read(message: &DisputeMessage<'_>) -> Result<DisputeRequest, Refusal> {
    let order = message.order_id.as_deref().unwrap_or_default();
    let category = message.category.as_deref().unwrap_or(CATEGORY);
    let reason = message.reason.as_deref().unwrap_or_default();
    dispute_request(order, category, message.remedy.as_deref(), reason)
}
