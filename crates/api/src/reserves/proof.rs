//! `GET /api/v1/audit/reserves/proof`: what the last statement owes the caller.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::{ProofBody, codes};

use super::signed;
use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::shell::Shell;

/// Prove what you are owed
///
/// Your balance, collateral, orders, bonds and withdrawals in the last signed statement, each with
/// its way to the root. Keep the answer as a file: `marketplace-admin verify-proof FILE` checks it
/// without us.
#[utoipa::path(
    get, path = "/api/v1/audit/reserves/proof", operation_id = "proveReserves", tag = "wallet",
    responses((status = 200, description = "The proof", body = ProofBody)),
)]
pub(crate) async fn proof(
    State(shell): State<Shell>,
    Viewer(viewer): Viewer,
) -> Result<Response, Failure> {
    let Some(proof) = shell.marketplace().reserves_proof(&viewer.did).await? else {
        return Err(Failure::new(&codes::NOT_PUBLISHED, "The first statement is on its way"));
    };
    let (jws, key) = signed(&shell, &proof.statement);
    ok(&ProofBody::new(&proof, jws, &key))
}
