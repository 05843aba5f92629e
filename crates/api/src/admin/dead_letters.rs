//! `GET /api/v1/admin/outbox/dead`: work that was given up, for operators.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::DeadLetterPage;

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Operator;
use crate::shell::Shell;

const MOST: u32 = 1_000;

/// List dead letters
///
/// Messages that no endpoint took after all tries, with the last reason; at most 1,000. For
/// operators.
#[utoipa::path(
    get, path = "/api/v1/admin/outbox/dead", operation_id = "listDeadLetters", tag = "operators",
    responses((status = 200, description = "What was given up", body = DeadLetterPage)),
)]
pub(crate) async fn dead_letters(
    State(shell): State<Shell>,
    Operator(_operator): Operator,
) -> Result<Response, Failure> {
    ok(&DeadLetterPage::new(&shell.marketplace().dead_letters(MOST).await?))
}
