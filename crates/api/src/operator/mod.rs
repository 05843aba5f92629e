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
use marketplace_engine::Refusal;
use marketplace_money::Timestamp;
use marketplace_ports::Motion;
use marketplace_wire::MotionBody;
use uuid::Uuid;

use crate::answer::{Answer, text};
use crate::shell::Shell;

/// The motion that a path names. What is no id names none.
fn motion_id(text: &str) -> Result<Uuid, Refusal> {
    text.parse().map_err(|_| Refusal::NotFound)
}

fn motion_answer(shell: &Shell, now: Timestamp) -> Answer<Arc<Motion>> {
    let operators = shell.marketplace().config().operators.clone();
    Answer::new(StatusCode::OK, move |motion: &Arc<Motion>| {
        text(&MotionBody::new(motion, &operators, now))
    })
}
