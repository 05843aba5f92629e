//! `GET /api/v1/wallet`: what the caller has, here and at the TEG.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::WalletBody;

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::shell::Shell;

/// Show your wallet
#[utoipa::path(
    get, path = "/api/v1/wallet", operation_id = "showWallet", tag = "wallet",
    responses((status = 200, description = "What you have", body = WalletBody)),
)]
pub(crate) async fn show(
    State(shell): State<Shell>,
    Viewer(viewer): Viewer,
) -> Result<Response, Failure> {
    let wallet = shell.marketplace().wallet(&viewer.did).await?;
    let stop = shell.marketplace().edge_stop().await?;
    ok(&WalletBody::new(&viewer.did, &wallet, stop.as_ref()))
}
