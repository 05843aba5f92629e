//! `PUT /api/v1/wallet/payout-policy`: says when the balance is paid out by itself.

use axum::http::StatusCode;
use axum::response::Response;
use marketplace_wire::PayoutPolicyBody;

use crate::answer::{Answer, text};
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Set your payout policy
///
/// `manual`, `immediate`, or `threshold` with the balance that triggers it. Each payout pays the
/// TEG's fee.
#[utoipa::path(
    put, path = "/api/v1/wallet/payout-policy", operation_id = "setPayoutPolicy", tag = "wallet",
    request_body = PayoutPolicyBody,
    responses((status = 200, description = "The policy from now on", body = PayoutPolicyBody)),
)]
pub(crate) async fn set_payout(incoming: Ordered) -> Result<Response, Failure> {
    let policy = incoming.input::<PayoutPolicyBody>()?.policy()?;
    let did = &incoming.caller.did;
    let answer = Answer::new(StatusCode::OK, |policy| text(&PayoutPolicyBody::from(*policy)));
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = incoming.market.set_payout(did, policy, attempt).await?;
    Ok(answer.respond(done))
}
