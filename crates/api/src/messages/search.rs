//! `search_request`: an agent finds services.

use axum::response::Response;
use marketplace_wire::{ListingPage, SearchMessage};
use serde::Serialize;

use crate::answer::ok;
use crate::failure::Failure;
use crate::incoming::Received;
use crate::services::search::find;
use crate::shell::Shell;

#[derive(Serialize)]
struct Reply {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    page: ListingPage,
}

/// The original's reply has no way to say no, so what cannot be read is a problem document.
pub(super) async fn search(shell: &Shell, received: &Received) -> Result<Response, Failure> {
    let message: SearchMessage<'_> = received.input()?;
    received.sender(shell, &message.from)?;
    let page = find(shell, &message.input()).await?;
    ok(&Reply { kind: "search_response", page })
}
