//! `POST /api/v1/orders/{order_id}/review` and `GET /api/v1/orders/{order_id}/reviews`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use marketplace_wire::{OrderReviewsBody, ReviewInput};

use super::{order_id, visible_order};
use crate::answer::{Answer, ok, text};
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Review the other party
///
/// Once for each party, within seven days after the order ended. Nobody sees yours, not even that
/// there is one, before the other party gave its own or the seven days are over.
#[utoipa::path(
    post, path = "/api/v1/orders/{order_id}/review", operation_id = "reviewOrder", tag = "orders",
    params(("order_id" = String, Path, format = Uuid)), request_body = ReviewInput,
    responses((status = 200, description = "What you see of the reviews", body = OrderReviewsBody)),
)]
pub(crate) async fn review(Path(id): Path<String>, incoming: Ordered) -> Result<Response, Failure> {
    let input: ReviewInput = incoming.input()?;
    let (order, did) = (order_id(&id)?, &incoming.caller.did);
    let viewer = did.clone();
    let answer =
        Answer::new(StatusCode::OK, move |view| text(&OrderReviewsBody::new(view, &viewer)));
    let attempt = answer.idempotency(&incoming.received, did)?;
    let (stars, words) = (input.stars()?, input.text.as_str().into());
    let done = incoming.market.review(did, order, stars, words, attempt).await?;
    Ok(answer.respond(done))
}

/// Show the reviews of an order
///
/// For its parties and operators; what is hidden from you is absent.
#[utoipa::path(
    get, path = "/api/v1/orders/{order_id}/reviews", operation_id = "showReviews", tag = "orders",
    params(("order_id" = String, Path, format = Uuid)),
    responses((status = 200, description = "What you see of them", body = OrderReviewsBody)),
)]
pub(crate) async fn reviews(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    Viewer(viewer): Viewer,
) -> Result<Response, Failure> {
    let view = visible_order(&shell, &id, &viewer).await?;
    let reviews = shell.marketplace().reviews(view.order.id).await?;
    ok(&OrderReviewsBody::new(&reviews, &viewer.did))
}
