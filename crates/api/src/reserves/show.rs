//! `GET /api/v1/audit/reserves`: what we owe and what we hold, signed.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::{ReconciliationBody, ReservesPage, StatementBody, codes};

use super::signed;
use crate::answer::ok;
use crate::failure::Failure;
use crate::shell::Shell;

/// Show the reserves
///
/// The sum of everything that we owe, with the root of a Merkle-sum tree over it, signed by the
/// key of `/.well-known/jwks.json`; and what the TEG held for us at the last look. Each agent gets
/// the proof of its own part at `/api/v1/audit/reserves/proof`.
#[utoipa::path(
    get, path = "/api/v1/audit/reserves", operation_id = "showReserves", tag = "about",
    security(()),
    responses((status = 200, description = "The totals", body = ReservesPage)),
)]
pub(crate) async fn show(State(shell): State<Shell>) -> Result<Response, Failure> {
    let market = shell.marketplace();
    let Some(statement) = market.reserves_statement().await? else {
        return Err(Failure::new(&codes::NOT_PUBLISHED, "The first statement is on its way"));
    };
    let reconciliation = market.last_reconciliation().await?;
    let (jws, _) = signed(&shell, &statement);
    ok(&ReservesPage {
        statement: StatementBody::new(shell.did(), &statement),
        jws,
        reconciliation: reconciliation.as_ref().map(ReconciliationBody::from),
    })
}
