//! What operators do together: every action is a motion with a reason, carried out when enough of
//! them agree.

pub(crate) mod approve;
pub(crate) mod cancel;
pub(crate) mod events;
pub(crate) mod fees;
pub(crate) mod list;
pub(crate) mod propose;
pub(crate) mod show;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use marketplace_engine::Refusal;
use marketplace_money::Timestamp;
use marketplace_ports::Motion;
use marketplace_wire::MotionBody;
use uuid::Uuid;

use crate::answer::{Answer, ok, text};
use crate::failure::Failure;
use crate::shell::Shell;

/// The motion that a path names. What is no id names none.
fn motion_id(text: &str) -> Result<Uuid, Refusal> {
    text.parse().map_err(|_| Refusal::NotFound)
}

/// A motion with what its approvals sign.
async fn shown(shell: &Shell, motion: &Motion) -> Result<Response, Failure> {
    let market = shell.marketplace();
    let body = MotionBody::new(motion, &market.config().operators, market.now().await?);
    ok(&body.signed_over(market.motion_digest(motion).await?))
}

/// A motion as it stands, and as it is told again to whoever repeats the request.
pub(crate) fn motion_answer(shell: &Shell, now: Timestamp) -> Answer<Arc<Motion>> {
    let operators = shell.marketplace().config().operators.clone();
    Answer::new(StatusCode::OK, move |motion: &Arc<Motion>| {
        text(&MotionBody::new(motion, &operators, now))
    })
}
