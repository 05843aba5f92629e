//! `GET /api/v1/wallet/entries`: the caller's statement.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::{EntryParams, StatementPage};

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::params::{Params, cursor, limit};
use crate::shell::Shell;

/// Show your statement
///
/// Every line that moved your balance, newest first.
#[utoipa::path(
    get, path = "/api/v1/wallet/entries", operation_id = "listEntries", tag = "wallet",
    params(EntryParams),
    responses((status = 200, description = "A page of lines", body = StatementPage)),
)]
pub(crate) async fn entries(
    State(shell): State<Shell>,
    Viewer(viewer): Viewer,
    Params(params): Params<EntryParams>,
) -> Result<Response, Failure> {
    let (cursor, limit) = (cursor(params.cursor.as_deref())?, limit(params.limit.as_ref())?);
    let page = shell.marketplace().statement(&viewer.did, cursor, limit).await?;
    ok(&StatementPage::new(page))
}
