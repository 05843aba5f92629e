//! `dispute_request`: answered `failed`, until disputes exist.

use axum::http::StatusCode;
use axum::response::Response;
use marketplace_wire::{DisputeMessage, codes};

use crate::answer::json;
use crate::disputes::NOT_AVAILABLE;
use crate::failure::Failure;
use crate::incoming::Received;
use crate::shell::Shell;

pub(super) fn dispute(shell: &Shell, received: &Received) -> Result<Response, Failure> {
    let message: DisputeMessage<'_> = received.input()?;
    received.sender(shell, &message.from)?;
    let code = codes::DISPUTES_NOT_AVAILABLE.name;
    let reply = format!(
        r#"{{"type":"dispute_response","status":"failed","reason":"{NOT_AVAILABLE}","code":"{code}"}}"#
    );
    Ok(json(StatusCode::OK, reply))
}
