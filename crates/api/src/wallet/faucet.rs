//! `POST /api/v1/wallet/faucet`: play money at the TEG, where there is some.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::FaucetBody;

use crate::answer::ok;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::shell::Shell;

/// Ask the faucet
///
/// Play money for your account at the TEG, once for each DID, where the deployment has a faucet.
/// It gives once however often it is asked, so it needs no Idempotency-Key.
#[utoipa::path(
    post, path = "/api/v1/wallet/faucet", operation_id = "askFaucet", tag = "wallet",
    responses((status = 200, description = "Your balance at the TEG", body = FaucetBody)),
)]
pub(crate) async fn faucet(
    State(shell): State<Shell>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    incoming.expect_nothing()?;
    let did = &incoming.caller.did;
    let balance = shell.marketplace().faucet(did).await?;
    ok(&FaucetBody::new(did, &balance))
}
