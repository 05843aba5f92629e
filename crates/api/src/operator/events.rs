//! `GET /api/v1/operator/events`: the whole event log, in pages, for export.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::{LogPage, LogParams};

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Operator;
use crate::params::{Params, cursor, limit};
use crate::shell::Shell;

/// Read the event log
///
/// Everybody's events in their order, with those who may see them. For operators.
#[utoipa::path(
    get, path = "/api/v1/operator/events", operation_id = "readEventLog", tag = "operators",
    params(LogParams),
    responses((status = 200, description = "A page of events", body = LogPage)),
)]
pub(crate) async fn events(
    State(shell): State<Shell>,
    Operator(_operator): Operator,
    Params(params): Params<LogParams>,
) -> Result<Response, Failure> {
    let after = cursor(params.after.as_deref())?.unwrap_or(0);
    let events = shell.marketplace().event_log(after, limit(params.limit.as_ref())?).await?;
    ok(&LogPage::new(&events))
}
