//! `GET /api/v1/jurors/me`: the caller as a juror.

use axum::extract::State;
use axum::response::Response;
use marketplace_engine::Refusal;
use marketplace_wire::JurorBody;

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::shell::Shell;

/// Show yourself as a juror
///
/// With your stake, and the disputes on whose panels you sit: your duties.
#[utoipa::path(
    get, path = "/api/v1/jurors/me", operation_id = "showJuror", tag = "disputes",
    responses((status = 200, description = "You as a juror", body = JurorBody)),
)]
pub(crate) async fn show(
    State(shell): State<Shell>,
    Viewer(viewer): Viewer,
) -> Result<Response, Failure> {
    let juror = shell.marketplace().juror(&viewer.did).await?.ok_or(Refusal::NotFound)?;
    ok(&JurorBody::from(&juror))
}
