//! `GET /api/v1/admin/audit`: checks the invariants over everything, for operators.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::AuditBody;

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Operator;
use crate::shell::Shell;

/// Audit the books
///
/// Reads everything: slow on a large store. For operators.
#[utoipa::path(
    get, path = "/api/v1/admin/audit", operation_id = "auditBooks", tag = "operators",
    responses((status = 200, description = "What was found", body = AuditBody)),
)]
pub(crate) async fn audit(State(shell): State<Shell>, _: Operator) -> Result<Response, Failure> {
    let audit = shell.marketplace().audit().await?;
    let reserves = match shell.marketplace().reserves().await {
        Ok(reserves) => Some(reserves),
        Err(error) => {
            tracing::warn!(%error, "an audit is shown without the TEG's side");
            None
        }
    };
    ok(&AuditBody::new(&audit, reserves))
}
