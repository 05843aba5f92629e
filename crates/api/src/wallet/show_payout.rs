//! `GET /api/v1/wallet/payout-policy`: when the balance is paid out by itself.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::PayoutPolicyBody;

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::shell::Shell;

/// Show your payout policy
#[utoipa::path(
    get, path = "/api/v1/wallet/payout-policy", operation_id = "showPayoutPolicy", tag = "wallet",
    responses((status = 200, description = "The policy", body = PayoutPolicyBody)),
)]
pub(crate) async fn show_payout(
    State(shell): State<Shell>,
    Viewer(viewer): Viewer,
) -> Result<Response, Failure> {
    let policy = shell.marketplace().payout_policy(&viewer.did).await?;
    ok(&PayoutPolicyBody::from(policy))
}
