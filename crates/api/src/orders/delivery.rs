//! `GET /api/v1/orders/{order_id}/delivery`: the delivered bytes, or what is known of them.

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use marketplace_escrow::{Content, Delivery};
use marketplace_wire::{DeliveryBody, DeliveryParams, codes, hex};

use super::visible_order;
use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::params::Params;
use crate::shell::Shell;

const SHA256: HeaderName = HeaderName::from_static("x-delivery-sha256");

/// Fetch the delivery
///
/// The bytes as an attachment, whatever the seller says they are: a stranger wrote them. With
/// `?meta` or `Accept: application/json` what is known of them.
#[utoipa::path(
    get, path = "/api/v1/orders/{order_id}/delivery", operation_id = "fetchDelivery",
    tag = "orders", params(("order_id" = String, Path, format = Uuid), DeliveryParams),
    responses((status = 200, description = "The delivery", content(
        ("application/octet-stream"), (DeliveryBody = "application/json"),
    ))),
)]
pub(crate) async fn delivery(
    State(shell): State<Shell>,
    Path(order_id): Path<String>,
    Viewer(viewer): Viewer,
    Params(params): Params<DeliveryParams>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let view = visible_order(&shell, &order_id, &viewer).await?;
    let none = || Failure::new(&codes::NO_DELIVERY, "Nothing was delivered yet");
    let delivery = view.order.delivery().ok_or_else(none)?;
    if params.meta.is_some() || wants_json(&headers) {
        return ok(&DeliveryBody::from(delivery));
    }
    if delivery.content == Content::None {
        let detail = "The seller delivered outside of the marketplace";
        return Err(Failure::new(&codes::NO_DELIVERY, detail));
    }
    let bytes = shell.marketplace().delivered_bytes(view.order.id, delivery).await?;
    let bytes = bytes.ok_or_else(|| Failure::new(&codes::NO_DELIVERY, "The bytes are gone"))?;
    Ok(attachment(&order_id, delivery, Bytes::from_owner(bytes)))
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("application/json"))
}

fn attachment(order_id: &str, delivery: &Delivery, bytes: Bytes) -> Response {
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    let stream = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, stream);
    // An id came from the path and was parsed: nothing in it can break the header.
    let name = format!("attachment; filename=\"{order_id}.bin\"");
    let plain = HeaderValue::from_static("attachment");
    let name = HeaderValue::try_from(name).unwrap_or(plain);
    headers.insert(header::CONTENT_DISPOSITION, name);
    if let Ok(sha256) = HeaderValue::try_from(hex(&delivery.sha256)) {
        headers.insert(SHA256, sha256);
    }
    response
}
