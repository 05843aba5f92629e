//! `GET /api/v1/fees`: what we charge, and what is decided for later.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::FeesBody;

use crate::answer::ok;
use crate::failure::Failure;
use crate::shell::Shell;

/// Show the fees
///
/// Those of now, and every change that operators have decided: none counts before it was public for
/// 48 hours. With the other settings that operators can change.
#[utoipa::path(
    get, path = "/api/v1/fees", operation_id = "showFees", tag = "about", security(()),
    responses((status = 200, description = "The fees", body = FeesBody)),
)]
pub(crate) async fn fees(State(shell): State<Shell>) -> Result<Response, Failure> {
    let market = shell.marketplace();
    ok(&FeesBody::new(&market.tariff(), &market.house_rules(), market.now().await?))
}
