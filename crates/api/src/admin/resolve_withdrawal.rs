//! `POST /api/v1/admin/withdrawals/{id}/resolve`: the operator decides.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use marketplace_engine::Refusal;
use marketplace_ports::Withdrawal;
use marketplace_wire::{ResolveWithdrawalInput, WithdrawalBody};

use crate::answer::{Answer, text};
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::shell::Shell;

/// Resolve a withdrawal
///
/// One that waits, after a look at the TEG's own books: `resend` when its transfer was never made
/// and never will be; `return` when the tokens shall go back to the agent. For operators.
#[utoipa::path(
    post, path = "/api/v1/admin/withdrawals/{withdrawal_id}/resolve",
    operation_id = "resolveWithdrawal", tag = "operators",
    params(("withdrawal_id" = String, Path, format = Uuid)),
    request_body = ResolveWithdrawalInput,
    responses((status = 200, description = "The withdrawal now", body = WithdrawalBody)),
)]
pub(crate) async fn resolve_withdrawal(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    incoming.require_operator()?;
    let resolution = incoming.input::<ResolveWithdrawalInput>()?.resolution()?;
    let id = id.parse().map_err(|_| Refusal::NotFound)?;
    let answer = Answer::new(StatusCode::OK, |withdrawal: &Arc<Withdrawal>| {
        text(&WithdrawalBody::from(withdrawal.as_ref()))
    });
    let attempt = answer.idempotency(&incoming.received, &incoming.caller.did)?;
    let done = shell.marketplace().resolve_withdrawal(id, resolution, attempt).await?;
    Ok(answer.respond(done))
}
