//! `POST /a2a/message`: tells the original's five messages apart.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::{
    DisputeMessage, ListMessage, MessageKind, OrderCompleteMessage, PurchaseMessage, SearchMessage,
    codes,
};
use utoipa::ToSchema;

use super::{complete_order, dispute, list_service, purchase, search};
use crate::failure::Failure;
use crate::incoming::Received;
use crate::shell::Shell;

/// One of the five, told apart by `type`.
#[derive(ToSchema)]
#[schema(as = Message)]
#[serde(untagged)]
#[expect(dead_code, reason = "only the documentation speaks of all messages as one type")]
pub(crate) enum AnyMessage {
    List(ListMessage<'static>),
    Search(SearchMessage<'static>),
    Purchase(PurchaseMessage<'static>),
    Complete(OrderCompleteMessage<'static>),
    Dispute(DisputeMessage<'static>),
}

/// Send a message
///
/// The original's messages and replies. What the rules refuse is answered 200 with `status`,
/// `reason` and a stable `code`; what never reaches the rules is a problem document. `from` must
/// be the DID of the token.
#[utoipa::path(
    post, path = "/a2a/message", operation_id = "sendMessage", tag = "messages",
    request_body = AnyMessage,
    responses((status = 200, description = "The reply", content_type = "application/json",
        body = Object, example = json!({
            "type": "purchase_response", "status": "success",
            "order_id": "0197f3a2-7c1e-7aaa-8b1b-0242ac120002", "escrow_amount": "5.125",
            "expires_at": "2026-11-23T12:00:00.000000Z",
        }))),
)]
pub(crate) async fn receive(
    State(shell): State<Shell>,
    received: Received,
) -> Result<Response, Failure> {
    received.require_caller(&shell)?;
    let kind: MessageKind<'_> = received.input()?;
    match kind.name.as_ref() {
        "purchase_request" => purchase::purchase(&shell, &received).await,
        "order_complete" => complete_order::complete_order(&shell, &received).await,
        "search_request" => search::search(&shell, &received).await,
        "list_service" => list_service::list_service(&shell, &received).await,
        "dispute_request" => dispute::dispute(&shell, &received).await,
        _ => {
            let detail = "`type` must be list_service, search_request, purchase_request, \
                          order_complete or dispute_request";
            Err(Failure::new(&codes::UNKNOWN_MESSAGE_TYPE, detail))
        }
    }
}
