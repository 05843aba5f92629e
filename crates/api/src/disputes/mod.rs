//! Disputes.

pub(crate) mod accept_settlement;
pub(crate) mod appeal;
pub(crate) mod commit;
pub(crate) mod concede;
pub(crate) mod contest;
pub(crate) mod create;
pub(crate) mod evidence;
pub(crate) mod list;
pub(crate) mod list_all;
pub(crate) mod offer_settlement;
pub(crate) mod reveal;
pub(crate) mod show;
pub(crate) mod verdict;
pub(crate) mod withdraw;

use axum::http::StatusCode;
use axum::response::Response;
use marketplace_disputes::{Command, DisputeRefusal};
use marketplace_engine::{DisputeView, Refusal};
use marketplace_money::{Did, DisputeId};
use marketplace_wire::{Caller, DisputeBody};

use crate::answer::{Answer, text};
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// The dispute that a path names. What is no id names none.
pub(crate) fn dispute_id(text: &str) -> Result<DisputeId, Refusal> {
    text.parse().map_err(|_| Refusal::Dispute(DisputeRefusal::NotFound))
}

/// A dispute as `viewer` sees it after a command.
pub(crate) fn dispute_answer(viewer: &Did, status: StatusCode) -> Answer<DisputeView> {
    let viewer = viewer.clone();
    Answer::new(status, move |view| text(&DisputeBody::new(view, &viewer)))
}

/// A party or a juror acts on a dispute.
async fn act(id: &str, incoming: &Ordered, command: Command) -> Result<Response, Failure> {
    let (dispute, did) = (dispute_id(id)?, &incoming.caller.did);
    let answer = dispute_answer(did, StatusCode::OK);
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = incoming.market.act_on_dispute(did, dispute, command, attempt).await?;
    Ok(answer.respond(done))
}

/// A dispute for its parties, its jurors and operators. Everybody else hears what is said of a
/// dispute that does not exist.
pub(crate) async fn visible_dispute(
    shell: &Shell,
    id: &str,
    viewer: &Caller,
) -> Result<DisputeView, Failure> {
    let view = shell.marketplace().dispute(dispute_id(id)?).await?;
    let view = view.filter(|view| viewer.is_operator || view.may_see(&viewer.did));
    Ok(view.ok_or(Refusal::Dispute(DisputeRefusal::NotFound))?)
}
