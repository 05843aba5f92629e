//! `GET /api/v1/operator/motions/{motion_id}`: one motion.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_engine::Refusal;
use marketplace_wire::MotionBody;

use super::{motion_id, shown};
use crate::failure::Failure;
use crate::identity::Operator;
use crate::shell::Shell;

/// Show a motion
///
/// For operators.
#[utoipa::path(
    get, path = "/api/v1/operator/motions/{motion_id}", operation_id = "showMotion",
    tag = "operators", params(("motion_id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The motion as it stands", body = MotionBody)),
)]
pub(crate) async fn show(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    Operator(_operator): Operator,
) -> Result<Response, Failure> {
    let market = shell.marketplace();
    let motion = market.motion(motion_id(&id)?).await?.ok_or(Refusal::NotFound)?;
    shown(&shell, &motion).await
}
