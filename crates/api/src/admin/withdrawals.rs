//! `GET /api/v1/admin/withdrawals`: withdrawals that have not ended, for operators.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::OpenWithdrawalsPage;

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Operator;
use crate::shell::Shell;

const MOST: u32 = 1_000;

/// List open withdrawals
///
/// In flight, and those that wait for you, with the reason; at most 1,000. For operators.
#[utoipa::path(
    get, path = "/api/v1/admin/withdrawals", operation_id = "listOpenWithdrawals",
    tag = "operators",
    responses((status = 200, description = "What has not ended", body = OpenWithdrawalsPage)),
)]
pub(crate) async fn withdrawals(
    State(shell): State<Shell>,
    Operator(_operator): Operator,
) -> Result<Response, Failure> {
    let open = shell.marketplace().open_withdrawals(None, MOST).await?;
    let stop = shell.marketplace().edge_stop().await?;
    ok(&OpenWithdrawalsPage::new(&open, stop.as_ref()))
}
