//! `GET /api/v1/operator/motions`: the audit trail of the operators.

use axum::extract::State;
use axum::response::Response;
use marketplace_engine::Refusal;
use marketplace_wire::{MotionBody, MotionPage, MotionParams};
use uuid::Uuid;

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Operator;
use crate::params::{Params, limit, parsed, unreadable};
use crate::shell::Shell;

/// List motions
///
/// Newest first: everything that operators proposed, who agreed, why, and what became of it.
/// `state=open` shows what waits for approvals. For operators.
#[utoipa::path(
    get, path = "/api/v1/operator/motions", operation_id = "listMotions", tag = "operators",
    params(MotionParams),
    responses((status = 200, description = "A page of motions", body = MotionPage)),
)]
pub(crate) async fn list(
    State(shell): State<Shell>,
    Operator(_operator): Operator,
    Params(params): Params<MotionParams>,
) -> Result<Response, Failure> {
    let wanted = params.state.as_deref().filter(|state| !state.is_empty());
    if wanted.is_some_and(|state| !matches!(state, "open" | "scheduled")) {
        let (field, problem) = ("state", "must be open or scheduled".to_owned());
        return Err(unreadable(&Refusal::InvalidInput { field, problem }));
    }
    let problem = "must be next_cursor of the page before";
    let before: Option<Uuid> = parsed("cursor", params.cursor.as_deref(), problem)?;
    let limit = limit(params.limit.as_ref())?;
    let market = shell.marketplace();
    let motions = market.motions(before, limit).await?;
    let now = market.now().await?;
    let full = u32::try_from(motions.len()).is_ok_and(|count| count >= limit);
    let next_cursor = motions.last().filter(|_| full).map(|motion| motion.id.to_string());
    let bodies = motions.iter().map(|m| MotionBody::new(m, &market.config().operators, now));
    let results: Vec<_> =
        bodies.filter(|body| wanted.is_none_or(|state| state == body.state)).collect();
    ok(&MotionPage { count: results.len(), results, next_cursor })
}
