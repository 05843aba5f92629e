//! `POST /api/v1/admin/transfers/explain`: a transfer of ours that fits nothing.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use marketplace_ports::TegTransactionId;
use marketplace_wire::ExplainTransferInput;

use crate::answer::json;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::shell::Shell;

/// Explain a transfer
///
/// One that left our account at the TEG and that no withdrawal asked for: it is booked against your
/// capital, and the reserves are whole again. For operators.
#[utoipa::path(
    post, path = "/api/v1/admin/transfers/explain", operation_id = "explainTransfer",
    tag = "operators", request_body = ExplainTransferInput,
    responses((status = 200, description = "It is booked", body = Object)),
)]
pub(crate) async fn explain_transfer(
    State(shell): State<Shell>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    incoming.require_operator()?;
    let ExplainTransferInput { transaction_id, reason } = incoming.input()?;
    let transaction = TegTransactionId(transaction_id);
    shell.marketplace().explain_transfer(transaction, reason).await?;
    Ok(json(StatusCode::OK, r#"{"status":"booked"}"#))
}
