//! `POST /api/v1/acceptance/dry-run`: a seller tries checks before they bind it.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::{DryRunBody, DryRunInput};

use crate::answer::ok;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::shell::Shell;

/// Try acceptance checks on a sample
///
/// Runs them exactly as they would run on a delivery of the same bytes. One sample at a time for
/// all callers: `too_busy` says that others wait.
#[utoipa::path(
    post, path = "/api/v1/acceptance/dry-run", operation_id = "tryChecks", tag = "services",
    request_body = DryRunInput,
    responses((status = 200, description = "How the sample did", body = DryRunBody)),
)]
pub(crate) async fn dry_run(
    State(shell): State<Shell>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    let (checks, sample) = incoming.input::<DryRunInput>()?.read()?;
    let report = shell.marketplace().try_checks(checks, sample).await?;
    ok(&DryRunBody::from(&report))
}
