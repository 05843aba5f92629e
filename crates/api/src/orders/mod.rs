//! Orders.

pub(crate) mod accept;
pub(crate) mod accept_split;
pub(crate) mod cancel;
pub(crate) mod claim_non_delivery;
pub(crate) mod create;
pub(crate) mod decline;
pub(crate) mod deliver;
pub(crate) mod delivery;
pub(crate) mod list;
pub(crate) mod offer_split;
pub(crate) mod request_changes;
pub(crate) mod review;
pub(crate) mod show;
pub(crate) mod start;

use axum::http::StatusCode;
use axum::response::Response;
use marketplace_engine::{OrderView, Refusal};
use marketplace_escrow::{Command, OrderRefusal};
use marketplace_money::{Did, OrderId};
use marketplace_wire::{Caller, OrderBody};

use crate::answer::{Answer, text};
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// The order that a path names. What is no id names none.
pub(crate) fn order_id(text: &str) -> Result<OrderId, Refusal> {
    text.parse().map_err(|_| OrderRefusal::NotFound.into())
}

/// An order as `viewer` sees it after a command.
fn order_answer(shell: &Shell, viewer: &Did, status: StatusCode) -> Answer<OrderView> {
    let (viewer, receiver) = (viewer.clone(), shell.did().clone());
    Answer::new(status, move |view| text(&OrderBody::new(view, &viewer, &receiver)))
}

/// A party acts on its order.
async fn change(
    shell: &Shell,
    id: &str,
    incoming: &Ordered,
    command: Command,
) -> Result<Response, Failure> {
    let (order, did) = (order_id(id)?, &incoming.caller.did);
    let answer = order_answer(shell, did, StatusCode::OK);
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = incoming.market.change_order(did, order, command, attempt).await?;
    Ok(answer.respond(done))
}

/// An order for its parties and operators. Everybody else hears what is said of an order that
/// does not exist.
pub(crate) async fn visible_order(
    shell: &Shell,
    id: &str,
    viewer: &Caller,
) -> Result<OrderView, Failure> {
    let view = shell.marketplace().order(order_id(id)?).await?;
    let may_see =
        |view: &OrderView| viewer.is_operator || view.order.role_of(&viewer.did).is_some();
    Ok(view.filter(may_see).ok_or(Refusal::from(OrderRefusal::NotFound))?)
}
